"""The curve of one measure over one exercise segment, as pages and plots draw it.

T frames, C cycles
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure over one segment.

    Attributes
    ----------
    video_id, segment_index : str, int
        The segment.
    exercise : str
        In words.
    measure : str
        Name in the catalogue of measures, as findings give it.
    label : str
        The measure in words, such as ``right knee flexion``.
    unit : str
        ``deg``, ``ratio`` or ``s``.
    time_s : ndarray (T,)
        Strictly increasing, on the data set's clock.
    values : ndarray (T,)
        In the unit; NaN where there is none.
    valid : ndarray (T,)
        False where nobody was seen; such values are not drawn.
    cycles : tuple of (start_s, key_s, end_s)
        Cycles of the segment, on the same clock.
    utterances_s : tuple of float
        When the trainer speaks in this segment.
    target_low, target_high : float or None
        Where the measure should be at the key frame; None when open on that side.
    tolerance : float
        Allowed on either side of the target, in the unit.

    Raises
    ------
    ValueError
        The arrays do not agree in length or time does not increase.
    """

    video_id: str
    segment_index: int
    exercise: str
    measure: str
    label: str
    unit: str
    time_s: FloatArray
    values: FloatArray
    valid: BoolArray
    cycles: tuple[tuple[float, float, float], ...] = ()
    utterances_s: tuple[float, ...] = ()
    target_low: float | None = None
    target_high: float | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        shape = self.time_s.shape
        if len(shape) != 1 or shape[0] < 1:
            raise ValueError(f"time_s has shape {shape}, needs (T,) with T at least 1")
        if self.values.shape != shape or self.valid.shape != shape:
            raise ValueError(
                f"values {self.values.shape} and valid {self.valid.shape} need shape {shape}"
            )
        if not np.all(np.isfinite(self.time_s)) or np.any(np.diff(self.time_s) <= 0):
            raise ValueError("time_s must be finite and strictly increase")


def seen(curve: Curve) -> BoolArray:
    """Tell which frames have a value to draw.

    Parameters
    ----------
    curve : Curve
        T frames.

    Returns
    -------
    ndarray (T,)
    """
    return np.asarray(curve.valid & np.isfinite(curve.values), dtype=np.bool_)


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """List the runs of true flags.

    Parameters
    ----------
    flags : ndarray (T,)
        Any flags.

    Returns
    -------
    list of (start, end)
        First frame and frame after the last.
    """
    steps = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def unseen_spans_s(curve: Curve) -> list[Span]:
    """List the times without a value.

    Parameters
    ----------
    curve : Curve
        T frames.

    Returns
    -------
    list of (start_s, end_s)
        On the curve's clock; a span reaches half way to the seen frames beside it.
    """
    middles = (curve.time_s[:-1] + curve.time_s[1:]) / 2.0
    edges = np.concatenate((curve.time_s[:1], middles, curve.time_s[-1:]))
    return [(float(edges[start]), float(edges[end])) for start, end in runs(~seen(curve))]


def value_at(curve: Curve, time_s: float) -> float | None:
    """Read the curve at a time.

    Parameters
    ----------
    curve : Curve
        T frames.
    time_s : float
        On the curve's clock.

    Returns
    -------
    float or None
        Value of the nearest frame; None outside the curve or where nothing was seen.
    """
    if not curve.time_s[0] <= time_s <= curve.time_s[-1]:
        return None
    frame = int(np.argmin(np.abs(curve.time_s - time_s)))
    return float(curve.values[frame]) if seen(curve)[frame] else None


def drawn_range(curve: Curve) -> Span:
    """Choose the value range to draw: every value seen and the target with its tolerance.

    Parameters
    ----------
    curve : Curve
        T frames.

    Returns
    -------
    (low, high)
        In the curve's unit, with a margin of 8 percent; 0 to 1 when there is nothing to draw.
    """
    shown = [float(value) for value in curve.values[seen(curve)]]
    if curve.target_low is not None:
        shown.append(curve.target_low - curve.tolerance)
    if curve.target_high is not None:
        shown.append(curve.target_high + curve.tolerance)
    if not shown:
        return 0.0, 1.0
    low, high = min(shown), max(shown)
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def thinned(time_s: FloatArray, values: FloatArray, bins: int) -> tuple[FloatArray, FloatArray]:
    """Leave out points that a drawing of limited width cannot show.

    Parameters
    ----------
    time_s, values : ndarray (T,)
        A stretch without gaps.
    bins : int
        Number of columns of the drawing.

    Returns
    -------
    time_s, values : ndarray (at most 4 * bins,)
        First, least, greatest and last point of every bin, in time order; all points when
        they are few.
    """
    if len(values) <= 4 * bins:
        return time_s, values
    kept: set[int] = set()
    for frames in np.array_split(np.arange(len(values)), bins):
        least, greatest = np.argmin(values[frames]), np.argmax(values[frames])
        kept.update(int(frames[i]) for i in (0, least, greatest, -1))
    order = sorted(kept)
    return time_s[order], values[order]
