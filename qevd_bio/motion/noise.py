"""Frame-to-frame noise of angles, estimated from the angles themselves.

T frames, D = 46 DoF
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.motion.medians import median, medians_of_known

NORMAL_QUARTILE = 0.6745
"""Median absolute value of a standard normal distribution."""
OUTLIER_REACH_FRAMES = 3
OUTLIER_SCALES = 4.0


def without_outliers(values: FloatArray) -> FloatArray:
    """Replace single values that stand out of a curve by the median around them.

    Parameters
    ----------
    values : ndarray (T,)
        Finite, in time order.

    Returns
    -------
    ndarray (T,)
        A value stands out when it is more than `OUTLIER_SCALES` robust standard deviations of all
        such distances away from the median of `OUTLIER_REACH_FRAMES` on both sides.

    Notes
    -----
    Hampel's filter. A standard deviation of a contaminated curve is mostly that of its outliers;
    a robust one (by medians) would give a swaying curve another size than its standard deviation.
    """
    edge = np.full(OUTLIER_REACH_FRAMES, np.nan)
    padded = np.concatenate([edge, values, edge])
    width = 2 * OUTLIER_REACH_FRAMES + 1
    around = medians_of_known(np.lib.stride_tricks.sliding_window_view(padded, width))
    away = np.abs(values - around)
    return np.where(away > OUTLIER_SCALES * median(away) / NORMAL_QUARTILE, around, values)


def jitter(values: FloatArray) -> float:
    """Estimate the white noise on one smooth curve.

    Parameters
    ----------
    values : ndarray (T,)
        Evenly sampled; NaN is left out.

    Returns
    -------
    float
        Standard deviation in the unit of `values`; 0 with fewer than three frames.

    Notes
    -----
    From second differences: median |d2| = 0.6745 sqrt(6) sigma for white noise.
    """
    steps = np.diff(values, 2)
    steps = np.abs(steps[np.isfinite(steps)])
    return median(steps) / (NORMAL_QUARTILE * np.sqrt(6.0)) if len(steps) else 0.0


def jitter_sigma(q: FloatArray, sections: IntArray) -> FloatArray:
    """Estimate the frame-to-frame noise of each angle.

    Parameters
    ----------
    q : ndarray (T, 46)
        Unwrapped angles in rad.
    sections : ndarray (T,) of int
        Uninterrupted stretches.

    Returns
    -------
    ndarray (46,)
        rad; 0 when no stretch has four frames.

    Notes
    -----
    From third differences, which movement slower than the frame rate hardly enters; the median
    keeps single jumps out: median |d3| = 0.6745 sqrt(20) sigma for white noise.
    """
    if len(q) < 4:
        return np.zeros(q.shape[1])
    third = np.diff(q, n=3, axis=0)
    inside = sections[3:] == sections[:-3]
    if not inside.any():
        return np.zeros(q.shape[1])
    return np.asarray(np.median(np.abs(third[inside]), axis=0) / (NORMAL_QUARTILE * np.sqrt(20.0)))
