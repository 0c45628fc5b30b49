"""The score of a cycle: its similarity to the reference (supplement 5).

K salient DoFs, P phase points, C cycles
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.joint_curves import joint_curves

WEIGHTS = (0.4, 0.3, 0.2, 0.1)
"""Cosine, Pearson, velocity, amplitude (supplement 5)."""

LEAST_RANGE_RAD = np.deg2rad(5.0)


@dataclass(frozen=True, slots=True)
class CycleScore:
    """Similarity of a cycle to its reference, each part between 0 and 1.

    Attributes
    ----------
    total : float
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

    total: float
    cosine: float
    pearson: float
    velocity: float
    amplitude: float


def cycle_scores(
    cycles: FloatArray, reference: FloatArray, dofs: Sequence[int]
) -> list[CycleScore | None]:
    """Score cycles against their reference.

    Parameters
    ----------
    cycles : ndarray (C, P, K)
        Salient angles in rad; NaN in curves that are not known.
    reference : ndarray (P, K)
        Angles in rad at the same phases.
    dofs : sequence of int
        The K DoFs.

    Returns
    -------
    list of (CycleScore or None)
        One a cycle; None when no DoF is known in it and moves in the reference.

    Raises
    ------
    ValueError
        The shapes differ or fewer than three points are given.

    Notes
    -----
    The curves of `joint_curves` are compared. Those with a reference that moves under 5 degrees
    are left out: a constant curve has no correlation, and noise about it must not count as 0.
    Negative similarity counts as 0. A cycle equal to its reference scores exactly 1.
    """
    if cycles.shape[1:] != reference.shape or len(reference) < 3:
        raise ValueError(f"cycles {cycles.shape} and reference {reference.shape} do not fit")
    users, model = joint_curves(cycles, reference, dofs)
    moving = moving_curves(model)
    if not moving.any():
        return [None] * len(cycles)
    users, model = users[:, :, moving], model[:, moving]
    known = np.asarray(np.isfinite(users).all(axis=1))
    count = np.maximum(known.sum(axis=1), 1)
    users = np.where(known[:, None], users, 0.0)
    models = np.where(known[:, None], model, 0.0)

    def centred(curves: FloatArray) -> FloatArray:
        mean = curves.mean(axis=(1, 2)) * known.shape[1] / count
        return np.where(known[:, None], curves - mean[:, None, None], 0.0)

    correlations = _cosines(
        users - users.mean(axis=1, keepdims=True), models - models.mean(axis=1, keepdims=True), 1
    )
    ranges = np.ptp(users, axis=1), np.ptp(model, axis=0)
    parts = np.stack(
        [
            _cosines(centred(users), centred(models), (1, 2)),
            correlations.sum(axis=1) / count,
            _cosines(np.diff(users, axis=1), np.diff(models, axis=1), (1, 2)),
            (np.minimum(*ranges) / np.maximum(*ranges)).sum(axis=1) / count,
        ],
        axis=1,
    )
    return [
        _score(row) if known_at_all else None
        for row, known_at_all in zip(parts.tolist(), np.any(known, axis=1).tolist(), strict=True)
    ]


def _score(parts: Sequence[float]) -> CycleScore:
    held = [min(1.0, max(0.0, part)) for part in parts]
    weighted = (weight * part for weight, part in zip(WEIGHTS, held, strict=True))
    return CycleScore(min(1.0, math.fsum(weighted)), *held)


def moving_curves(reference: FloatArray) -> BoolArray:
    """Find the curves (P, K) of a reference that move enough to be compared (K,)."""
    return np.asarray(np.ptp(reference, axis=0) >= LEAST_RANGE_RAD)


def _cosines(a: FloatArray, b: FloatArray, axis: int | tuple[int, int]) -> FloatArray:
    """Cosines over axes; exactly 1 for equal numbers, 0 where one has no length."""
    lengths = np.sqrt((a * a).sum(axis=axis) * (b * b).sum(axis=axis))
    return np.asarray((a * b).sum(axis=axis) / np.where(lengths > 0, lengths, np.inf))
