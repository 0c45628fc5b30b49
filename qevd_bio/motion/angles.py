"""Wrapping and unwrapping of angles.

T frames
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray

TURN_RAD = 2.0 * np.pi


def wrap_angle(angle_rad: FloatArray) -> FloatArray:
    """Map angles in rad, of any shape, to the same directions in (-pi, pi]; NaN stays NaN."""
    return np.pi - np.mod(np.pi - angle_rad, TURN_RAD)


def unwrap_angles(angle_rad: FloatArray, valid: BoolArray) -> FloatArray:
    """Make angle curves continuous within one segment.

    Parameters
    ----------
    angle_rad : ndarray (T,) or (T, K)
        Curves in rad, one a column.
    valid : ndarray (T,) of bool
        Frames that hold a measurement.

    Returns
    -------
    ndarray
        Same shape; steps of more than half a turn between successive measured frames are
        replaced by their complement, and each curve's median lies in (-pi, pi].

    Raises
    ------
    ValueError
        The shapes do not fit.

    Notes
    -----
    NaN and invalid frames are skipped: the curve is continued across them, and they keep their
    own value shifted by the turns of the curve's median. The period is 2 pi (the released
    BioCoach code used pi, which bends true steps of more than 90 degrees).
    """
    if valid.shape != angle_rad.shape[:1]:
        raise ValueError(f"valid has shape {valid.shape}, angles {angle_rad.shape}")
    curves = angle_rad.reshape(len(valid), -1).astype(np.float64)
    measured = curves[valid]
    steady = (np.abs(np.diff(measured, axis=0)) <= np.pi).all(axis=0)
    centred = ((measured > -np.pi) & (measured <= np.pi)).all(axis=0)
    for index in np.flatnonzero(~(steady & centred)):
        column = curves[:, index]
        known = valid & np.isfinite(column)
        if not known.any():
            continue
        continuous = np.unwrap(column[known])
        middle = np.asarray(np.median(continuous))
        shift = wrap_angle(middle) - middle
        column[~known] += shift
        column[known] = continuous + shift
    return curves.reshape(angle_rad.shape)
