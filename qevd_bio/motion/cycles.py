"""Repetitions in one angle curve: from rest to the extreme and back to rest.

T frames, C cycles
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.motion.extremes import known_runs, prominent_peaks, usual_prominences
from qevd_bio.motion.pace import NOISE_SHARE, is_noisy, smoothing_for
from qevd_bio.motion.record import BoolArray, FloatArray, IntArray
from qevd_bio.motion.set_likeness import alike
from qevd_bio.motion.set_movement import LEAST_CYCLES, along_the_set
from qevd_bio.motion.shared_movement import with_shared_movement
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
    done_share : float
        A last repetition that goes on at the end of the segment counts when this share of the
        way there is gone back.
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
    set_noise_share : float
        The same where all angles are given: above it they are joined into one curve.
    set_prominence_share : float
        Takes the place of `prominence_share` there: the joined curve rises alike in all cycles.
    unlike_range : float
        Least difference between a cycle and those next to it in likeness that makes it another
        movement, in units of what the set moves; only where all angles are given.
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
    done_share: float = 0.8
    cut_share: float = 0.2
    gap_s: float = 0.5
    sigma_s: float = SIGMA_S
    noise_share: float = NOISE_SHARE
    set_noise_share: float = 0.01
    set_prominence_share: float = 0.4
    unlike_range: float = 1.5

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s < self.longest_s:
            raise ValueError(f"bounds {self.shortest_s} s to {self.longest_s} s are no interval")
        for name in ("prominence_rad", "distance_s", "pause_s", "gap_s", "sigma_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")


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
        return _search(signal, time_s, valid, settings)[0]
    smooth = _filled(gaussian_smooth(known, time_s, valid, settings.sigma_s))
    fine = gaussian_smooth(signal, time_s, valid, settings.sigma_s)
    if not is_noisy(signal, fine, valid, settings.set_noise_share):
        return _of_the_set(*_search(signal, time_s, valid, settings), smooth, settings)
    settings = replace(
        settings,
        noise_share=settings.set_noise_share,
        prominence_share=settings.set_prominence_share,
    )
    shared = with_shared_movement(signal, known, time_s, valid)
    cycles = _of_the_set(*_search(shared, time_s, valid, settings), smooth, settings)
    if len(cycles) < LEAST_CYCLES:
        return cycles
    curve = along_the_set(signal, known, smooth, time_s, _frames(cycles))
    return _of_the_set(*_search(curve, time_s, valid, settings), smooth, settings)


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
        As in `detect_cycles`; the bounds hold for one half. Halves unlike all others are left
        out; a noisy signal stays as it is, since the two sides move along two axes.

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
    found, larger = _search(np.fmax(right, left), time_s, valid, settings)
    known = _known_angles(angles, valid)
    if known.shape[1] > 0:
        smooth = _filled(gaussian_smooth(known, time_s, valid, settings.sigma_s))
        found = _of_the_set(found, larger, smooth, settings)
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


def _search(
    signal: FloatArray, time_s: FloatArray, valid: BoolArray, settings: CycleSettings
) -> tuple[list[Cycle], FloatArray]:
    """Find the repetitions in one curve; return them and the smoothed curve."""
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


def _leading_side(difference: FloatArray, cycle: Cycle) -> str:
    reach = max(1, (cycle.end - cycle.start) // 10)
    near_key = difference[max(cycle.start, cycle.key - reach) : cycle.key + reach + 1]
    return "r" if np.nanmedian(near_key) >= 0 else "l"


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
