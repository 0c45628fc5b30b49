"""Gaussian smoothing in seconds, at whatever rate the frames really have.

T frames, D = 46 DoF, K curves
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.motion.angles import unwrap_angles, wrap_angle
from qevd_bio.motion.record import BoolArray, FloatArray
from qevd_bio.skeleton.dofs import DOFS, JOINT_NAMES, joint_dofs
from qevd_bio.skeleton.kinematics import axis_rotation

SIGMA_S = 2.0 / 30.0
"""Two frames at 30 fps (supplement 5), kept in seconds."""

REACH_SIGMAS = 4.0 + 1e-6
"""Kernel half width; the last digit keeps a frame at exactly four sigmas inside."""


def gaussian_smooth(
    values: FloatArray, time_s: FloatArray, valid: BoolArray, sigma_s: float = SIGMA_S
) -> FloatArray:
    """Smooth curves with a Gaussian kernel over the true frame times.

    Parameters
    ----------
    values : ndarray (T,) or (T, K)
        Curves; NaN where nothing was measured.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    valid : ndarray (T,) of bool
        Frames that hold a measurement.
    sigma_s : float
        Standard deviation of the kernel in seconds.

    Returns
    -------
    ndarray
        Same shape. Every sample weighs by the kernel times the time it stands for, so uneven
        rates and dropped frames shift nothing; weights are renormalised at the edges.

    Raises
    ------
    ValueError
        The shapes do not fit, times do not increase, or sigma is not positive.

    Notes
    -----
    NaN and invalid frames have no weight. A frame without any measurement within four sigmas
    is NaN. Source of the default: supplement 5, sigma = 2 frames at 30 fps.
    """
    frames = len(time_s)
    if values.shape[:1] != (frames,) or valid.shape != (frames,):
        raise ValueError(f"values {values.shape}, time {time_s.shape}, valid {valid.shape}")
    if sigma_s <= 0:
        raise ValueError(f"sigma_s must be positive, not {sigma_s}")
    if frames < 2:
        return np.where(valid.reshape((-1,) + (1,) * (values.ndim - 1)), values, np.nan)
    steps = np.diff(time_s)
    if not np.all(steps > 0):
        raise ValueError("time_s does not increase strictly")

    curves = values.reshape(frames, -1)
    known = np.isfinite(curves) & valid[:, None]
    curves = np.where(known, curves, 0.0)
    share = _time_shares(steps, REACH_SIGMAS * sigma_s)
    span = np.searchsorted(time_s, time_s + REACH_SIGMAS * sigma_s, side="right")
    reach = int(np.max(span - np.arange(frames))) - 1

    weight = known * share[:, None]
    total = curves * weight
    mass = weight.copy()
    for offset in range(1, reach + 1):
        apart = (time_s[offset:] - time_s[:-offset]) / sigma_s
        kernel = np.where(apart <= REACH_SIGMAS, np.exp(-0.5 * apart**2), 0.0)[:, None]
        total[:-offset] += kernel * weight[offset:] * curves[offset:]
        mass[:-offset] += kernel * weight[offset:]
        total[offset:] += kernel * weight[:-offset] * curves[:-offset]
        mass[offset:] += kernel * weight[:-offset]
    smooth = np.full_like(total, np.nan)
    np.divide(total, mass, out=smooth, where=mass > 0)
    return np.asarray(smooth.reshape(values.shape))


def _time_shares(steps_s: FloatArray, longest_s: float) -> FloatArray:
    """Give each frame the time it stands for: half of each neighbouring step."""
    half = np.minimum(steps_s, longest_s) / 2
    share = np.empty(len(half) + 1)
    share[1:-1] = half[:-1] + half[1:]
    share[0], share[-1] = 2 * half[0], 2 * half[-1]
    return share


def smooth_pose(
    q: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    joints: Sequence[str] = JOINT_NAMES,
    sigma_s: float = SIGMA_S,
) -> FloatArray:
    """Smooth joint angles: hinges as angles, joints of three DoFs as rotations.

    Parameters
    ----------
    q : ndarray (T, 46)
        SKEL degrees of freedom in rad, wrapped or not.
    time_s, valid, sigma_s
        As in `gaussian_smooth`.
    joints : sequence of str
        Joints to smooth; the others only become continuous.

    Returns
    -------
    ndarray (T, 46)
        Continuous curves in rad; NaN where no measurement is near.

    Notes
    -----
    A mean rotation is the weighted mean of the matrices brought back to the nearest rotation.
    Of the two Euler triples of a rotation the one nearer to the unsmoothed frame is kept, so a
    middle angle beyond 90 degrees stays there.
    """
    smooth = unwrap_angles(q, valid)
    for joint in joints:
        dofs = joint_dofs(joint)
        raw = smooth[:, dofs]
        if len(dofs) < 3:
            smooth[:, dofs] = gaussian_smooth(raw, time_s, valid, sigma_s)
            continue
        known = valid & np.isfinite(raw).all(axis=1)
        rotations = _rotations(np.where(known[:, None], raw, 0.0), dofs)
        mean = gaussian_smooth(rotations.reshape(-1, 9), time_s, known, sigma_s)
        near_one = np.isfinite(mean).all(axis=1)
        smooth[:, dofs] = np.nan
        if near_one.any():
            nearest = _nearest_rotation(mean[near_one].reshape(-1, 3, 3))
            smooth[np.ix_(near_one, dofs)] = _euler_near(nearest, dofs, raw[near_one])
    return unwrap_angles(smooth, valid | np.isfinite(smooth).all(axis=1))


def _rotations(angles: FloatArray, dofs: tuple[int, ...]) -> FloatArray:
    first, second, third = (
        axis_rotation(DOFS[dof].axis, angles[:, i]) for i, dof in enumerate(dofs)
    )
    return np.asarray(third @ second @ first)


def _nearest_rotation(matrices: FloatArray) -> FloatArray:
    left, _, right = np.linalg.svd(matrices)
    left[:, :, 2] *= np.linalg.det(left @ right)[:, None]
    return np.asarray(left @ right)


def _euler_near(rotations: FloatArray, dofs: tuple[int, ...], near: FloatArray) -> FloatArray:
    """Split rotations into a joint's three DoFs, on the branch nearer to known angles."""
    axes = np.array([DOFS[dof].axis for dof in dofs])
    order = "".join("xyz"[int(np.argmax(np.abs(axis)))] for axis in axes)
    signs = axes.sum(axis=1)
    first = Rotation.from_matrix(rotations).as_euler(cast("Literal['xyz']", order)) * signs
    second = np.stack([first[:, 0] + np.pi, np.pi - first[:, 1], first[:, 2] + np.pi], axis=1)
    distance = [np.abs(wrap_angle(option - near)).sum(axis=1) for option in (first, second)]
    return np.where((distance[1] < distance[0])[:, None], second, first)
