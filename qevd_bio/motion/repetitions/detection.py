"""Detects the repetitions of a segment: from rest to the extreme and back to rest.

T frames, K angles, S sides
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.medians import medians_of_known
from qevd_bio.motion.repetitions.curve_choice import Shown, clearest_curve
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.cycles_in_curve import TurningCurve, cycles_of
from qevd_bio.motion.repetitions.sets import LEAST_CYCLES, members
from qevd_bio.motion.smoothing import gaussian_smooth

AT_EXTREME = 0.85
"""The body rests at the extreme when it is this share of the way there at the first and at the
last frame, and a little away from them."""

AT_EDGE, AT_EDGE_S = 0.1, 0.25
"""How far away at most: a share of a cycle, and seconds."""


def detect_cycles(
    signal: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    settings: CycleSettings,
    angles: FloatArray | None = None,
    sides: FloatArray | None = None,
) -> list[Cycle]:
    """Find the repetitions of one segment.

    Parameters
    ----------
    signal : ndarray (T,)
        Angle in rad, turned so that the extreme of a repetition is its maximum. Only frames of
        the segment: other movement would change the typical swing.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    valid : ndarray (T,) of bool
        Frames that hold a measurement.
    settings : CycleSettings
        Bounds and shares.
    angles : ndarray (T, K), optional
        All angles in rad that the exercise moves, continuous in time; NaN where unknown.
    sides : ndarray (S, T), optional
        The angle of single sides that `signal` joins.

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
    Turning points are clear by the swing that is typical around them, not by a bound in degrees
    (`turning_curve`); the curve is the signal itself, or one that shows the same more clearly
    (`clearest_curve`); cycles unlike the set's are other movement (`members`). Where the body
    rests follows from where the set begins and ends. NaN and invalid frames are bridged up to
    `gap_s`. An angle that is unknown in all frames is ignored. Smoothing, prominence and distance
    of extremes after the BioCoach supplement 5.
    """
    if not signal.shape == time_s.shape == valid.shape:
        raise ValueError(f"signal {signal.shape}, time_s {time_s.shape}, valid {valid.shape}")
    known, smooth_angles = _known_angles(angles, time_s, valid, settings)
    own = signal[None] if sides is None else sides
    shown = clearest_curve(signal, own, known, smooth_angles, time_s, valid, settings)
    return _counted(_of_sets(shown, smooth_angles, settings), settings)


def _counted(cycles: list[Cycle], settings: CycleSettings) -> list[Cycle]:
    """Leave out what does not count in a set, see `CycleSettings.counted`."""
    full = [cycle for cycle in cycles if cycle.counted == "full"]
    return full if settings.counted == "full" and len(full) >= LEAST_CYCLES else cycles


def _of_sets(
    shown: Shown, smooth_angles: FloatArray | None, settings: CycleSettings
) -> list[Cycle]:
    """Keep the cycles that form sets, from where this body rests to where it rests."""
    curve, cycles = shown.curve, list(shown.cycles)
    if not curve.runs or not _ends_high(curve):
        return cycles
    turned = curve.upside_down()
    found = _members(cycles_of(turned, settings), turned.smooth, smooth_angles)
    if not found or not _rests_at_extreme(curve, found):
        return cycles
    minima = _maxima(turned)
    reaches_edges = len(minima) > 0 and found[0].key == minima[0] and found[-1].key == minima[-1]
    return [_with_key_at_end(cycle) for cycle in found] if reaches_edges else cycles


def _members(
    cycles: list[Cycle], smooth: FloatArray, smooth_angles: FloatArray | None
) -> list[Cycle]:
    kept = members(cycles, smooth, smooth_angles)
    return [cycle for cycle, stays in zip(cycles, kept, strict=True) if stays]


def _ends_high(curve: TurningCurve) -> bool:
    """Check whether the first and the last measured frame lie in the upper half of the curve."""
    low, high = np.nanpercentile(curve.smooth, [5, 95])
    edges = curve.smooth[[curve.runs[0].start, curve.runs[-1].stop - 1]]
    return bool((edges > (low + high) / 2).all())


def _rests_at_extreme(curve: TurningCurve, cycles: Sequence[Cycle]) -> bool:
    """Check whether the measured frames begin and end near the extreme, and slowly.

    The cycles are those from extreme to extreme.
    """
    frames = np.array([(c.start, c.key, c.end) for c in cycles], dtype=np.int64)
    high = float(np.median(curve.smooth[frames[:, [0, 2]]]))
    low = float(np.median(curve.smooth[frames[:, 1]]))
    near_s = AT_EDGE * float(np.median([c.end_s - c.start_s for c in cycles]))
    near_s = min(near_s, AT_EDGE_S)
    first, last = curve.runs[0].start, curve.runs[-1].stop - 1
    inner_s = [curve.time_s[first] + near_s, curve.time_s[last] - near_s]
    edges = curve.smooth[[first, last, *np.searchsorted(curve.time_s, inner_s).tolist()]]
    return bool((edges - low >= AT_EXTREME * (high - low)).all())


def _maxima(curve: TurningCurve) -> IntArray:
    """List the maxima of a curve within its runs, without their first and last frames."""
    inner = [points[1:-1] for points in curve.points]
    levels = [curve.smooth[points] for points in curve.points]
    tops = [
        points[(level[1:-1] > level[:-2])] for points, level in zip(inner, levels, strict=True)
    ]
    return np.concatenate(tops)


def _with_key_at_end(cycle: Cycle) -> Cycle:
    """Put the key frame where the extreme is seen: at the end, or else at the start."""
    if cycle.cut == "end":
        return replace(cycle, key=cycle.start, key_s=cycle.start_s)
    return replace(cycle, key=cycle.end, key_s=cycle.end_s)


def detect_alternating(
    right: FloatArray,
    left: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    settings: CycleSettings,
    angles: FloatArray | None = None,
    lead: FloatArray | None = None,
) -> list[Cycle]:
    """Find the halves of an alternating movement and the leading side of each.

    Parameters
    ----------
    right, left : ndarray (T,)
        The same angle of both sides in rad, turned so that the leading side has the larger.
    time_s, valid, settings, angles
        As in `detect_cycles`; the bounds hold for one half. Each side is compared with itself.
    lead : ndarray (T,), optional
        Positive where the right side leads; without it where its angle is the larger.

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
    known, smooth_angles = _known_angles(angles, time_s, valid, settings)
    larger = np.fmax(right, left)
    difference = gaussian_smooth(right - left, time_s, valid, settings.sigma_s)
    leads = difference if lead is None else gaussian_smooth(lead, time_s, valid, settings.sigma_s)

    def halves_in(joined: FloatArray | None) -> tuple[TurningCurve, list[Cycle]]:
        shown = clearest_curve(larger, larger[None], known, joined, time_s, valid, settings)
        return shown.curve, [
            replace(one, kind="half", side=_leading_side(leads, one)) for one in shown.found
        ]

    curve, halves = halves_in(None)
    if len({half.side for half in halves}) == 1:
        curve, halves = halves_in(smooth_angles)
    kept = [
        half
        for side in ("r", "l")
        for half in _members(
            [half for half in halves if half.side == side], curve.smooth, smooth_angles
        )
    ]
    ordered = _counted(sorted(kept, key=lambda half: half.start), settings)
    return _touching(ordered, difference, time_s)


