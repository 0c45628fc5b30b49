"""The curve of one measure over one exercise segment, as data: what pages and plots draw.

T frames
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray

Span = tuple[float, float]

Zone = Literal["on_target", "within_tolerance", "within_noise", "violated"]
"""Where a value lies: in the innermost of the three bands that holds it, or outside of all."""


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

    def deviation(self, value: float) -> float:
        """Return the value minus the nearer bound; 0 inside the target."""
        nearest = value if self.low is None else max(value, self.low)
        return value - (nearest if self.high is None else min(nearest, self.high))

    def zone(self, value: float) -> Zone:
        """Find the band that a value lies in, as `motion.constraints.judge` decides."""
        deviation = self.deviation(value)
        beyond = abs(deviation) - self.tolerance
        if deviation == 0.0:
            return "on_target"
        if beyond <= 0.0:
            return "within_tolerance"
        return "violated" if beyond > self.guard else "within_noise"

    def mirrored(self) -> Target:
        """Return the target of the value with the other sign."""
        low = None if self.high is None else 0.0 - self.high
        high = None if self.low is None else 0.0 - self.low
        return Target(low, high, self.tolerance, self.guard)

    def bands(self) -> dict[str, tuple[float | None, float | None]]:
        """Return the bounds of each band by name, the widest first."""
        return {
            "guard": self.widened(self.tolerance + self.guard),
            "tolerance": self.widened(self.tolerance),
            "target": self.widened(0.0),
        }


@dataclass(frozen=True, slots=True)
class CheckedValue:
    """A value that a finding holds: at which frame of the curve, of which trace.

    `index` is None where no frame of the curve has it.
    """

    trace: str
    index: int | None
    value: float


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
    trace : str
        Which side `values` are of: ``right``, ``left``, or empty.
    others : mapping of str to ndarray (T,)
        The same measure of the other side.
    cycles : tuple of CycleTimes
        Cycles of the segment, on the same clock.
    utterances_s : tuple of float
        Times of the utterances in this segment.
    target : Target or None
        What the measure is checked against; None without a check.
    targets : mapping of str to Target
        The same by trace: the noise differs from side to side.
    checked : tuple of CheckedValue
        What was compared with them.
    note : str
        What to know about the values; else empty.

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
    trace: str = ""
    others: Mapping[str, FloatArray] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    checked: tuple[CheckedValue, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        shape = self.time_s.shape
        lines = (self.values, *self.others.values())
        if len(shape) != 1 or shape[0] < 1 or any(one.shape != shape for one in lines):
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


def other_guards(curve: Curve) -> dict[str, tuple[float | None, float | None]]:
    """Find the outer bounds of other traces whose bands differ from the one that is drawn."""
    return {
        name: target.bands()["guard"]
        for name, target in curve.targets.items()
        if name != curve.trace and target != curve.target
    }


def value_at(curve: Curve, time_s: float) -> float | None:
    """Return the value of the frame nearest to a time; None in gaps and outside the curve."""
    if not curve.time_s[0] <= time_s <= curve.time_s[-1]:
        return None
    value = float(curve.values[np.argmin(np.abs(curve.time_s - time_s))])
    return value if np.isfinite(value) else None


def value_range(curve: Curve) -> Span:
    """Choose the value range to draw: values of both sides, checked ones, and all bands.

    It has a margin of 8 percent, and is 0 to 1 when there is nothing to draw.
    """
    lines = (curve.values, *curve.others.values())
    shown = [float(value) for line in lines for value in line[np.isfinite(line)]]
    shown += [one.value for one in curve.checked]
    targets = [curve.target, *curve.targets.values()]
    bounds = [bound for one in targets if one is not None for bound in one.bands()["guard"]]
    shown += [bound for bound in bounds if bound is not None]
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
