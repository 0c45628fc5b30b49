"""Repetitions in one curve, by itself.

T frames, E extremes
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.repetitions.cycle_record import Cycle, CycleSettings
from qevd_bio.motion.repetitions.extremes import known_runs, prominent_peaks, usual_prominences
from qevd_bio.motion.repetitions.pace import smoothing_for

ENDS_SHARE = 0.1
"""A cycle counts as long enough when this share is missing: at the bound itself half of all cycles
would fall below it, because where one ends in noise is known to a twentieth of it, twice."""


def search_curve(
    signal: FloatArray, time_s: FloatArray, valid: BoolArray, settings: CycleSettings
) -> tuple[list[Cycle], FloatArray]:
    """Find the repetitions in one curve by itself.

    Parameters
    ----------
    signal, time_s, valid, settings
        As in `detect_cycles`.

    Returns
    -------
    cycles : list of Cycle
        In time order.
    smooth : ndarray (T,)
        The curve they were found in.
    """
    smooth = smoothing_for(
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
    usual_high = usual_prominences(found, settings.neighbours_s, settings.least_local_share)
    cycles: list[Cycle] = []
    for run, (keys, high), usual in zip(runs, peaks, usual_high, strict=True):
        kept = high >= np.maximum(settings.prominence_rad, settings.prominence_share * usual)
        cycles += _cycles_of_run(smooth, time_s, run, keys[kept], usual[kept], settings)
    if cycles and _goes_on(smooth, cycles[-1], float(time_s[runs[-1].stop - 1]), settings):
        cycles.pop()
    return cycles, smooth


def _goes_on(smooth: FloatArray, cycle: Cycle, seen_to_s: float, settings: CycleSettings) -> bool:
    """Check whether a last repetition is still on its way back when the segment ends."""
    there, back = smooth[cycle.key] - smooth[[cycle.start, cycle.end]]
    return bool(
        seen_to_s - cycle.end_s < settings.pause_s / 2 and back < settings.done_share * there
    )


def _cycles_of_run(
    smooth: FloatArray,
    time_s: FloatArray,
    run: slice,
    keys: IntArray,
    usual: FloatArray,
    settings: CycleSettings,
) -> list[Cycle]:
    if len(keys) == 0:
        return []
    keys = keys + run.start
    walls = [run.start, *(int(key) for key in keys), run.stop - 1]
    starts, ends = [], []
    for i, key in enumerate(walls[1:-1], start=1):
        before = slice(walls[i - 1], key + 1)
        after = slice(key, walls[i + 1] + 1)
        starts.append(before.start + _leaves_rest(smooth[before], time_s[before], settings))
        back = _leaves_rest(smooth[after][::-1], -time_s[after][::-1], settings)
        ends.append(after.stop - 1 - back)
    moving_s = time_s[ends] - time_s[starts]
    for i in range(len(keys) - 1):
        pause_s = time_s[starts[i + 1]] - time_s[ends[i]]
        apart_s = time_s[keys[i + 1]] - time_s[keys[i]]
        if pause_s <= max(settings.pause_s, settings.pause_share * apart_s):
            ends[i] = starts[i + 1] = (ends[i] + starts[i + 1]) // 2
    cycles = [
        Cycle(
            kind="cycle",
            start=start,
            key=int(key),
            end=end,
            start_s=float(time_s[start]),
            key_s=float(time_s[key]),
            end_s=float(time_s[end]),
            side=None,
        )
        for start, key, end in zip(starts, keys, ends, strict=True)
    ]
    seen_s = (float(time_s[run.start]), float(time_s[run.stop - 1]))
    whole = [
        moves_s <= settings.longest_s and _is_whole(smooth, cycle, seen_s, settings)
        for cycle, moves_s in zip(cycles, moving_s, strict=True)
    ]
    if not whole[0] and moving_s[0] <= settings.longest_s:
        whole[0] = _begins_before(smooth, cycles[0], seen_s[0], float(usual[0]), settings)
    return [
        replace(cycle, cut=_cut(smooth, cycle, seen_s, settings))
        for cycle, counts in zip(cycles, whole, strict=True)
        if counts
    ]


def _cut(
    smooth: FloatArray, cycle: Cycle, seen_s: tuple[float, float], settings: CycleSettings
) -> str | None:
    """Name the end of a cycle that lies at the edge of what is seen, far from rest."""
    start, key, end = smooth[[cycle.start, cycle.key, cycle.end]]
    uneven = settings.cut_share * (key - min(start, end))
    if cycle.start_s - seen_s[0] < settings.pause_s / 2 and start - end > uneven:
        return "start"
    if seen_s[1] - cycle.end_s < settings.pause_s / 2 and end - start > uneven:
        return "end"
    return None


def _is_whole(
    smooth: FloatArray, cycle: Cycle, seen_s: tuple[float, float], settings: CycleSettings
) -> bool:
    """Check the lower bound and that most of the way is gone both there and back.

    A cycle cut by the first or last frame seen may last shorter.
    """
    edge_s = min(cycle.start_s - seen_s[0], seen_s[1] - cycle.end_s)
    cut = edge_s < settings.pause_s / 2
    ways = smooth[cycle.key] - smooth[[cycle.start, cycle.end]]
    duration_s = cycle.end_s - cycle.start_s
    return bool(
        ways.min() >= settings.return_share * ways.max()
        and (cut or duration_s >= (1.0 - ENDS_SHARE) * settings.shortest_s)
    )


def _begins_before(
    smooth: FloatArray, cycle: Cycle, seen_from_s: float, usual: float, settings: CycleSettings
) -> bool:
    """Check a first repetition that is seen from shortly before its extreme on."""
    there, back = smooth[cycle.key] - smooth[[cycle.start, cycle.end]]
    return bool(
        cycle.start_s - seen_from_s < settings.pause_s / 2
        and there >= settings.first_rise_share * back
        and back >= settings.return_share * usual
    )


def _leaves_rest(rise: FloatArray, time_s: FloatArray, settings: CycleSettings) -> int:
    """Find the last frame at rest before a rise that ends at the extreme.

    The rest level is the lowest value within twice the time of the upper half of the rise: an
    earlier drift of the standing posture has no say.
    """
    middle = int(np.flatnonzero(rise <= (rise.min() + rise[-1]) / 2)[-1])
    window_s = 2 * (time_s[-1] - time_s[middle]) + settings.pause_s / 2
    first = int(np.searchsorted(time_s, time_s[middle] - window_s))
    near = rise[first : middle + 1]
    level = near.min() + settings.rest_share * (rise[-1] - near.min())
    return first + int(np.flatnonzero(near <= level)[-1])
