"""The common movement of several angles.

T frames, K angles, P principal components
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.noise import jitter
from qevd_bio.motion.smoothing import gaussian_smooth

COMPONENTS = 3
LEAST_NOISE_RAD = np.deg2rad(1.0)


def noise_of(curves: FloatArray, valid: BoolArray) -> FloatArray:
    """Estimate the noise (K,) of curves (T, K) in rad from frame to frame, one degree at least."""
    return np.asarray(LEAST_NOISE_RAD + np.array([jitter(c[valid]) for c in curves.T]))


def principal_components(curves: FloatArray, time_s: FloatArray, valid: BoolArray) -> FloatArray:
    """Return curves (T, P) in rad along the principal axes of the movement, NaN where unknown.

    The axes are those of the smooth curves' steps, each in units of its own noise: drift and a
    change of posture move once, a repetition again and again. Their sign is arbitrary.
    """
    if curves.shape[1] == 0:
        return np.full((len(curves), 1), np.nan)
    noise = noise_of(curves, valid)
    smooth = gaussian_smooth(curves, time_s, valid)
    steps = np.diff(smooth / noise, axis=0)
    steps = steps[np.isfinite(steps).all(axis=1)]
    if len(steps) < 2:
        return np.full((len(curves), 1), np.nan)
    axes = np.linalg.eigh(steps.T @ steps)[1][:, ::-1][:, :COMPONENTS]
    weights = axes / noise[:, None]
    weights /= np.linalg.norm(weights, axis=0)
    return np.asarray(np.where(valid[:, None], curves, np.nan) @ weights)
