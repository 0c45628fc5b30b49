"""Repetitions in one angle curve: from rest to the extreme and back to rest.

T frames, C cycles
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import find_peaks

from qevd_bio.motion.pace import NOISE_SHARE, smoothing_for
from qevd_bio.motion.record import BoolArray, FloatArray, IntArray
from qevd_bio.motion.smoothing import SIGMA_S, gaussian_smooth

PROMINENCE_RAD = 0.1
"""Floor of an extreme's prominence (supplement 5)."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One repetition, one side of an alternating repetition, or one hold.

    Attributes
    ----------
    kind : str
        ``cycle``, ``half`` (one side of an alternating movement) or ``hold``.
    start, key, end : int
        Frames, start <= key <= end, end inclusive; start and end lie at the rest side, the key
        frame at the extreme (of a hold: in its middle).
    start_s, key_s, end_s : float
        Their times in seconds.
    side : str or None
        ``r`` or ``l``: the side that leads an alternating movement.
    cut : str or None
        ``start`` or ``end``: that end lies outside of what is seen, so its phase and the
        duration are not known.
    """

    kind: str
    start: int
    key: int
    end: int
    start_s: float
    key_s: float
    end_s: float
    side: str | None
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class CycleSettings:
    """How a repetition is told from noise and from rest.

    Attributes
    ----------
    shortest_s, longest_s : float
        Bounds of a cycle (supplement 5: 24 and 150 frames at 30 fps).
    prominence_rad : float
        Floor of an extreme's prominence.
    prominence_share : float
        Least prominence as a share of the segment's typical one; rejects bumps within a
        repetition and fidgeting at rest.
    distance_s : float
        Least time between two extremes (supplement 5: 5 frames at 30 fps).
    return_share : float
        Least ratio between the shorter and the longer of the two ways, there and back.
    rest_share : float
        A cycle starts where the curve has left its rest level by this share of the rise.
    pause_s, pause_share : float
        Rest between two repetitions longer than both the seconds and the share of the time
        between their extremes belongs to neither; a shorter one is shared half and half.
    neighbours_s : float
        The typical prominence is that of the extremes within this time on both sides, or that
        of the whole segment where it is less: a new camera view or a shallower set changes it.
    least_local_share : float
        ... but never below this share of the whole segment's.
    first_rise_share : float
        A first repetition whose start lies before the segment counts when the rise to its
        extreme is seen by this share of the way back.
    cut_share : float
        A cycle at the edge of what is seen is cut when its two ends differ by this share of
        its range.
    gap_s : float
        No cycle reaches across a longer time without measurement.
    sigma_s : float
        Least Gaussian smoothing (supplement 5: 2 frames at 30 fps); noisy curves get more.
    noise_share : float
        Noise of a frame, in shares of the curve's range, above which a curve counts as noisy; a
        small value suits steady sets, a large one keeps a quick repetition among slow ones.
    """

    shortest_s: float = 0.8
    longest_s: float = 5.0
    prominence_rad: float = PROMINENCE_RAD
    prominence_share: float = 0.3
    distance_s: float = 5.0 / 30.0
    return_share: float = 0.5
    rest_share: float = 0.05
    pause_s: float = 0.5
    pause_share: float = 0.3
    neighbours_s: float = 12.0
    least_local_share: float = 1.0 / 3.0
    first_rise_share: float = 0.05
    cut_share: float = 0.2
    gap_s: float = 0.5
    sigma_s: float = SIGMA_S
    noise_share: float = NOISE_SHARE

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s < self.longest_s:
            raise ValueError(f"bounds {self.shortest_s} s to {self.longest_s} s are no interval")
        for name in ("prominence_rad", "distance_s", "pause_s", "gap_s", "sigma_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")


def detect_cycles(
    signal: FloatArray, time_s: FloatArray, valid: BoolArray, *, settings: CycleSettings
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
    when it is seen from shortly before its extreme on.
    NaN and invalid frames are bridged up to `gap_s`. Peaks, prominence and bounds after the
    BioCoach supplement 5; typical prominence is the median weighted by prominence itself, so
    many small bumps cannot lower it. The segment is continued before its start by its mirror
    image, so that a first extreme has its prominence from the way back.
    """
    smooth = smoothing_for(
        signal,
        time_s,
        valid,
        shortest_s=settings.shortest_s,
        sigma_s=settings.sigma_s,
        noise_share=settings.noise_share,
    )
    runs = _runs(smooth, time_s, settings.gap_s)
    peaks = [_peaks(smooth[run], time_s[run], settings) for run in runs]
    found = [(time_s[run][keys], high) for run, (keys, high) in zip(runs, peaks, strict=True)]
    typical = _typical(found, settings)
    cycles: list[Cycle] = []
    for run, (keys, high), usual in zip(runs, peaks, typical, strict=True):
        kept = high >= np.maximum(settings.prominence_rad, settings.prominence_share * usual)
        cycles += _cycles_of_run(smooth, time_s, run, keys[kept], usual[kept], settings)
    return cycles


