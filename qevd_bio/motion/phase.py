"""Cycles on a common axis of phase, so that they can be compared with their reference.

T frames, K curves, P phase points
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray


def phase_of_time(
    time_s: FloatArray, start_s: float, key_s: float, end_s: float, key_at: float
) -> FloatArray:
    """Convert times in seconds to phases: 0 at a cycle's start, `key_at` at its key, 1 at its end.

    Phases are linear on both sides of the key; times outside the cycle get 0 or 1.
    """
    if key_at in (0.0, 1.0) or not start_s < key_s < end_s:
        return np.interp(time_s, [start_s, end_s], [0.0, 1.0])
    return np.interp(time_s, [start_s, key_s, end_s], [0.0, key_at, 1.0])


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
