"""Repetitions in a single curve.

T frames, E peaks
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.repetitions.adaptive_smoothing import smooth_adaptively
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.peaks import known_runs, prominent_peaks, typical_prominences

ENDS_SHARE = 0.1
"""A cycle may be shorter than the bound by this share: in noise each of its two ends is known to
about a twentieth of its length."""


def cycles_in_curve(
    signal: FloatArray, time_s: FloatArray, valid: BoolArray, settings: CycleSettings
) -> tuple[list[Cycle], FloatArray]:
    """Find the repetitions of one curve, in time order, and the smoothed curve (T,).

    Arguments as in `detect_cycles`.
    """
    smooth = smooth_adaptively(
        signal,
        time_s,
        valid,
        shortest_s=settings.shortest_s,
        sigma_s=settings.sigma_s,
        noise_share=settings.noise_share,
    )
    runs = known_runs(smooth, time_s, settings.gap_s)
    peaks = [
        prominent_peaks(
            smooth[run],
            time_s[run],
            prominence_rad=settings.prominence_rad,
            distance_s=settings.distance_s,
            longest_s=settings.longest_s,
        )
        for run in runs
    ]
    found = [(time_s[run][keys], high) for run, (keys, high) in zip(runs, peaks, strict=True)]
    typical_high = typical_prominences(found, settings.neighbours_s, settings.least_local_share)
    cycles: list[Cycle] = []
    for run, (keys, high), typical in zip(runs, peaks, typical_high, strict=True):
        kept = high >= np.maximum(settings.prominence_rad, settings.prominence_share * typical)
        cycles += _cycles_of_run(smooth, time_s, run, keys[kept], typical[kept], settings)
    if cycles and _continues(smooth, cycles[-1], float(time_s[runs[-1].stop - 1]), settings):
        cycles.pop()
    return cycles, smooth


def _continues(smooth: FloatArray, cycle: Cycle, last_s: float, settings: CycleSettings) -> bool:
    """Check whether a last repetition is still on its way back when the segment ends."""
    there, back = smooth[cycle.key] - smooth[[cycle.start, cycle.end]]
    return bool(last_s - cycle.end_s < settings.pause_s / 2 and back < settings.done_share * there)


def _cycles_of_run(
    smooth: FloatArray,
    time_s: FloatArray,
    run: slice,
    keys: IntArray,
    typical: FloatArray,
    settings: CycleSettings,
) -> list[Cycle]:
    """Make cycles of the peaks of a run, given its typical prominences."""
    if len(keys) == 0:
        return []
    keys = keys + run.start
    starts, ends = _ends_at_rest(smooth, time_s, run, keys, settings)
    moving_s = time_s[ends] - time_s[starts]
    for i in range(len(keys) - 1):
        pause_s = time_s[starts[i + 1]] - time_s[ends[i]]
        apart_s = time_s[keys[i + 1]] - time_s[keys[i]]
        if pause_s <= max(settings.pause_s, settings.pause_share * apart_s):
            ends[i] = starts[i + 1] = (ends[i] + starts[i + 1]) // 2
    cycles = [
        Cycle.of_frames("cycle", *frames, time_s)
        for frames in zip(starts, keys, ends, strict=True)
    ]
    run_s = (float(time_s[run.start]), float(time_s[run.stop - 1]))
    whole = [
        moves_s <= settings.longest_s and _is_whole(smooth, cycle, run_s, settings)
        for cycle, moves_s in zip(cycles, moving_s, strict=True)
    ]
    if not whole[0] and moving_s[0] <= settings.longest_s:
        whole[0] = _begins_before(smooth, cycles[0], run_s[0], float(typical[0]), settings)
    return [
        replace(cycle, cut=_cut(smooth, cycle, run_s, settings))
        for cycle, counts in zip(cycles, whole, strict=True)
        if counts
    ]


def _ends_at_rest(
    smooth: FloatArray, time_s: FloatArray, run: slice, keys: IntArray, settings: CycleSettings
) -> tuple[list[int], list[int]]:
    """Find the frames at rest before and after each key frame, between its neighbours."""
    bounds = [run.start, *(int(key) for key in keys), run.stop - 1]
    starts, ends = [], []
    for i, key in enumerate(bounds[1:-1], start=1):
        before = slice(bounds[i - 1], key + 1)
        after = slice(key, bounds[i + 1] + 1)
        starts.append(before.start + _last_at_rest(smooth[before], time_s[before], settings))
        back = _last_at_rest(smooth[after][::-1], -time_s[after][::-1], settings)
        ends.append(after.stop - 1 - back)
    return starts, ends


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


def _is_whole(
    smooth: FloatArray, cycle: Cycle, run_s: tuple[float, float], settings: CycleSettings
) -> bool:
    """Check the lower bound and that most of the way is gone both there and back.

    A cycle cut by the first or last frame of the run may be shorter.
    """
    edge_s = min(cycle.start_s - run_s[0], run_s[1] - cycle.end_s)
    cut = edge_s < settings.pause_s / 2
    ways = smooth[cycle.key] - smooth[[cycle.start, cycle.end]]
    duration_s = cycle.end_s - cycle.start_s
    return bool(
        ways.min() >= settings.return_share * ways.max()
        and (cut or duration_s >= (1.0 - ENDS_SHARE) * settings.shortest_s)
    )


def _begins_before(
    smooth: FloatArray, cycle: Cycle, first_s: float, typical: float, settings: CycleSettings
) -> bool:
    """Check a first repetition that is measured from shortly before its extreme on."""
    there, back = smooth[cycle.key] - smooth[[cycle.start, cycle.end]]
    return bool(
        cycle.start_s - first_s < settings.pause_s / 2
        and there >= settings.first_rise_share * back
        and back >= settings.return_share * typical
    )


def _last_at_rest(rise: FloatArray, time_s: FloatArray, settings: CycleSettings) -> int:
    """Find the last frame at rest before a rise that ends at the extreme.

    The rest level is the lowest value within twice the time of the upper half of the rise, so
    that an earlier drift of the standing posture does not matter.
    """
    middle = int(np.flatnonzero(rise <= (rise.min() + rise[-1]) / 2)[-1])
    window_s = 2 * (time_s[-1] - time_s[middle]) + settings.pause_s / 2
    first = int(np.searchsorted(time_s, time_s[middle] - window_s))
    near = rise[first : middle + 1]
    level = near.min() + settings.rest_share * (rise[-1] - near.min())
    return first + int(np.flatnonzero(near <= level)[-1])