def detect_alternating(
    right: FloatArray,
    left: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    settings: CycleSettings,
) -> list[Cycle]:
    """Find the halves of an alternating movement and name the side that leads each.

    Parameters
    ----------
    right, left : ndarray (T,)
        The same angle of both sides in rad, turned so that the leading side has the larger.
    time_s, valid, settings
        As in `detect_cycles`; the bounds hold for one half.

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
    found = detect_cycles(np.fmax(right, left), time_s, valid, settings=settings)
    difference = gaussian_smooth(right - left, time_s, valid, settings.sigma_s)
    halves = [
        replace(cycle, kind="half", side=_leading_side(difference, cycle)) for cycle in found
    ]
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


def _leading_side(difference: FloatArray, cycle: Cycle) -> str:
    reach = max(1, (cycle.end - cycle.start) // 10)
    near_key = difference[max(cycle.start, cycle.key - reach) : cycle.key + reach + 1]
    return "r" if np.nanmedian(near_key) >= 0 else "l"


def _runs(smooth: FloatArray, time_s: FloatArray, gap_s: float) -> list[slice]:
    """Cut the frames where the curve is unknown or time jumps."""
    known = np.flatnonzero(np.isfinite(smooth))
    if len(known) == 0:
        return []
    breaks = np.flatnonzero((np.diff(known) > 1) | (np.diff(time_s[known]) > gap_s)) + 1
    return [slice(int(part[0]), int(part[-1]) + 1) for part in np.split(known, breaks)]


def _peaks(
    smooth: FloatArray, time_s: FloatArray, settings: CycleSettings
) -> tuple[IntArray, FloatArray]:
    if len(smooth) < 3:
        return np.empty(0, dtype=np.int64), np.empty(0)
    step_s = float(np.median(np.diff(time_s)))
    mirrored = len(smooth) - 1
    keys, found = find_peaks(
        np.concatenate([smooth[:0:-1], smooth]),
        prominence=settings.prominence_rad,
        distance=max(1.0, settings.distance_s / step_s),
        wlen=max(3, int(2 * settings.longest_s / step_s)),
    )
    inside = keys >= mirrored
    return (keys[inside] - mirrored).astype(np.int64), found["prominences"][inside]


def _weighted_median(prominences: FloatArray) -> float:
    if len(prominences) == 0:
        return 0.0
    ordered = np.sort(prominences)
    weight = np.cumsum(ordered)
    return float(ordered[np.searchsorted(weight, weight[-1] / 2)])


def _typical(
    found: Sequence[tuple[FloatArray, FloatArray]], settings: CycleSettings
) -> list[FloatArray]:
    """Give each extreme the prominence usual around it; times and prominences run by run."""
    if not found:
        return []
    times_s = np.concatenate([times for times, _ in found])
    prominences = np.concatenate([high for _, high in found])
    overall = _weighted_median(prominences)
    first = np.searchsorted(times_s, times_s - settings.neighbours_s)
    stop = np.searchsorted(times_s, times_s + settings.neighbours_s, side="right")
    near = np.array([_weighted_median(prominences[a:b]) for a, b in zip(first, stop, strict=True)])
    usual = np.clip(near, settings.least_local_share * overall, overall)
    return np.split(usual, np.cumsum([len(high) for _, high in found])[:-1])


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
    whole = [_is_whole(smooth, cycle, seen_s, settings) for cycle in cycles]
    if not whole[0]:
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
    """Check the bounds and that most of the way is gone both there and back.

    A cycle cut by the first or last frame seen may last shorter.
    """
    edge_s = min(cycle.start_s - seen_s[0], seen_s[1] - cycle.end_s)
    cut = edge_s < settings.pause_s / 2
    ways = smooth[cycle.key] - smooth[[cycle.start, cycle.end]]
    duration_s = cycle.end_s - cycle.start_s
    return bool(
        ways.min() >= settings.return_share * ways.max()
        and duration_s <= settings.longest_s
        and (cut or duration_s >= settings.shortest_s)
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
        and cycle.end_s - cycle.start_s <= settings.longest_s
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
