"""The curve of one measure over one exercise segment, as data: what pages and plots draw.

T frames
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray

Span = tuple[float, float]


class CycleTimes(NamedTuple):
    """Start, key frame and end of a cycle in seconds."""

    start_s: float
    key_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where a measure should be at the key frame, in its unit.

    Attributes
    ----------
    low, high : float or None
        Bounds; None when open on that side.
    tolerance : float
        Allowed beyond the bounds.
    guard : float
        A value counts as a violation only beyond tolerance + guard: the measurement noise
        times the number of standard deviations the check asks for. 0 when unknown.
    """

    low: float | None
    high: float | None
    tolerance: float = 0.0
    guard: float = 0.0

    def widened(self, by: float) -> tuple[float | None, float | None]:
        """Return the bounds, moved outwards."""
        return (
            None if self.low is None else self.low - by,
            None if self.high is None else self.high + by,
        )

    def bands(self) -> dict[str, tuple[float | None, float | None]]:
        """Return the bounds of each band by name, the widest first."""
        return {
            "guard": self.widened(self.tolerance + self.guard),
            "tolerance": self.widened(self.tolerance),
            "target": self.widened(0.0),
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure over one segment.

    Attributes
    ----------
    video_id, segment_index : str, int
        The segment.
    exercise : str
        Name of the exercise as the trainer gives it.
    measure : str
        Name in the catalogue of measures, with its side.
    label : str
        The measure for readers, such as ``right knee flexion``.
    unit : str
        ``deg``, ``ratio`` or ``s``.
    time_s : ndarray (T,)
        Strictly increasing, on the data set's clock.
    values : ndarray (T,)
        In the unit; NaN where nobody was detected and where the measure is not observed.
    cycles : tuple of CycleTimes
        Cycles of the segment, on the same clock.
    utterances_s : tuple of float
        Times of the utterances in this segment.
    target : Target or None
        What the measure is checked against; None without a check.

    Raises
    ------
    ValueError
        The arrays differ in length or time does not increase.
    """

    video_id: str
    segment_index: int
    exercise: str
    measure: str
    label: str
    unit: str
    time_s: FloatArray
    values: FloatArray
    cycles: tuple[CycleTimes, ...] = ()
    utterances_s: tuple[float, ...] = ()
    target: Target | None = None

    def __post_init__(self) -> None:
        shape = self.time_s.shape
        if len(shape) != 1 or shape[0] < 1 or self.values.shape != shape:
            raise ValueError(
                f"time_s {shape} and values {self.values.shape} need shape (T,) with T at least 1"
            )
        if not np.all(np.isfinite(self.time_s)) or np.any(np.diff(self.time_s) <= 0):
            raise ValueError("time_s must be finite and strictly increase")


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """List the runs of true flags (T,): first frame and frame after the last."""
    steps = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def gaps_s(curve: Curve) -> list[Span]:
    """List the times without a value, each half way to the frames with a value beside it."""
    middles = (curve.time_s[:-1] + curve.time_s[1:]) / 2.0
    edges = np.concatenate((curve.time_s[:1], middles, curve.time_s[-1:]))
    return [(float(edges[i]), float(edges[k])) for i, k in runs(~np.isfinite(curve.values))]


def value_at(curve: Curve, time_s: float) -> float | None:
    """Return the value of the frame nearest to a time; None in gaps and outside the curve."""
    if not curve.time_s[0] <= time_s <= curve.time_s[-1]:
        return None
    value = float(curve.values[np.argmin(np.abs(curve.time_s - time_s))])
    return value if np.isfinite(value) else None


def value_range(curve: Curve) -> Span:
    """Choose the value range to draw: every value and the target with all its bands.

    It has a margin of 8 percent, and is 0 to 1 when there is nothing to draw.
    """
    shown = [float(value) for value in curve.values[np.isfinite(curve.values)]]
    if curve.target is not None:
        shown += [bound for bound in curve.target.bands()["guard"] if bound is not None]
    if not shown:
        return 0.0, 1.0
    low, high = min(shown), max(shown)
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def thinned(time_s: FloatArray, values: FloatArray, bins: int) -> tuple[FloatArray, FloatArray]:
    """Leave out points of a stretch (T,) without gaps that a drawing of limited width cannot show.

    First, least, greatest and last point of each of `bins` columns, in time order: at most 4 *
    bins; all points when they are few.
    """
    if len(values) <= 4 * bins:
        return time_s, values
    kept: set[int] = set()
    for frames in np.array_split(np.arange(len(values)), bins):
        least, greatest = np.argmin(values[frames]), np.argmax(values[frames])
        kept.update(int(frames[i]) for i in (0, least, greatest, -1))
    order = sorted(kept)
    return time_s[order], values[order]
