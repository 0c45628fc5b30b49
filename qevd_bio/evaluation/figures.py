"""The figures of an evaluation: their formulas, intervals over sessions, and paired tests.

S sessions, N draws of sessions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.evaluation.bootstrap import DRAWS, SEED, session_draws

Sums: TypeAlias = Mapping[str, FloatArray]
"""What `segment_scores` counts, added up: of sessions (S,) or of draws (N,)."""
Group = Literal["FitCoach", "strict", "bio-facts"]
_EPS = 1e-12
TEXT_NAMES = {"meteor": "METEOR", "rouge_l": "ROUGE-L", "bert_score": "BERTScore"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One column of a table of results.

    Attributes
    ----------
    name, title : str
        In files, and for readers.
    group : str
        ``FitCoach``: compatible with its evaluator. ``strict``: silence costs recall.
    formula : callable
        From sums to the figure; NaN where it is not defined.
    """

    name: str
    title: str
    group: Group
    formula: Callable[[Sums], FloatArray]


@dataclass(frozen=True, slots=True)
class Value:
    """A figure of one system; None where nothing was counted.

    Attributes
    ----------
    value : float or None
        Of all sessions.
    interval : tuple of float or None
        95 % when whole sessions are drawn anew; None for fewer than two sessions.
    """

    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Two systems in one figure, on the same sessions.

    Attributes
    ----------
    value : float or None
        The first minus the second.
    interval : tuple of float or None
        95 % of the difference when whole sessions are drawn anew.
    p : float or None
        Share of exchanges of the two systems, session by session at random, that differ at least
        as much (approximate randomisation, two-sided).
    """

    value: float | None
    interval: tuple[float, float] | None
    p: float | None


def figures(texts: Sequence[str]) -> tuple[Figure, ...]:
    """List the figures, with the measures of text that were computed."""
    return (
        Figure("t_f", "T-F", "FitCoach", _t_f),
        *(Figure(name, TEXT_NAMES[name], "FitCoach", _mean(name)) for name in texts),
        Figure("strict_precision", "precision", "strict", _over("paired", "predicted")),
        Figure("strict_recall", "recall", "strict", _over("paired", "true")),
        Figure("strict_t_f", "T-F", "strict", _both("paired")),
        *(
            Figure(f"strict_{name}", TEXT_NAMES[name], "strict", _both(f"paired_{name}"))
            for name in texts
        ),
        Figure(
            "facts_precision",
            "precision",
            "bio-facts",
            _over("details_agreeing", "details_predicted"),
        ),
        Figure("facts_recall", "recall", "bio-facts", _over("details_agreeing", "details_true")),
        Figure("facts_f1", "F1", "bio-facts", _facts_f1),
    )


def _over(part: str, whole: str) -> Callable[[Sums], FloatArray]:
    return lambda sums: _share(sums[part], sums[whole])


def _mean(name: str) -> Callable[[Sums], FloatArray]:
    """Average over FitCoach's pairs alone: what is not said costs nothing."""
    return _over(name, "matched_true")


def _both(name: str) -> Callable[[Sums], FloatArray]:
    """Divide by true and predicted sentences alike, so that silence and chatter cost."""
    return lambda sums: _share(2.0 * sums[name], sums["true"] + sums["predicted"])


def _t_f(sums: Sums) -> FloatArray:
    recall = sums["matched_true"] / (sums["true"] + _EPS)
    precision = sums["matched_predicted"] / (sums["predicted"] + _EPS)
    return np.asarray(2.0 * precision * recall / (precision + recall + _EPS))


def _facts_f1(sums: Sums) -> FloatArray:
    return _share(2.0 * sums["details_agreeing"], sums["details_true"] + sums["details_predicted"])


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def values(
    sessions: Sums, wanted: Sequence[Figure], *, seed: int = SEED, draws: int = DRAWS
) -> dict[str, Value]:
    """Compute figures with their intervals from the sums of each session (S,)."""
    drawn = _drawn(sessions, seed, draws)
    whole = _totals(sessions)
    return {
        one.name: Value(
            _number(one.formula(whole)[0]), None if drawn is None else _spread(one.formula(drawn))
        )
        for one in wanted
    }


def differences(
    first: Sums, second: Sums, wanted: Sequence[Figure], *, seed: int = SEED, draws: int = DRAWS
) -> dict[str, Difference]:
    """Compare two systems on the same sessions, in the same order."""
    whole = [_totals(one) for one in (first, second)]
    drawn = [_drawn(one, seed, draws) for one in (first, second)]
    swap = _swaps(len(first["true"]), seed, draws)
    swapped = [_exchanged(first, second, swap), _exchanged(second, first, swap)]
    found = {}
    for one in wanted:
        value = float((one.formula(whole[0]) - one.formula(whole[1]))[0])
        if np.isnan(value) or drawn[0] is None or drawn[1] is None:
            found[one.name] = Difference(_number(value), None, None)
            continue
        spread = _spread(one.formula(drawn[0]) - one.formula(drawn[1]))
        by_chance = one.formula(swapped[0]) - one.formula(swapped[1])
        by_chance = np.abs(by_chance[~np.isnan(by_chance)])
        larger = int((by_chance >= abs(value) - 1e-12).sum())
        found[one.name] = Difference(value, spread, (1 + larger) / (1 + len(by_chance)))
    return found


def _totals(sessions: Sums) -> Sums:
    return {name: column.sum(keepdims=True) for name, column in sessions.items()}


def _drawn(sessions: Sums, seed: int, draws: int) -> Sums | None:
    """Add sums up over sessions drawn with replacement (N,); None for fewer than two."""
    count = len(sessions["true"])
    if count < 2:
        return None
    times = session_draws(count, seed=seed, draws=draws)
    return {name: times @ column for name, column in sessions.items()}


def _swaps(count: int, seed: int, draws: int) -> BoolArray:
    return np.random.Generator(np.random.PCG64(seed)).random((draws, count)) < 0.5


def _exchanged(own: Sums, other: Sums, swap: BoolArray) -> Sums:
    return {name: np.where(swap, other[name], own[name]).sum(axis=1) for name in own}


def _spread(drawn: FloatArray) -> tuple[float, float] | None:
    known = drawn[~np.isnan(drawn)]
    if len(known) == 0:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
