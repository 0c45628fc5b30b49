"""What a judge's scores come to: controls first, then the figure, its doubts and agreements.

K repeats
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qevd_bio.errors import DataError
from qevd_bio.evaluation.agreement import quadratic_kappa
from qevd_bio.evaluation.bootstrap import ratio_interval
from qevd_bio.evaluation.judge_answer import HIGHEST, LOWEST
from qevd_bio.evaluation.judge_controls import CONTROLS, PASS_SHARE, REQUIRED, ControlName
from qevd_bio.evaluation.judging import FORMAT, PROMPT_OF, SCHEMA, VERSION, JudgeConfig
from qevd_bio.llm.prompt_file import load_model_prompt
from qevd_bio.tables.parquet import read_parquet

_HIGH, _LOW = 4, 2


@dataclass(frozen=True, slots=True)
class ControlResult:
    """One control.

    Attributes
    ----------
    name : str
        ``identical``, ``other``, ``number`` or ``instruction``.
    right, total : int
        Questions that were answered rightly; one that was not scored is not.
    share : float or None
        Right ones; None where the control could not be made.
    passed : bool
        Whether the share is `PASS_SHARE` at least.
    is_required : bool
        Whether a judge that fails it has no figure.
    """

    name: str
    right: int
    total: int
    share: float | None
    passed: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement on an ordinal scale: quadratic kappa, over how many items that both scored."""

    kappa: float | None
    items: int


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What is known of one judge on one file of predictions.

    Attributes
    ----------
    config : JudgeConfig
        How it was asked.
    prompt_version : int
        Of the prompt file.
    models : tuple of str
        Names that the server gave.
    pairs, scored_pairs, sessions : int
        Matched pairs; those with a score; their sessions.
    answers, unscored : int
        Answers about pairs, and those without a score.
    unscored_for : mapping of str to int
        By reason.
    controls : tuple of ControlResult
        All four.
    passed : bool
        Whether the three required ones are passed.
    mean : float or None
        Mean of the scored pairs, each the mean of its scored repeats; None unless the judge
        passed.
    interval : tuple of float or None
        95 % over sessions.
    bounds : tuple of float or None
        The mean if every unscored pair were worth 1, and 5.
    spread : float or None
        Mean standard deviation between the repeats of a pair (K - 1); None in paper mode.
    unequal : float or None
        Share of pairs whose repeats differ, an unscored one among scored ones included.
    human, other_judge : Kappa or None
        Agreement with people, and with the other judge; None where nothing was given.
    """

    config: JudgeConfig
    prompt_version: int
    models: tuple[str, ...]
    pairs: int
    scored_pairs: int
    sessions: int
    answers: int
    unscored: int
    unscored_for: Mapping[str, int]
    controls: tuple[ControlResult, ...]
    passed: bool
    mean: float | None
    interval: tuple[float, float] | None
    bounds: tuple[float, float] | None
    spread: float | None
    unequal: float | None
    human: Kappa | None
    other_judge: Kappa | None

    @property
    def unscored_share(self) -> float | None:
        """Answers about pairs without a score, as a share."""
        return self.unscored / self.answers if self.answers else None

    def as_json(self) -> dict[str, Any]:
        """Spell everything out."""
        head = {"format": FORMAT, "version": VERSION, "pass_share": PASS_SHARE}
        return {**head, **asdict(self), "unscored_share": self.unscored_share}


def judge_report(
    rows: Sequence[Mapping[str, Any]],
    config: JudgeConfig,
    other: Sequence[Mapping[str, Any]] | None = None,
) -> JudgeReport:
    """Add up the rows of `judged_rows`.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of one judge, metric and mode.
    config : JudgeConfig
        How it was asked.
    other : sequence of mapping, optional
        Rows of another judge about the same predictions.
    """
    table = _table(rows)
    pairs = table[table["about"] == "pair"]
    by_pair = _by_item(pairs)
    controls = _controls(table)
    passed = all(one.passed for one in controls if one.is_required)
    unscored = pairs[pairs["score"].isna()]
    is_strict = config.mode == "strict"
    return JudgeReport(
        config=config,
        prompt_version=load_model_prompt(PROMPT_OF[config.metric]).version,
        models=tuple(sorted({name for name in table["model"] if name})),
        pairs=len(by_pair),
        scored_pairs=int(by_pair["mean"].notna().sum()),
        sessions=by_pair["session"].nunique(),
        answers=len(pairs),
        unscored=len(unscored),
        unscored_for={
            str(reason): int(n)
            for reason, n in unscored["reason"].value_counts().sort_index().items()
        },
        controls=controls,
        passed=passed,
        **(_figure(by_pair, config.seed) if passed else _WITHHELD),
        spread=_mean(by_pair["std"]) if is_strict else None,
        unequal=_mean(by_pair["unequal"].astype(float)) if is_strict else None,
        human=_with_humans(table),
        other_judge=None if other is None else _with_other(pairs, _table(other)),
    )


def read_judgements(path: Path) -> list[dict[str, Any]]:
    """Read what another judge was asked and said; `DataError` where that is not possible."""
    found: list[dict[str, Any]] = read_parquet(path, SCHEMA).to_pylist()
    if not any(row["about"] == "pair" for row in found):
        raise DataError(
            "holds no judged pair",
            where=str(path),
            next_step="Name the .parquet file that `qevd-bio evaluate judge` wrote",
        )
    return found


_WITHHELD: dict[str, Any] = {"mean": None, "interval": None, "bounds": None}


def _table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=SCHEMA.names)
    return table.astype({"score": float, "human": float})


def _by_item(rows: pd.DataFrame) -> pd.DataFrame:
    """Join the repeats of each item: mean, standard deviation, whether they differ, session."""
    groups = rows.groupby("key", sort=False)
    joined = pd.DataFrame(
        {
            "session": groups["session"].first(),
            "mean": groups["score"].mean(),
            "std": groups["score"].std(ddof=1),
            "unequal": groups["score"].nunique(dropna=False) > 1,
        }
    )
    no_session = joined["session"] == ""
    joined.loc[no_session, "session"] = joined.index[no_session]
    return joined


def _figure(by_pair: pd.DataFrame, seed: int) -> dict[str, Any]:
    scored = by_pair[by_pair["mean"].notna()]
    if scored.empty:
        return _WITHHELD
    missing, total = len(by_pair) - len(scored), float(scored["mean"].sum())
    sessions = scored.groupby("session")["mean"].agg(["sum", "count"])
    sums, counts = (sessions[name].to_numpy(np.float64) for name in ("sum", "count"))
    return {
        "mean": total / len(scored),
        "interval": ratio_interval(sums, counts, seed=seed),
        "bounds": (
            (total + LOWEST * missing) / len(by_pair),
            (total + HIGHEST * missing) / len(by_pair),
        ),
    }


def _controls(table: pd.DataFrame) -> tuple[ControlResult, ...]:
    means = {
        name: _by_item(table[table["about"] == f"control:{name}"])["mean"] for name in CONTROLS
    }
    identical = means["identical"]
    right = {
        "identical": identical >= _HIGH,
        "other": means["other"] <= _LOW,
        "number": means["number"] < identical.reindex(means["number"].index),
        "instruction": means["instruction"] <= _LOW,
    }
    return tuple(_result(name, right[name]) for name in CONTROLS)


def _result(name: ControlName, right: pd.Series[bool]) -> ControlResult:
    count, total = int(right.sum()), len(right)
    share = count / total if total else None
    passed = share is not None and share >= PASS_SHARE
    return ControlResult(name, count, total, share, passed, name in REQUIRED)


def _with_humans(table: pd.DataFrame) -> Kappa | None:
    rows = table[table["about"] == "human"]
    if rows.empty:
        return None
    judged = _by_item(rows)["mean"]
    people = rows.groupby("key", sort=False)["human"].first()
    return _kappa(judged, people)


def _with_other(pairs: pd.DataFrame, others: pd.DataFrame) -> Kappa:
    """Compare two judges on the pairs that both were shown, text for text."""
    shown = ["key", "true", "predicted"]
    both = pairs[shown].drop_duplicates().merge(others[others["about"] == "pair"], on=shown)
    if both.empty:
        raise DataError(
            "is about none of these pairs",
            where="the other judge's file",
            next_step="Let both judges score the same predictions",
        )
    return _kappa(_by_item(pairs)["mean"], _by_item(both)["mean"])


def _kappa(one: pd.Series[float], other: pd.Series[float]) -> Kappa:
    both = pd.concat([one, other], axis=1, join="inner").dropna()
    ratings = ([math.floor(value + 0.5) for value in both.iloc[:, place]] for place in (0, 1))
    return Kappa(quadratic_kappa(*ratings), len(both))


def _mean(values: pd.Series[float]) -> float | None:
    mean = values.mean()
    return None if pd.isna(mean) else float(mean)
