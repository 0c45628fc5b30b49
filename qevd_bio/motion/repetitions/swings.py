"""Measured stretches of one smooth curve, and the swing that is typical around each moment.

T frames, E swings
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray

CUT_SHARE, CALM_SHARE, CUT_FRAMES, CUT_STEP_S = 0.6, 0.3, 4, 0.05
CUT_LEAST_RAD = np.deg2rad(60.0)

SCENE_S = 2.0
"""Shorter scenes are not cut: jumps that near to each other are frames in which a limb is lost."""


def known_runs(
    smooth: FloatArray, time_s: FloatArray, gap_s: float, cuts: IntArray
) -> list[slice]:
    """Split the frames where the curve (T,) is NaN, at cuts, and where time steps by `gap_s`."""
    known = np.flatnonzero(np.isfinite(smooth))
    if len(known) == 0:
        return []
    is_cut = np.isin(known[1:], cuts)
    steps_s = np.diff(time_s[known])
    breaks = np.flatnonzero((np.diff(known) > 1) | (steps_s > gap_s) | is_cut) + 1
    return [slice(int(part[0]), int(part[-1]) + 1) for part in np.split(known, breaks)]


def camera_cuts(signal: FloatArray, time_s: FloatArray, valid: BoolArray) -> IntArray:
    """Find the frames at which a measure (T,) in rad jumps and stays, as no body moves.

    One step of `CUT_SHARE` of the measure's range, while the `CUT_FRAMES` steps before and after
    it are small against it: the video was cut. Frames farther apart than `CUT_STEP_S` show no
    cut, because somebody quick may have gone as far; so do jumps that leave a scene of less than
    `SCENE_S`.
    """
    known = np.flatnonzero(valid & np.isfinite(signal))
    if len(known) < 2 * CUT_FRAMES:
        return np.empty(0, dtype=np.int64)
    low, high = np.percentile(signal[known], [5, 95])
    steps = np.abs(np.diff(signal[known]))
    jumps = (steps > CUT_SHARE * max(high - low, CUT_LEAST_RAD)) & (
        np.diff(time_s[known]) <= CUT_STEP_S
    )
    found = []
    for i in np.flatnonzero(jumps).tolist():
        around = np.concatenate(
            [steps[max(0, i - CUT_FRAMES) : i], steps[i + 1 : i + 1 + CUT_FRAMES]]
        )
        if around.max(initial=0.0) < CALM_SHARE * steps[i]:
            found.append(known[i + 1])
    cuts = np.array(found, dtype=np.int64)
    scenes_s = np.diff(np.concatenate([time_s[known[:1]], time_s[cuts], time_s[known[-1:]]]))
    return cuts[(scenes_s[:-1] >= SCENE_S) & (scenes_s[1:] >= SCENE_S)]


def typical_swings(
    middle_s: FloatArray,
    swings: FloatArray,
    at_s: FloatArray,
    neighbours_s: float,
    least_local_share: float,
) -> FloatArray:
    """Give each time (T,) in seconds the swing that is typical around it, in the swings' unit.

    Swings (E,) are given in the order of the times `middle_s` (E,) of their middles. Typical is
    the median within `neighbours_s` on both sides, weighted by the swing itself, so that many
    small bumps do not lower it; it lies between `least_local_share` and 1 of that of all.
    """
    overall = _weighted_median(swings)
    first = np.searchsorted(middle_s, middle_s - neighbours_s)
    stop = np.searchsorted(middle_s, middle_s + neighbours_s, side="right")
    near = np.array([_weighted_median(swings[a:b]) for a, b in zip(first, stop, strict=True)])
    if len(near) == 0:
        return np.zeros(len(at_s))
    typical = np.clip(near, least_local_share * overall, overall)
    return np.asarray(np.interp(at_s, middle_s, typical))


def _weighted_median(values: FloatArray) -> float:
    if len(values) == 0:
        return 0.0
    ordered = np.sort(values)
    weight = np.cumsum(ordered)
    return float(ordered[np.searchsorted(weight, weight[-1] / 2)])
