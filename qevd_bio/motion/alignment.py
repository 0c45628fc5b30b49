"""A cycle laid against its reference, and how like the two are.

T frames, D = 46 DoF, K salient DoFs, P phase points
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.motion.record import FloatArray
from qevd_bio.skeleton.dofs import DOFS, JOINT_NAMES, joint_dofs

WEIGHTS = (0.4, 0.3, 0.2, 0.1)
"""Cosine, Pearson, velocity, amplitude (supplement 5)."""

LEAST_RANGE_RAD = np.deg2rad(5.0)


@dataclass(frozen=True, slots=True)
class Quality:
    """Likeness of a cycle to its reference, each part between 0 and 1.

    Attributes
    ----------
    score : float
        Weighted sum of the four parts.
    cosine : float
        Cosine of all salient curves, concatenated and z-scored.
    pearson : float
        Mean correlation of the salient curves.
    velocity : float
        Cosine of the steps between phase points.
    amplitude : float
        Mean ratio of the smaller to the larger range of motion.
    """

    score: float
    cosine: float
    pearson: float
    velocity: float
    amplitude: float


def phase_of_time(
    time_s: FloatArray, start_s: float, key_s: float, end_s: float, key_at: float
) -> FloatArray:
    """Give the phase of moments of a cycle: 0 at its start, `key_at` at its key, 1 at its end.

    Parameters
    ----------
    time_s : ndarray
        Moments in seconds.
    start_s, key_s, end_s : float
        The cycle's times.
    key_at : float
        Phase of the key frame in the rule, between 0 and 1.

    Returns
    -------
    ndarray
        Phases, linear on both sides of the key; moments outside are held at 0 or 1.
    """
    if key_at in (0.0, 1.0) or not start_s < key_s < end_s:
        return np.interp(time_s, [start_s, end_s], [0.0, 1.0])
    return np.interp(time_s, [start_s, key_s, end_s], [0.0, key_at, 1.0])


def resample_cycle(values: FloatArray, phase: FloatArray, points: int) -> FloatArray:
    """Read the curves of a cycle at evenly spaced phases.

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
    curves = np.full((points, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        known = np.isfinite(column)
        if known.sum() >= 2:
            curves[:, k] = np.interp(at, phase[known], column[known])
    return curves


def cycle_quality(
    cycle: FloatArray, reference: FloatArray, salient: Sequence[int]
) -> Quality | None:
    """Score a cycle against its reference.

    Parameters
    ----------
    cycle, reference : ndarray (P, 46)
        Angles in rad at the same phases.
    salient : sequence of int
        DoFs to compare.

    Returns
    -------
    Quality or None
        None when no salient DoF is known and moves in the reference.

    Raises
    ------
    ValueError
        The shapes differ or fewer than three points are given.

    Notes
    -----
    A joint of which all three DoFs are salient is compared as a rotation: the rotation vectors
    from the reference's mean orientation, along the principal axes of its movement. So it does
    not matter which of the equivalent angle triples a capture returns, nor how they run apart
    near gimbal lock. Other DoFs are compared as angles, turns of 2 pi between cycle and
    reference removed. Curves whose
    reference moves less than 5 degrees are left out: a constant curve has no correlation, and
    noise about it must not count as 0. Negative likeness counts as 0. A cycle equal to its
    reference scores exactly 1. Source: supplement 5.
    """
    if cycle.shape != reference.shape or len(cycle) < 3:
        raise ValueError(f"cycle {cycle.shape} and reference {reference.shape} do not fit")
    user, model = _joint_curves(cycle, reference, frozenset(salient))
    moving = (np.ptp(model, axis=0) >= LEAST_RANGE_RAD) & np.isfinite(user).all(axis=0)
    if not moving.any():
        return None
    user, model = user[:, moving], model[:, moving]
    correlations = [
        _cosine(_centred(u), _centred(m)) for u, m in zip(user.T, model.T, strict=True)
    ]
    ranges = np.sort(np.stack([np.ptp(user, axis=0), np.ptp(model, axis=0)]), axis=0)
    parts = (
        _cosine(_centred(user.ravel()), _centred(model.ravel())),
        float(np.mean(correlations)),
        _cosine(np.diff(user, axis=0).ravel(), np.diff(model, axis=0).ravel()),
        float(np.mean(ranges[0] / ranges[1])),
    )
    cosine, pearson, velocity, amplitude = (min(1.0, max(0.0, part)) for part in parts)
    weighted = zip(WEIGHTS, (cosine, pearson, velocity, amplitude), strict=True)
    score = min(1.0, math.fsum(weight * part for weight, part in weighted))
    return Quality(
        score=score, cosine=cosine, pearson=pearson, velocity=velocity, amplitude=amplitude
    )


def _joint_curves(
    cycle: FloatArray, reference: FloatArray, salient: frozenset[int]
) -> tuple[FloatArray, FloatArray]:
    """Lay out what is compared: rotations of whole joints, angles of the others."""
    users, models = [np.empty((len(cycle), 0))], [np.empty((len(cycle), 0))]
    for joint in JOINT_NAMES:
        dofs = [dof for dof in joint_dofs(joint) if dof in salient]
        user, model = cycle[:, dofs], reference[:, dofs]
        if len(dofs) == 3 and np.isfinite(user).all() and np.isfinite(model).all():
            middle = joint_rotations(model, dofs).mean().inv()
            user = (middle * joint_rotations(user, dofs)).as_rotvec()
            model = (middle * joint_rotations(model, dofs)).as_rotvec()
            axes = np.linalg.svd(model - model.mean(axis=0), full_matrices=False)[2]
            user, model = user @ axes.T, model @ axes.T
        elif dofs:
            apart = user.mean(axis=0) - model.mean(axis=0)
            user = user - 2 * np.pi * np.round(apart / (2 * np.pi))
        users.append(user)
        models.append(model)
    return np.concatenate(users, axis=1), np.concatenate(models, axis=1)


def joint_rotations(angles_rad: FloatArray, dofs: Sequence[int]) -> Rotation:
    """Turn the three angles (T, 3) of a joint into its rotations (T)."""
    first, second, third = (
        Rotation.from_rotvec(angles_rad[:, [i]] * np.array(DOFS[dof].axis))
        for i, dof in enumerate(dofs)
    )
    return third * second * first


def _centred(values: FloatArray) -> FloatArray:
    return np.asarray(values - values.mean())


def _cosine(a: FloatArray, b: FloatArray) -> float:
    """Cosine of two vectors; exactly 1 for equal ones, 0 where one has no length."""
    if np.array_equal(a, b):
        return 1.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 0 else 0.0
