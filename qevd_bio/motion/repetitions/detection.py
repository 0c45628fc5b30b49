"""Detects the repetitions of a segment: from rest to the extreme and back to rest.

T frames, K angles
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.medians import medians_of_known
from qevd_bio.motion.repetitions.adaptive_smoothing import is_noisy
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.cycles_in_curve import cycles_in_curve
from qevd_bio.motion.repetitions.discriminant_curve import LEAST_CYCLES, discriminant_curve
from qevd_bio.motion.repetitions.outliers import inliers
from qevd_bio.motion.repetitions.principal_components import blend_with_principal_components
from qevd_bio.motion.smoothing import gaussian_smooth


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
    way and `return_share` of its own are measured. A first one that began before the segment
    counts when it is measured from shortly before its extreme on; a last one that continues
    after the segment counts when it is back by `done_share`.
    NaN and invalid frames are bridged up to `gap_s`. Peaks, prominence and bounds after the
    BioCoach supplement 5.
    With `angles`, outliers are left out (`outliers`), and a noisy signal is replaced by the curve
    of all angles (`discriminant_curve`) that a first pass (`principal_components`) leads to. An
    angle that is unknown in all frames is ignored.
    """
    known = _known_angles(angles, valid)
    if known.shape[1] == 0:
        return cycles_in_curve(signal, time_s, valid, settings)[0]
    smooth = _filled(gaussian_smooth(known, time_s, valid, settings.sigma_s))
    fine = gaussian_smooth(signal, time_s, valid, settings.sigma_s)
    if not is_noisy(signal, fine, valid, settings.set_noise_share):
        return _of_the_set(*cycles_in_curve(signal, time_s, valid, settings), smooth, settings)
    settings = replace(
        settings,
        noise_share=settings.set_noise_share,
        prominence_share=settings.set_prominence_share,
    )
    shared = blend_with_principal_components(signal, known, time_s, valid)
    cycles = _of_the_set(*cycles_in_curve(shared, time_s, valid, settings), smooth, settings)
    if len(cycles) < LEAST_CYCLES:
        return cycles
    curve = discriminant_curve(signal, known, smooth, time_s, _frames(cycles))
    return _of_the_set(*cycles_in_curve(curve, time_s, valid, settings), smooth, settings)


def detect_alternating(
    right: FloatArray,
    left: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    settings: CycleSettings,
    angles: FloatArray | None = None,
) -> list[Cycle]:
    """Find the halves of an alternating movement and the leading side of each.

    Parameters
    ----------
    right, left : ndarray (T,)
        The same angle of both sides in rad, turned so that the leading side has the larger.
    time_s, valid, settings, angles
        As in `detect_cycles`; the bounds hold for one half. Outliers are sought on each
        side by itself; a noisy signal is kept, since the two sides move along two axes.

    Returns
    -------
    list of Cycle
        Kind ``half``, in time order.

    Notes
    -----
    The extremes are those of the larger side, so sides need not alternate strictly. Where halves
    of different sides touch, the boundary is the crossing of right minus left through its mean
    over both halves (supplement 5).
    """
    found, larger = cycles_in_curve(np.fmax(right, left), time_s, valid, settings)
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
    """Find the first frame after each crossing of a curve (T,) through its mean over a cycle.

    `start` and `end` are the cycle's first and last frame (supplement 5, equation 1).
    """
    part = signal[start : end + 1]
    above = part >= np.nanmean(part)
    return np.asarray(start + 1 + np.flatnonzero(above[1:] != above[:-1]), dtype=np.int64)


def _frames(cycles: Sequence[Cycle]) -> IntArray:
    return np.array([(c.start, c.key, c.end) for c in cycles], dtype=np.int64).reshape(-1, 3)


def _of_the_set(
    cycles: list[Cycle], curve: FloatArray, angles: FloatArray, settings: CycleSettings
) -> list[Cycle]:
    kept = inliers(_frames(cycles), curve, angles, settings.outlier_range)
    return [cycle for cycle, stays in zip(cycles, kept, strict=True) if stays]


def _known_angles(angles: FloatArray | None, valid: BoolArray) -> FloatArray:
    """Keep the angles that are known at all; NaN in invalid frames."""
    if angles is None:
        return np.empty((len(valid), 0))
    measured = np.where(valid[:, None], angles, np.nan)
    return measured[:, np.isfinite(measured).any(axis=0)]


def _filled(angles: FloatArray) -> FloatArray:
    """Bridge unknown frames of each angle linearly."""
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
