"""Peaks of one smooth curve, and the prominence that is typical around each.

T frames, E peaks
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import find_peaks

from qevd_bio.arrays import FloatArray, IntArray


def known_runs(smooth: FloatArray, time_s: FloatArray, gap_s: float) -> list[slice]:
    """Split the frames where the curve (T,) is NaN or time (T,) steps by more than `gap_s`."""
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
    """Find the prominent maxima of a finite curve (T,): frames (E,) and prominences (E,) in rad.

    Maxima are at least `distance_s` apart; prominence is measured up to `longest_s` to both sides.
    The run is continued before its start by its mirror image, so that a first extreme has the
    prominence of the way back. After the BioCoach supplement 5.
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


def typical_prominences(
    found: Sequence[tuple[FloatArray, FloatArray]], neighbours_s: float, least_local_share: float
) -> list[FloatArray]:
    """Give each peak of each run the prominence (E,) in rad that is typical around it.

    A run is given by its peaks' times in seconds and prominences in rad. Typical is the median
    within `neighbours_s` on both sides, weighted by prominence itself, so that many small bumps do
    not lower it; it lies between `least_local_share` and 1 of that of all runs.
    """
    if not found:
        return []
    times_s = np.concatenate([times for times, _ in found])
    prominences = np.concatenate([high for _, high in found])
    overall = _weighted_median(prominences)
    first = np.searchsorted(times_s, times_s - neighbours_s)
    stop = np.searchsorted(times_s, times_s + neighbours_s, side="right")
    near = np.array([_weighted_median(prominences[a:b]) for a, b in zip(first, stop, strict=True)])
    typical = np.clip(near, least_local_share * overall, overall)
    return np.split(typical, np.cumsum([len(high) for _, high in found])[:-1])


def _weighted_median(prominences: FloatArray) -> float:
    if len(prominences) == 0:
        return 0.0
    ordered = np.sort(prominences)
    weight = np.cumsum(ordered)
    return float(ordered[np.searchsorted(weight, weight[-1] / 2)])
