"""Gaussian smoothing over the true frame times.

T frames, D = 46 DoF, K curves
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.angles import TURN_RAD, unwrap_angles
from qevd_bio.skeleton.dofs import DOFS, JOINT_NAMES, joint_dofs
from qevd_bio.skeleton.kinematics import joint_turn

SIGMA_S = 2.0 / 30.0
"""Two frames at 30 fps (supplement 5), kept in seconds."""

REACH_SIGMAS = 4.0 + 1e-6
"""Kernel half width; the last digit keeps a frame at exactly four sigmas inside."""

CLEAR_VOLUME = 0.05
"""Determinant of a mean rotation above which Newton's iteration is used."""

NEWTON_TOLERANCE = 1e-8
"""A Newton step this small leaves an error of its square, the rounding of a float."""

POLE_COSINE = 1e-7


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
        Same shape. The weight of a sample is the kernel times the time it stands for, so uneven
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

    curves = np.ascontiguousarray(values.reshape(frames, -1).T)
    known = np.isfinite(curves) & valid
    if (known == known[:1]).all():
        known = known[:1]  # curves known at the same frames have the same weights
    share = _time_shares(steps, REACH_SIGMAS * sigma_s)
    span = np.searchsorted(time_s, time_s + REACH_SIGMAS * sigma_s, side="right")
    reach = int(np.max(span - np.arange(frames))) - 1

    weight = known * share
    weighted = np.where(known, curves, 0.0) * share
    total, mass = weighted.copy(), weight.copy()
    for offset in range(1, reach + 1):
        apart = (time_s[offset:] - time_s[:-offset]) / sigma_s
        kernel = np.where(apart <= REACH_SIGMAS, np.exp(-0.5 * apart**2), 0.0)
        for summed, added in ((total, weighted), (mass, weight)):
            summed[:, :-offset] += kernel * added[:, offset:]
            summed[:, offset:] += kernel * added[:, :-offset]
    smooth = total / np.where(mass > 0, mass, np.nan)
    return np.asarray(smooth.T.reshape(values.shape))


def _time_shares(steps_s: FloatArray, longest_s: float) -> FloatArray:
    """Compute the time each frame stands for: half of each neighbouring step."""
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
    A mean rotation is the nearest rotation to the weighted mean of the matrices. Of the two Euler
    triples of a rotation the one nearer to the unsmoothed frame is kept, so a middle angle beyond
    90 degrees stays there.
    """
    smooth = unwrap_angles(q, valid)
    hinges = [dof for joint in joints if len(dofs := joint_dofs(joint)) < 3 for dof in dofs]
    smooth[:, hinges] = gaussian_smooth(smooth[:, hinges], time_s, valid, sigma_s)
    for joint in joints:
        dofs = joint_dofs(joint)
        if len(dofs) < 3:
            continue
        raw = smooth[:, dofs]
        turns = joint_turn(joint, raw).reshape(9, -1)
        mean = gaussian_smooth(turns.T, time_s, valid, sigma_s).T.reshape(3, 3, -1)
        near_one = np.isfinite(mean[0, 0])
        smooth[:, dofs] = np.nan
        nearest = nearest_rotation(mean[:, :, near_one])
        smooth[np.ix_(near_one, dofs)] = _euler_near(nearest, dofs, raw[near_one])
    return unwrap_angles(smooth, valid | np.isfinite(smooth).all(axis=1))


def nearest_rotation(matrices: FloatArray) -> FloatArray:
    """Project weighted means of rotations (3, 3, T) on the nearest rotations.

    Newton's iteration for the polar factor (Higham 1986): half the sum of a matrix and its
    inverse transpose; each step squares the error. Means with a small determinant, of rotations
    far apart, are projected by singular values instead.
    """
    nearest, clear = matrices.copy(), _determinants(matrices) > CLEAR_VOLUME
    nearest[:, :, ~clear] = _nearest_by_singular_values(matrices[:, :, ~clear])
    error = np.inf
    while error > NEWTON_TOLERANCE:
        before, nearest = nearest, (nearest + _cofactors(nearest) / _determinants(nearest)) / 2
        error = float(np.abs(nearest - before).max(initial=0.0))
    return nearest


def _cofactors(matrices: FloatArray) -> FloatArray:
    after, last = [1, 2, 0], [2, 0, 1]
    return np.asarray(
        matrices[np.ix_(after, after)] * matrices[np.ix_(last, last)]
        - matrices[np.ix_(after, last)] * matrices[np.ix_(last, after)]
    )


def _determinants(matrices: FloatArray) -> FloatArray:
    (a, b, c), (d, e, f), (g, h, i) = matrices
    return np.asarray(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def _nearest_by_singular_values(matrices: FloatArray) -> FloatArray:
    left, _, right = np.linalg.svd(np.moveaxis(matrices, -1, 0))
    left[:, :, 2] *= np.linalg.det(left @ right)[:, None]
    return np.moveaxis(left @ right, 0, -1)


def _euler_near(rotations: FloatArray, dofs: tuple[int, ...], near: FloatArray) -> FloatArray:
    """Split rotations (3, 3, T) into a joint's DoFs (T, 3), on the branch nearer to `near`.

    Where the middle angle is a right angle only the sum or difference of the outer two is
    defined; the last one is then 0.
    """
    axes = np.array([DOFS[dof].axis for dof in dofs])
    i, j, k = np.argmax(np.abs(axes), axis=1)
    parity = 1.0 if (j - i) % 3 == 1 else -1.0
    cosine = np.hypot(rotations[k, j], rotations[k, k])
    pole = cosine < POLE_COSINE
    first = np.stack(
        [
            np.where(
                pole,
                np.arctan2(-parity * rotations[j, k], rotations[j, j]),
                np.arctan2(parity * rotations[k, j], rotations[k, k]),
            ),
            np.arctan2(-parity * rotations[k, i], cosine),
            np.where(pole, 0.0, np.arctan2(parity * rotations[j, i], rotations[i, i])),
        ],
        axis=1,
    ) * axes.sum(axis=1)
    second = np.stack([first[:, 0] + np.pi, np.pi - first[:, 1], first[:, 2] + np.pi], axis=1)
    distance = [_turn_apart(option - near).sum(axis=1) for option in (first, second)]
    return np.where((distance[1] < distance[0])[:, None], second, first)


def _turn_apart(difference_rad: FloatArray) -> FloatArray:
    """Return the size of differences of angles, at most half a turn."""
    return np.asarray(np.abs(difference_rad - TURN_RAD * np.rint(difference_rad / TURN_RAD)))
