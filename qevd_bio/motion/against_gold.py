"""How repetitions differ from gold executions: at rest, at the extreme and on the way.

C cycles, P phase points, K measures

Notes
-----
People differ in how they stand and how sensors sit on them, and repeat a movement much more
closely than another person's. So the way is compared relative to each repetition's own rest; the
rest is compared apart, and is no part of the total. Both are put in units of what gold executions
differ by among themselves (between and within executions) and of the measurement's noise.

A few executions say little about how far people differ. Their spread is shrunk to `USUAL_SPREAD`,
which counts as much as `USUAL_EXECUTIONS` executions (an inverse-gamma prior); both were chosen on
UI-PRMD's subjects 1 to 3 (benchmarks/RESULTS-correctness.md), and published nowhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray

KEY_AT = 0.5
"""Phase of the extreme, to which both ways are stretched."""

USUAL_SPREAD = 4.0
"""By which people differ on the way, in the unit of the measures: degrees."""

USUAL_SPREAD_AT_REST = 6.0
USUAL_EXECUTIONS = 2.0


@dataclass(frozen=True, slots=True)
class Gold:
    """What gold executions have in common.

    Attributes
    ----------
    rest, rest_spread : ndarray (K,)
        Mean of both ends of a repetition, and one standard deviation of a new execution's.
    way : ndarray (P, K)
        Mean curve, relative to the rest.
    spread : ndarray (K,)
        One standard deviation about it; as `rest_spread`, NaN in measures that no execution has.
    """

    rest: FloatArray
    rest_spread: FloatArray
    way: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True)
class Difference:
    """How one repetition differs from the gold ones.

    Attributes
    ----------
    rest, extreme : ndarray (K,)
        Measured minus gold, in the unit of the measures: at rest; at the extreme, relative to the
        rest.
    rest_spreads, extreme_spreads, way_spreads : ndarray (K,)
        The same in spreads; on the way the root mean square over all phases.
    total : float
        Mean over the measures of extreme and way in spreads; about 1 or less for a repetition
        like the gold ones. NaN where no measure is known to both.
    """

    rest: FloatArray
    extreme: FloatArray
    rest_spreads: FloatArray
    extreme_spreads: FloatArray
    way_spreads: FloatArray
    total: float


def gold_of(executions: Sequence[FloatArray], noise: FloatArray) -> Gold:
    """Learn from gold executions.

    Parameters
    ----------
    executions : sequence of ndarray (C, P, K)
        Repetitions of each, at least one, on a common axis of phase with the extreme at `KEY_AT`;
        NaN in measures that are not known.
    noise : ndarray (K,)
        One standard deviation of the measurement.

    Raises
    ------
    ValueError
        There is no execution, or one has no repetition or other measures.
    """
    shapes = {one.shape[1:] for one in executions}
    if len(shapes) != 1 or any(one.ndim != 3 or len(one) == 0 for one in executions):
        raise ValueError(f"{len(executions)} executions of shapes {shapes}")
    rests = [_rest(one) for one in executions]
    ways = [one - rest[:, None] for one, rest in zip(executions, rests, strict=True)]
    rest, rest_variance = _usual([one[:, None] for one in rests], USUAL_SPREAD_AT_REST)
    way, variance = _usual(ways, USUAL_SPREAD)
    return Gold(
        rest=rest[0],
        rest_spread=np.sqrt(rest_variance + noise**2),
        way=way,
        spread=np.sqrt(variance + noise**2),
    )


def difference(repetition: FloatArray, gold: Gold) -> Difference:
    """Compare one repetition (P, K) with gold ones, on the same axis of phase."""
    rest = _rest(repetition[None])[0]
    apart = repetition - rest - gold.way
    spreads = apart / gold.spread
    key = round(KEY_AT * (len(apart) - 1))
    on_the_way = np.sqrt(_mean(spreads**2, axis=0))
    parts = np.stack([np.abs(spreads[key]), on_the_way])
    return Difference(
        rest=rest - gold.rest,
        extreme=apart[key],
        rest_spreads=(rest - gold.rest) / gold.rest_spread,
        extreme_spreads=spreads[key],
        way_spreads=on_the_way,
        total=float(_mean(parts)),
    )


def _rest(cycles: FloatArray) -> FloatArray:
    """Return the mean of both ends (C, K)."""
    return np.asarray((cycles[:, 0] + cycles[:, -1]) / 2.0)


def _usual(executions: Sequence[FloatArray], usual_spread: float) -> tuple[FloatArray, FloatArray]:
    """Return the mean curve (P, K) and the variance (K,) of a repetition of a new execution."""
    means = np.stack([_mean(one, axis=0) for one in executions])
    known = np.isfinite(means[:, 0]).sum(axis=0)
    middle = _mean(means, axis=0)
    within = _mean(
        np.stack([_mean((one - _mean(one, axis=0)) ** 2, axis=(0, 1)) for one in executions]), 0
    )
    apart = np.nansum(_mean((means - middle) ** 2, axis=1), axis=0)
    between = (apart + USUAL_EXECUTIONS * usual_spread**2) / (known - 1 + USUAL_EXECUTIONS)
    new = 1.0 + 1.0 / np.maximum(known, 1)
    return middle, np.where(known > 0, within + new * between, np.nan)


def _mean(values: FloatArray, axis: int | tuple[int, ...] | None = None) -> FloatArray:
    """Average what is known; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis))