def _touching(halves: list[Cycle], difference: FloatArray, time_s: FloatArray) -> list[Cycle]:
    """Move the boundary of halves that touch to where the leading side changes."""
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


def _known_angles(
    angles: FloatArray | None, time_s: FloatArray, valid: BoolArray, settings: CycleSettings
) -> tuple[FloatArray, FloatArray | None]:
    """Keep the angles that are known at all, and smooth them, bridged where unknown."""
    if angles is None:
        return np.empty((len(valid), 0)), None
    measured = np.where(valid[:, None], angles, np.nan)
    known = measured[:, np.isfinite(measured).any(axis=0)]
    if known.shape[1] == 0:
        return known, None
    return known, _filled(gaussian_smooth(known, time_s, valid, settings.sigma_s))


def _filled(angles: FloatArray) -> FloatArray:
    """Bridge unknown frames of each angle linearly."""
    frames = np.arange(len(angles))
    columns = []
    for column in angles.T:
        known = np.isfinite(column)
        columns.append(np.interp(frames, frames[known], column[known]))
    return np.stack(columns, axis=1)


def _leading_side(leads: FloatArray, cycle: Cycle) -> str:
    reach = max(1, (cycle.end - cycle.start) // 10)
    near_key = leads[max(cycle.start, cycle.key - reach) : cycle.key + reach + 1]
    return "r" if medians_of_known(near_key[None])[0] >= 0 else "l"
