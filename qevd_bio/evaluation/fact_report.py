"""`bio-facts` over a file of pairs: every pair, every exercise, all, with intervals by session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qevd_bio.evaluation.bootstrap import DRAWS, SEED, ratio_interval
from qevd_bio.evaluation.fact_agreement import (
    DETAILS,
    Agreement,
    Tolerance,
    compare_sentences,
    is_within,
    stated_details,
)
from qevd_bio.evaluation.pairs import Pair
from qevd_bio.facts.sentence_facts import Fact
from qevd_bio.tables.columns import column

FORMAT, VERSION = "qevd_bio.bio_facts", 1

_COUNTS = {
    "facts_true": "Facts of the true sentence",
    "facts_predicted": "Facts of the predicted sentence",
    "facts_matched": "Facts of one quantity in both",
    "details_true": "Details that the true facts state",
    "details_predicted": "Details that the predicted facts state",
    "details_agreeing": "Details that both state alike",
    **{
        f"{name}_{what}": f"Matched facts that both state a {name}{words}"
        for name in DETAILS
        for what, words in (("compared", ""), ("wrong", ", another one"))
    },
    "values_deg": "Values in degrees that both state",
}
_DIFFERENCE: pa.DataType = pa.struct(
    [
        column("detail", pa.string(), "quantity, side, value, target, direction, amount or phase"),
        column("relation", pa.string(), "missing, invented, differs, omitted or added"),
        column("quantity", pa.string(), "Measure without its side"),
        column("side", pa.string(), "Side of the true fact, else of the predicted", nullable=True),
        column("error", pa.float64(), "Predicted minus true value or amount, in its unit"),
    ]
)
SCHEMA: pa.Schema = pa.schema(
    [
        column("key", pa.string(), "Name of the pair"),
        column("session", pa.string(), "Video, or empty"),
        column("exercise", pa.string(), "Id of the rule", nullable=True),
        column("kind", pa.string(), "matched, missed or extra"),
        column("true", pa.string(), "True sentence"),
        column("predicted", pa.string(), "Predicted sentence"),
        *(column(name, pa.int32(), words) for name, words in _COUNTS.items()),
        column("value_error_deg", pa.float64(), "Sum of the errors without sign", unit="deg"),
        column("differences", pa.list_(_DIFFERENCE), "All differences, however small"),
    ],
    metadata={"qevd_bio.format": FORMAT, "qevd_bio.format_version": str(VERSION)},
)


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its interval over sessions; None where nothing was counted.

    Attributes
    ----------
    value : float or None
        Count by total.
    count, total : float
        What is divided.
    interval : tuple of float or None
        95 %, see `ratio_interval`.
    """

    value: float | None
    count: float
    total: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class FactScores:
    """`bio-facts` of some pairs.

    Attributes
    ----------
    pairs, sessions : int
        How many there are.
    facts_true, facts_predicted, facts_matched : int
        Facts, and those of one quantity in both sentences.
    precision, recall, f1 : Share
        Of details.
    value_error_deg : Share
        Mean error of values in degrees, without sign; its total is the number of values.
    wrong : mapping of str to Share
        By detail: matched facts that state another one, of those that both state it.
    """

    pairs: int
    sessions: int
    facts_true: int
    facts_predicted: int
    facts_matched: int
    precision: Share
    recall: Share
    f1: Share
    value_error_deg: Share
    wrong: dict[str, Share]


@dataclass(frozen=True, slots=True)
class FactReport:
    """`bio-facts` of a file of pairs, overall and by exercise, with how it was computed."""

    tolerance: Tolerance
    seed: int
    draws: int
    kinds: dict[str, int]
    overall: FactScores
    by_exercise: dict[str, FactScores]

    def as_json(self) -> dict[str, Any]:
        """Spell everything out."""
        return {"format": FORMAT, "version": VERSION, **asdict(self)}


def fact_rows(pairs: Iterable[Pair], tolerance: Tolerance) -> list[dict[str, Any]]:
    """Compare the facts of every pair: rows of `SCHEMA`."""
    return [_row(pair, tolerance) for pair in pairs]


