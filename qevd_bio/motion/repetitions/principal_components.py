"""Reduces the noise of one angle by the principal components of all angles.

T frames, K curves
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.noise import jitter
from qevd_bio.motion.smoothing import gaussian_smooth

COMPONENTS = 3
SHARED_SHARE = 0.5
LEAST_NOISE_RAD = np.deg2rad(1.0)


def blend_with_principal_components(
    signal: FloatArray, angles: FloatArray, time_s: FloatArray, valid: BoolArray
) -> FloatArray:
    """Average a curve (T,) with its part in the movement that all angles (T, K) share, in rad.

    The shared movement is that of the first `COMPONENTS` principal components of the smoothed
    curves' steps, each curve in units of its own noise. It has the weight `SHARED_SHARE`: noise of
    one joint is not shared, but neither is what one joint does alone. The result is about the
    curve's median, and NaN in frames where a curve is unknown or `valid` is False.
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
    blended = SHARED_SHARE * shared + (1 - SHARED_SHARE) * centred[:, 0]
    result[known] = blended * noise[0]
    return result
