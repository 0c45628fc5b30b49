"""Cycles on a common axis of phase, so that they can be compared with their reference.

T frames, K curves, P phase points
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.repetitions.cycles import Cycle


def phase_of_time(
    time_s: FloatArray, start_s: float, key_s: float, end_s: float, key_at: float
) -> FloatArray:
    """Convert times in seconds to phases: 0 at a cycle's start, `key_at` at its key, 1 at its end.

    Phases are linear on both sides of the key; times outside the cycle get 0 or 1.
    """
    if key_at in (0.0, 1.0) or not start_s < key_s < end_s:
        return np.interp(time_s, [start_s, end_s], [0.0, 1.0])
    return np.interp(time_s, [start_s, key_s, end_s], [0.0, key_at, 1.0])


def cycle_phases(time_s: FloatArray, cycle: Cycle, key_at: float) -> FloatArray:
    """Convert times (T,) in seconds within a cycle to phases between 0 and 1.

    Of a cycle from extreme to extreme the middle in time is taken for its start phase, so its
    phases run from `key_at` to 1 and from 0 to `key_at`. What a cut cycle lacks has no time.
    """
    ends_s = [cycle.start_s, cycle.end_s]
    if cycle.rests_at_extreme:
        return np.asarray(np.interp(time_s, ends_s, [key_at, key_at + 1.0]) % 1.0)
    if cycle.cut == "start" and cycle.key == cycle.start:
        return np.asarray(np.interp(time_s, ends_s, [key_at, 1.0]))
    if cycle.cut == "end" and cycle.key == cycle.end:
        return np.asarray(np.interp(time_s, ends_s, [0.0, key_at]))
    return phase_of_time(time_s, cycle.start_s, cycle.key_s, cycle.end_s, key_at)


def resample_cycle(values: FloatArray, phase: FloatArray, points: int) -> FloatArray:
    """Interpolate the curves of a cycle at evenly spaced phases.

    Parameters
    ----------
    values : ndarray (T, K)
        Continuous curves over the frames of the cycle; NaN is bridged linearly.
    phase : ndarray (T,)
        Increasing phases of these frames.
    points : int
        P, first at phase 0 and last at phase 1.

    Returns
    -------
    ndarray (P, K)
        NaN in curves with fewer than two known frames.
    """
    at = np.linspace(0.0, 1.0, points)
    known = np.isfinite(values)
    whole = known.all(axis=0)
    curves = np.full((points, values.shape[1]), np.nan)
    if len(phase) >= 2:
        curves[:, whole] = _interpolated(at, phase, values[:, whole])
    for k in np.flatnonzero(~whole & (known.sum(axis=0) >= 2)):
        curves[:, k] = np.interp(at, phase[known[:, k]], values[known[:, k], k])
    return curves


def _interpolated(at: FloatArray, phase: FloatArray, values: FloatArray) -> FloatArray:
    """Interpolate all columns at once, held at both ends as `np.interp` does."""
    place = np.interp(at, phase, np.arange(len(phase)))
    before = np.minimum(place.astype(np.int64), len(phase) - 2)
    share = (place - before)[:, None]
    return np.asarray(values[before] + share * (values[before + 1] - values[before]))