def fact_report(
    rows: Sequence[dict[str, Any]], tolerance: Tolerance, *, seed: int = SEED, draws: int = DRAWS
) -> FactReport:
    """Add up the rows of `fact_rows`; without sessions every pair counts as one."""
    names = [*_COUNTS, "value_error_deg", "key", "session", "exercise", "kind"]
    table = pd.DataFrame([{name: row[name] for name in names} for row in rows], columns=names)
    table["session"] = table["session"].where(table["session"] != "", table["key"])
    table["exercise"] = table["exercise"].fillna("(none)")
    return FactReport(
        tolerance=tolerance,
        seed=seed,
        draws=draws,
        kinds={str(name): int(n) for name, n in table["kind"].value_counts().sort_index().items()},
        overall=_scores(table, seed, draws),
        by_exercise={
            str(name): _scores(part, seed, draws) for name, part in table.groupby("exercise")
        },
    )


def _row(pair: Pair, tolerance: Tolerance) -> dict[str, Any]:
    found = compare_sentences(pair.true, pair.predicted, pair.exercise, tolerance)
    return {
        "key": pair.key,
        "session": pair.session,
        "exercise": pair.exercise,
        "kind": pair.kind,
        "true": pair.true,
        "predicted": pair.predicted,
        "facts_true": len(found.true),
        "facts_predicted": len(found.predicted),
        "facts_matched": len(found.matched),
        "details_true": sum(map(stated_details, found.true)),
        "details_predicted": sum(map(stated_details, found.predicted)),
        "details_agreeing": found.agreeing,
        **_details(found, tolerance),
        "differences": [
            {
                "detail": one.detail,
                "relation": one.relation,
                "quantity": _either(one.true, one.predicted).quantity,
                "side": _either(one.true, one.predicted).side,
                "error": one.error,
            }
            for one in found.differences
        ],
    }


def _either(true: Fact | None, predicted: Fact | None) -> Fact:
    fact = true or predicted
    assert fact is not None  # noqa: S101  a difference has one of them
    return fact


def _details(found: Agreement, tolerance: Tolerance) -> dict[str, float]:
    counts: dict[str, float] = {}
    for name in DETAILS:
        stated = [
            (one, other)
            for one, other in found.matched
            if getattr(one, name) not in (None, "") and getattr(other, name) not in (None, "")
        ]
        counts[f"{name}_compared"] = len(stated)
        counts[f"{name}_wrong"] = sum(
            (one.detail, one.relation) == (name, "differs") and not is_within(one, tolerance)
            for one in found.differences
        )
    errors = [
        abs(other.value - one.value)
        for one, other in found.matched
        if one.value is not None and other.value is not None and one.unit == other.unit == "deg"
    ]
    return {**counts, "values_deg": len(errors), "value_error_deg": float(sum(errors))}


def _scores(table: pd.DataFrame, seed: int, draws: int) -> FactScores:
    sums = table.groupby("session")[[*_COUNTS, "value_error_deg"]].sum().astype(float)

    def share(count: pd.Series[float], total: pd.Series[float]) -> Share:
        above, below = float(count.sum()), float(total.sum())
        if below == 0:
            return Share(None, above, below, None)
        sums_of = (np.asarray(one, dtype=np.float64) for one in (count, total))
        interval = ratio_interval(*sums_of, seed=seed, draws=draws)
        return Share(above / below, above, below, interval)

    agreeing = sums["details_agreeing"]
    true, predicted = sums["details_true"], sums["details_predicted"]
    return FactScores(
        pairs=len(table),
        sessions=len(sums),
        facts_true=int(sums["facts_true"].sum()),
        facts_predicted=int(sums["facts_predicted"].sum()),
        facts_matched=int(sums["facts_matched"].sum()),
        precision=share(agreeing, predicted),
        recall=share(agreeing, true),
        f1=share(2.0 * agreeing, true + predicted),
        value_error_deg=share(sums["value_error_deg"], sums["values_deg"]),
        wrong={name: share(sums[f"{name}_wrong"], sums[f"{name}_compared"]) for name in DETAILS},
    )
