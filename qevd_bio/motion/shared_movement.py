"""One angle seen through what all angles do together.

T frames, K curves
"""

from __future__ import annotations

import numpy as np

from qevd_bio.motion.pace import jitter
from qevd_bio.motion.record import BoolArray, FloatArray
from qevd_bio.motion.smoothing import gaussian_smooth

COMPONENTS = 3
SHARED_SHARE = 0.5
LEAST_NOISE_RAD = np.deg2rad(1.0)


def with_shared_movement(
    curves: FloatArray, which: int, time_s: FloatArray, valid: BoolArray
) -> FloatArray:
    """Average a curve with its part in the movement that the curves share.

    Parameters
    ----------
    curves : ndarray (T, K)
        Angles in rad, both sides of several joints; NaN where unknown.
    which : int
        Column of the curve that is wanted.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    valid : ndarray (T,) of bool
        Frames that hold a measurement.

    Returns
    -------
    ndarray (T,)
        rad about the curve's median; NaN in frames where a curve is unknown.

    Notes
    -----
    The shared part lies in the first `COMPONENTS` principal components of the smoothed curves'
    steps, each curve in units of its own noise. It is trusted by `SHARED_SHARE`: noise of one
    joint is not shared, but neither is what one joint alone does.
    """
    known = valid & np.isfinite(curves).all(axis=1)
    result = np.full(len(curves), np.nan)
    if known.sum() < 3:
        return result
    smooth = gaussian_smooth(curves, time_s, known)[known]
    noise = np.array([jitter(column) for column in curves[known].T]) + LEAST_NOISE_RAD
    centred = (curves[known] - np.median(smooth, axis=0)) / noise
    _, _, axes = np.linalg.svd(np.diff(smooth / noise, axis=0), full_matrices=False)
    axes = axes[:COMPONENTS]
    shared = (centred @ axes.T) @ axes[:, which]
    mixed = SHARED_SHARE * shared + (1 - SHARED_SHARE) * centred[:, which]
    result[known] = mixed * noise[which]
    return result
