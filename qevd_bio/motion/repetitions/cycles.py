"""Repetitions of a segment: from rest to the extreme and back to rest.

T frames, K angles
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.medians import medians_of_known
from qevd_bio.motion.repetitions.curve_search import search_curve
from qevd_bio.motion.repetitions.cycle_record import PROMINENCE_RAD, Cycle, CycleSettings
from qevd_bio.motion.repetitions.pace import is_noisy
from qevd_bio.motion.repetitions.set_likeness import alike
from qevd_bio.motion.repetitions.set_movement import LEAST_CYCLES, along_the_set
from qevd_bio.motion.repetitions.shared_movement import with_shared_movement
from qevd_bio.motion.smoothing import gaussian_smooth

__all__ = [
    "PROMINENCE_RAD",
    "Cycle",
    "CycleSettings",
    "detect_alternating",
    "detect_cycles",
    "mean_crossings",
]


def detect_cycles(
    signal: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    settings: CycleSettings,
    angles: FloatArray | None = None,
) -> list[Cycle]:
    """Find the repetitions of one segment.

    Parameters
    ----------
    signal : ndarray (T,)
        Angle in rad, turned so that the extreme of a repetition is its maximum. Only frames of
        the segment: other movement would change the typical prominence.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    valid : ndarray (T,) of bool
        Frames that hold a measurement.
    settings : CycleSettings
        Bounds and shares.
    angles : ndarray (T, K), optional
        All angles in rad that the exercise moves, continuous in time; NaN where unknown.

    Returns
    -------
    list of Cycle
        In time order, not overlapping, frames counted from the first one given.

    Raises
    ------
    ValueError
        The shapes do not fit or times do not increase.

    Notes
    -----
    A repetition counts when its extreme and, on both sides, `prominence_share` of the typical
    way and `return_share` of its own are seen. A first one that began before the segment counts
    when it is seen from shortly before its extreme on; a last one that goes on at the segment's
    end counts when it is back by `done_share`.
    NaN and invalid frames are bridged up to `gap_s`. Peaks, prominence and bounds after the
    BioCoach supplement 5.
    With `angles`, cycles unlike all others are left out (`set_likeness`), and a noisy signal is
    replaced by what all angles say about the set that is found in a first pass
    (`set_movement`). An angle that is unknown in all frames takes no part.
    """
    known = _known_angles(angles, valid)
    if known.shape[1] == 0:
        return search_curve(signal, time_s, valid, settings)[0]
    smooth = _filled(gaussian_smooth(known, time_s, valid, settings.sigma_s))
    fine = gaussian_smooth(signal, time_s, valid, settings.sigma_s)
    if not is_noisy(signal, fine, valid, settings.set_noise_share):
        return _of_the_set(*search_curve(signal, time_s, valid, settings), smooth, settings)
    settings = replace(
        settings,
        noise_share=settings.set_noise_share,
        prominence_share=settings.set_prominence_share,
    )
    shared = with_shared_movement(signal, known, time_s, valid)
    cycles = _of_the_set(*search_curve(shared, time_s, valid, settings), smooth, settings)
    if len(cycles) < LEAST_CYCLES:
        return cycles
    curve = along_the_set(signal, known, smooth, time_s, _frames(cycles))
    return _of_the_set(*search_curve(curve, time_s, valid, settings), smooth, settings)


def detect_alternating(
    right: FloatArray,
    left: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    settings: CycleSettings,
    angles: FloatArray | None = None,
) -> list[Cycle]:
    """Find the halves of an alternating movement and name the side that leads each.

    Parameters
    ----------
    right, left : ndarray (T,)
        The same angle of both sides in rad, turned so that the leading side has the larger.
    time_s, valid, settings, angles
        As in `detect_cycles`; the bounds hold for one half. Halves unlike the others of their
        side are left out; a noisy signal stays as it is, since the two sides move along two
        axes.

    Returns
    -------
    list of Cycle
        Kind ``half``, in time order.

    Notes
    -----
    The extremes are those of the larger side, so sides need not alternate strictly. Where two
    halves of different sides touch, the boundary is the crossing of right minus left through
    its mean over both halves (supplement 5).
    """
    found, larger = search_curve(np.fmax(right, left), time_s, valid, settings)
    difference = gaussian_smooth(right - left, time_s, valid, settings.sigma_s)
    halves = [
        replace(cycle, kind="half", side=_leading_side(difference, cycle)) for cycle in found
    ]
    known = _known_angles(angles, valid)
    if known.shape[1] > 0:
        smooth = _filled(gaussian_smooth(known, time_s, valid, settings.sigma_s))
        kept = [
            half
            for side in ("r", "l")
            for half in _of_the_set(
                [half for half in halves if half.side == side], larger, smooth, settings
            )
        ]
        halves = sorted(kept, key=lambda half: half.start)
    for i in range(len(halves) - 1):
        first, second = halves[i], halves[i + 1]
        if first.end != second.start or first.side == second.side:
            continue
        crossings = mean_crossings(difference, first.start, second.end)
        between = crossings[(crossings > first.key) & (crossings < second.key)]
        if len(between) == 0:
            continue
        border = int(between[np.argmin(np.abs(between - first.end))])
        halves[i] = replace(first, end=border, end_s=float(time_s[border]))
        halves[i + 1] = replace(second, start=border, start_s=float(time_s[border]))
    return halves


def mean_crossings(signal: FloatArray, start: int, end: int) -> IntArray:
    """Find the frames where a curve passes its own mean within one cycle.

    Parameters
    ----------
    signal : ndarray (T,)
        Curve without unit.
    start, end : int
        First and last frame of the cycle.

    Returns
    -------
    ndarray of int
        First frame after each crossing, in the numbering of `signal` (supplement 5, equation 1).
    """
    part = signal[start : end + 1]
    above = part >= np.nanmean(part)
    return np.asarray(start + 1 + np.flatnonzero(above[1:] != above[:-1]), dtype=np.int64)


def _frames(cycles: Sequence[Cycle]) -> IntArray:
    return np.array([(c.start, c.key, c.end) for c in cycles], dtype=np.int64).reshape(-1, 3)


def _of_the_set(
    cycles: list[Cycle], curve: FloatArray, angles: FloatArray, settings: CycleSettings
) -> list[Cycle]:
    kept = alike(_frames(cycles), curve, angles, settings.unlike_range)
    return [cycle for cycle, stays in zip(cycles, kept, strict=True) if stays]


def _known_angles(angles: FloatArray | None, valid: BoolArray) -> FloatArray:
    """Keep the angles that are known at all; NaN in invalid frames."""
    if angles is None:
        return np.empty((len(valid), 0))
    measured = np.where(valid[:, None], angles, np.nan)
    return measured[:, np.isfinite(measured).any(axis=0)]


def _filled(angles: FloatArray) -> FloatArray:
    """Bridge unknown frames linearly, each angle for itself."""
    frames = np.arange(len(angles))
    columns = []
    for column in angles.T:
        known = np.isfinite(column)
        columns.append(np.interp(frames, frames[known], column[known]))
    return np.stack(columns, axis=1)


def _leading_side(difference: FloatArray, cycle: Cycle) -> str:
    reach = max(1, (cycle.end - cycle.start) // 10)
    near_key = difference[max(cycle.start, cycle.key - reach) : cycle.key + reach + 1]
    return "r" if medians_of_known(near_key[None])[0] >= 0 else "l"
