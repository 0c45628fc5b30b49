"""BIGE's segmentation of squats, and cycles on 101 points of time.

T frames, P = 101 points, S spans
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import find_peaks, savgol_filter

from qevd_bio.arrays import FloatArray

POINTS = 101
"""Points of a normalised cycle (BIGE supplement 1.1)."""


@dataclass(frozen=True, slots=True)
class SquatSegmentation:
    """Settings of BIGE's search for squats (supplement 1.1), with its lengths in seconds.

    Attributes
    ----------
    window_s, order : float, int
        Savitzky-Golay filter.
    slowest_share : float
        Candidates are valleys below this share of the largest speed. BIGE's "bottom 10%" could
        also mean the slowest frames; then a recording that begins with a long rest has no other
        candidates.
    distance_s : float
        Least time between candidates.
    long_s : float
        Mean length from which a choice of spans is penalised.
    shortest_s, longest_s, range_share : float
        Ours, not BIGE's: without them three spans of standing still vary least. Bounds of a span;
        least bend of its knees as a share of the recording's range. A span starts and ends in
        the straighter half of that range.
    """

    window_s: float = 0.35
    order: int = 3
    slowest_share: float = 0.10
    distance_s: float = 0.1
    long_s: float = 2.0
    shortest_s: float = 0.5
    longest_s: float = 5.0
    range_share: float = 0.5


def normalise_time(values: FloatArray, time_s: FloatArray, points: int = POINTS) -> FloatArray:
    """Read curves at evenly spaced times by cubic interpolation.

    Parameters
    ----------
    values : ndarray (T,) or (T, K)
        Curves over at least two frames; NaN frames are ignored.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    points : int
        P; the first and last are the first and last frame.

    Returns
    -------
    ndarray (P,) or (P, K)

    Raises
    ------
    ValueError
        Fewer than two frames are known.

    Notes
    -----
    Source: BIGE supplement 1.1. In contrast `phase.resample_cycle` interpolates at equal phases,
    with the key frame at its phase.
    """
    known = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if known.sum() < 2:
        raise ValueError(f"{int(known.sum())} known frames cannot be interpolated")
    spline = CubicSpline(time_s[known], values[known], axis=0)
    return np.asarray(spline(np.linspace(time_s[0], time_s[-1], points)))


def still_frames(
    right_rad: FloatArray, left_rad: FloatArray, time_s: FloatArray, how: SquatSegmentation
) -> list[int]:
    """Find the frames where the knees are nearly still: BIGE's candidates.

    The larger of both knees' speeds has a valley near zero there. Arguments as in
    `segment_squats`.
    """
    step_s = float(np.median(np.diff(time_s)))
    window = max(how.order + 2, round(how.window_s / step_s)) | 1
    speed = np.max(
        [
            np.abs(savgol_filter(knee, window, how.order, deriv=1, delta=step_s))
            for knee in (right_rad, left_rad)
        ],
        axis=0,
    )
    limit = how.slowest_share * speed.max()
    valleys, _ = find_peaks(
        -np.pad(speed, 1, constant_values=np.inf), distance=max(1.0, how.distance_s / step_s)
    )
    return [int(frame) - 1 for frame in valleys if speed[frame - 1] <= limit]


def segment_squats(
    right_rad: FloatArray,
    left_rad: FloatArray,
    time_s: FloatArray,
    how: SquatSegmentation | None = None,
) -> list[tuple[int, int]]:
    """Choose the three most similar squats of a recording.

    Parameters
    ----------
    right_rad, left_rad : ndarray (T,)
        Knee flexion in rad, without NaN, at an even rate.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    how : SquatSegmentation, optional
        BIGE's numbers by default.

    Returns
    -------
    list of (int, int)
        First and last frame of three spans in time order; empty when there are no three.

    Notes
    -----
    Chosen is the triple of spans without overlap with the least variance of its 101-point
    curves; the variance of a triple longer than `long_s` on average is multiplied by the square
    of the excess ratio (BIGE gives no formula for its penalty). The cost is cubic in the number
    of spans: the search is for recordings of a few repetitions, like BIGE's.
    """
    how = how or SquatSegmentation()
    mean = (right_rad + left_rad) / 2.0
    spans = _spans(still_frames(right_rad, left_rad, time_s, how), mean, time_s, how)
    if len(spans) < 3:
        return []
    curves = np.array([normalise_time(mean[a : b + 1], time_s[a : b + 1]) for a, b in spans])
    first, last = np.array(spans).T
    length_s = time_s[last] - time_s[first]
    apart = np.mean((curves[:, None] - curves[None]) ** 2, axis=2)
    after = last[:, None] <= first[None]
    best, chosen = np.inf, (0, 0, 0)
    for one, two in np.argwhere(after):
        thirds = np.flatnonzero(after[two])
        if len(thirds) == 0:
            continue
        mean_s = (length_s[one] + length_s[two] + length_s[thirds]) / 3.0
        penalty = np.maximum(1.0, mean_s / how.long_s) ** 2
        cost = (apart[one, two] + apart[one, thirds] + apart[two, thirds]) * penalty
        if cost.min() < best:
            best, chosen = float(cost.min()), (one, two, thirds[int(np.argmin(cost))])
    return [spans[i] for i in chosen] if np.isfinite(best) else []


def _spans(
    still: list[int], knee: FloatArray, time_s: FloatArray, how: SquatSegmentation
) -> list[tuple[int, int]]:
    """Pair still frames that have one squat between them."""
    low, high = float(knee.min()), float(knee.max())
    middle = (low + high) / 2.0
    rests = [frame for frame in still if knee[frame] < middle]
    spans = []
    for i, start in enumerate(rests):
        for end in rests[i + 1 :]:
            inside = knee[start : end + 1]
            bends = np.ptp(inside) >= how.range_share * (high - low)
            once = np.count_nonzero(np.diff((inside > middle).astype(np.int8)) == 1) == 1
            if how.shortest_s <= time_s[end] - time_s[start] <= how.longest_s and bends and once:
                spans.append((start, end))
    return spans
