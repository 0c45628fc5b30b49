"""One angle seen through what all angles do together.

T frames, K curves
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.repetitions.pace import jitter
from qevd_bio.motion.smoothing import gaussian_smooth

COMPONENTS = 3
SHARED_SHARE = 0.5
LEAST_NOISE_RAD = np.deg2rad(1.0)


def with_shared_movement(
    signal: FloatArray, angles: FloatArray, time_s: FloatArray, valid: BoolArray
) -> FloatArray:
    """Average a curve with its part in the movement that all angles share.

    Parameters
    ----------
    signal : ndarray (T,)
        The curve that is wanted, in rad; NaN where unknown.
    angles : ndarray (T, K)
        rad, both sides of several joints; NaN where unknown.
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
    curves = np.column_stack([signal, angles])
    known = valid & np.isfinite(curves).all(axis=1)
    result = np.full(len(signal), np.nan)
    if known.sum() < 3:
        return result
    smooth = gaussian_smooth(curves, time_s, known)[known]
    noise = np.array([jitter(column) for column in curves[known].T]) + LEAST_NOISE_RAD
    centred = (curves[known] - np.median(smooth, axis=0)) / noise
    steps = np.diff(smooth / noise, axis=0)
    _, axes = np.linalg.eigh(steps.T @ steps)
    axes = axes[:, ::-1][:, :COMPONENTS].T
    shared = (centred @ axes.T) @ axes[:, 0]
    mixed = SHARED_SHARE * shared + (1 - SHARED_SHARE) * centred[:, 0]
    result[known] = mixed * noise[0]
    return result
