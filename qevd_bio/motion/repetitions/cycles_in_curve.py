"""Repetitions in a single smooth curve.

T frames, E turning points
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.motion.medians import median
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.swings import known_runs, typical_swings
from qevd_bio.motion.repetitions.turning_points import clear_turning_points, turning_points

ENDS_SHARE = 0.1
"""A cycle may be shorter than the bound by this share: in noise each of its two ends is known to
about a twentieth of its length."""

NEAR_MINIMA = 3
"""Minima on each side that tell where the curve is at rest."""

ROUNDS = 2
"""Times that the typical swing is taken and the turning points are chosen by it."""


@dataclass(frozen=True, slots=True)
class TurningCurve:
    """A smooth curve with its turning points.

    Attributes
    ----------
    smooth, time_s : ndarray (T,)
        The curve, NaN in gaps, and seconds.
    runs : tuple of slice
        Stretches without a gap.
    points : tuple of ndarray
        Clear turning points of each run, frames of the whole curve.
    typical : ndarray (T,)
        Swing that is typical around each frame, in the unit of the curve.
    """

    smooth: FloatArray
    time_s: FloatArray
    runs: tuple[slice, ...]
    points: tuple[IntArray, ...]
    typical: FloatArray

    def upside_down(self) -> TurningCurve:
        """Turn minima into maxima."""
        return replace(self, smooth=-self.smooth)


def turning_curve(
    smooth: FloatArray, time_s: FloatArray, settings: CycleSettings, cuts: IntArray
) -> TurningCurve:
    """Find the turning points of a smooth curve (T,) that are clear against its typical swing.

    No cycle spans one of the frames `cuts`, see `camera_cuts`.
    """
    runs = known_runs(smooth, time_s, settings.gap_s, cuts)
    least, typical = np.full(len(smooth), settings.prominence_rad), np.zeros(len(smooth))
    points = [turning_points(smooth[run]) + run.start for run in runs]
    for _ in range(ROUNDS):
        points = [clear_turning_points(smooth, one, least) for one in points]
        middle_s = np.concatenate([(time_s[p[1:]] + time_s[p[:-1]]) / 2 for p in points] or [[]])
        swings = np.concatenate([np.abs(np.diff(smooth[p])) for p in points] or [[]])
        typical = typical_swings(
            middle_s, swings, time_s, settings.neighbours_s, settings.least_local_share
        )
        least = np.maximum(settings.prominence_rad, settings.prominence_share * typical)
    points = [clear_turning_points(smooth, one, least) for one in points]
    return TurningCurve(smooth, time_s, tuple(runs), tuple(points), typical)


def cycles_of(curve: TurningCurve, settings: CycleSettings) -> list[Cycle]:
    """Make cycles of the maxima of a curve, in time order."""
    return [
        cycle
        for run, points in zip(curve.runs, curve.points, strict=True)
        for cycle in _cycles_of_run(curve, run, points, settings)
    ]


def _cycles_of_run(
    curve: TurningCurve, run: slice, points: IntArray, settings: CycleSettings
) -> list[Cycle]:
    smooth, time_s = curve.smooth, curve.time_s
    if len(points) < 2:
        return []
    rising = smooth[points[1]] > smooth[points[0]]
    keys = points[1 if rising else 0 :: 2]
    rests = _rest_levels(smooth, points, keys)
    starts, ends = _ends_at_rest(smooth, time_s, run, keys, rests, settings)
    moving_s = time_s[ends] - time_s[starts]
    for i in range(len(keys) - 1):
        pause_s = time_s[starts[i + 1]] - time_s[ends[i]]
        apart_s = time_s[keys[i + 1]] - time_s[keys[i]]
        if pause_s <= max(settings.pause_s, settings.pause_share * apart_s):
            ends[i] = starts[i + 1] = (ends[i] + starts[i + 1]) // 2
    run_s = (float(time_s[run.start]), float(time_s[run.stop - 1]))
    cycles = []
    for start, key, end, moves_s in zip(starts, keys, ends, moving_s, strict=True):
        cycle = Cycle.of_frames("cycle", start, key, end, time_s)
        cycle = replace(cycle, cut=_cut(smooth, cycle, run_s, settings))
        counted = _counted(curve, cycle, run_s, settings)
        if moves_s <= settings.longest_s and counted:
            cycles.append(replace(cycle, counted=counted))
    return cycles


def _counted(
    curve: TurningCurve, cycle: Cycle, run_s: tuple[float, float], settings: CycleSettings
) -> str:
    """Say how a cycle counts, "" where too little of it is seen.

    Its lower bound is checked, and that enough of the way is gone both there and back. Of a first
    one only the way back may be seen.
    """
    ways = curve.smooth[cycle.key] - curve.smooth[[cycle.start, cycle.end]]
    share = ways.min() / ways.max() if ways.max() > 0 else 0.0
    if cycle.cut == "end":
        return "full" if share >= settings.last_share else ""
    if cycle.cut == "start":
        is_whole_way = ways[1] >= settings.last_share * curve.typical[cycle.key]
        half = "cut" if is_whole_way else ""
        return "full" if share >= settings.first_share else half
    duration_s = cycle.end_s - cycle.start_s
    edge_s = min(cycle.start_s - run_s[0], run_s[1] - cycle.end_s)
    is_long = edge_s < settings.pause_s / 2 or duration_s >= (1 - ENDS_SHARE) * settings.shortest_s
    is_back = max(share, ways.min() / curve.typical[cycle.key]) >= settings.return_share
    return "full" if is_back and is_long else ""


def _rest_levels(smooth: FloatArray, points: IntArray, keys: IntArray) -> FloatArray:
    """Learn from the minima around each key frame (E,) where the curve is at rest."""
    minima = np.setdiff1d(points, keys)
    first = np.searchsorted(minima, keys) - NEAR_MINIMA
    return np.array(
        [median(smooth[minima[max(0, i) : i + 2 * NEAR_MINIMA]]) for i in first.tolist()]
    )


def _ends_at_rest(
    smooth: FloatArray,
    time_s: FloatArray,
    run: slice,
    keys: IntArray,
    rests: FloatArray,
    settings: CycleSettings,
) -> tuple[list[int], list[int]]:
    """Find the frames at rest before and after each key frame, between its neighbours."""
    bounds = [run.start, *(int(key) for key in keys), run.stop - 1]
    starts, ends = [], []
    for i, key in enumerate(bounds[1:-1], start=1):
        before = slice(bounds[i - 1], key + 1)
        after = slice(key, bounds[i + 1] + 1)
        rest = float(rests[i - 1])
        starts.append(before.start + _last_at_rest(smooth[before], time_s[before], rest, settings))
        back = _last_at_rest(smooth[after][::-1], -time_s[after][::-1], rest, settings)
        ends.append(after.stop - 1 - back)
    return starts, ends


def _last_at_rest(
    rise: FloatArray, time_s: FloatArray, usual_rest: float, settings: CycleSettings
) -> int:
    """Find the last frame at rest before a rise that ends at the extreme.

    The rest level is the lowest value within twice the time of the upper half of the rise, so
    that an earlier drift of the standing posture does not matter, or that of the set where it is
    higher: who sinks to the floor between two sets has left the movement at its usual rest.
    """
    middle = int(np.flatnonzero(rise <= (rise.min() + rise[-1]) / 2)[-1])
    window_s = 2 * (time_s[-1] - time_s[middle]) + settings.pause_s / 2
    first = int(np.searchsorted(time_s, time_s[middle] - window_s))
    near = rise[first : middle + 1]
    lowest = max(float(near.min()), min(usual_rest, float(rise[middle])))
    level = lowest + settings.rest_share * (rise[-1] - lowest)
    return first + int(np.flatnonzero(near <= level)[-1])


def _cut(
    smooth: FloatArray, cycle: Cycle, run_s: tuple[float, float], settings: CycleSettings
) -> str | None:
    """Name the end of a cycle that lies at the edge of the run, far from rest."""
    start, key, end = smooth[[cycle.start, cycle.key, cycle.end]]
    uneven = settings.cut_share * (key - min(start, end))
    if cycle.start_s - run_s[0] < settings.pause_s / 2 and start - end > uneven:
        return "start"
    if run_s[1] - cycle.end_s < settings.pause_s / 2 and end - start > uneven:
        return "end"
    return None
