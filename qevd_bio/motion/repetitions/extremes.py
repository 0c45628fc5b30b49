"""Extremes of one smooth curve, and how prominent one is expected to be.

T frames, E extremes
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import find_peaks

from qevd_bio.arrays import FloatArray, IntArray


def known_runs(smooth: FloatArray, time_s: FloatArray, gap_s: float) -> list[slice]:
    """Cut the frames where the curve is unknown or time jumps.

    Parameters
    ----------
    smooth : ndarray (T,)
        Curve; NaN where unknown.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    gap_s : float
        Longest step in seconds within a run.

    Returns
    -------
    list of slice
        In time order.
    """
    known = np.flatnonzero(np.isfinite(smooth))
    if len(known) == 0:
        return []
    breaks = np.flatnonzero((np.diff(known) > 1) | (np.diff(time_s[known]) > gap_s)) + 1
    return [slice(int(part[0]), int(part[-1]) + 1) for part in np.split(known, breaks)]


def prominent_peaks(
    smooth: FloatArray,
    time_s: FloatArray,
    *,
    prominence_rad: float,
    distance_s: float,
    longest_s: float,
) -> tuple[IntArray, FloatArray]:
    """Find the maxima of a run that stand out.

    Parameters
    ----------
    smooth : ndarray (T,)
        Finite curve in rad.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    prominence_rad : float
        Least prominence.
    distance_s : float
        Least time between two maxima.
    longest_s : float
        Longest cycle: prominence looks this far to both sides.

    Returns
    -------
    keys : ndarray (E,) of int
        Frames.
    prominences : ndarray (E,)
        rad.

    Notes
    -----
    The run is continued before its start by its mirror image, so that a first extreme has its
    prominence from the way back. Peaks and prominence after the BioCoach supplement 5.
    """
    if len(smooth) < 3:
        return np.empty(0, dtype=np.int64), np.empty(0)
    step_s = float(np.median(np.diff(time_s)))
    mirrored = len(smooth) - 1
    keys, found = find_peaks(
        np.concatenate([smooth[:0:-1], smooth]),
        prominence=prominence_rad,
        distance=max(1.0, distance_s / step_s),
        wlen=max(3, int(2 * longest_s / step_s)),
    )
    inside = keys >= mirrored
    return (keys[inside] - mirrored).astype(np.int64), found["prominences"][inside]


def usual_prominences(
    found: Sequence[tuple[FloatArray, FloatArray]], neighbours_s: float, least_local_share: float
) -> list[FloatArray]:
    """Give each extreme the prominence usual around it.

    Parameters
    ----------
    found : sequence of (ndarray (E,), ndarray (E,))
        Times in seconds and prominences in rad, run by run.
    neighbours_s : float
        Extremes within this time on both sides are asked.
    least_local_share : float
        Floor, as a share of what is usual in all runs together, which is also the ceiling.

    Returns
    -------
    list of ndarray (E,)
        rad, run by run.

    Notes
    -----
    Usual is the median weighted by prominence itself, so many small bumps cannot lower it.
    """
    if not found:
        return []
    times_s = np.concatenate([times for times, _ in found])
    prominences = np.concatenate([high for _, high in found])
    overall = _weighted_median(prominences)
    first = np.searchsorted(times_s, times_s - neighbours_s)
    stop = np.searchsorted(times_s, times_s + neighbours_s, side="right")
    near = np.array([_weighted_median(prominences[a:b]) for a, b in zip(first, stop, strict=True)])
    usual = np.clip(near, least_local_share * overall, overall)
    return np.split(usual, np.cumsum([len(high) for _, high in found])[:-1])


def _weighted_median(prominences: FloatArray) -> float:
    if len(prominences) == 0:
        return 0.0
    ordered = np.sort(prominences)
    weight = np.cumsum(ordered)
    return float(ordered[np.searchsorted(weight, weight[-1] / 2)])
