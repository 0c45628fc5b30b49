"""A cycle laid against its reference, and how like the two are.

T frames, D = 46 DoF, K salient DoFs, P phase points, C cycles
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
    known = np.isfinite(values)
    whole = known.all(axis=0)
    curves = np.full((points, values.shape[1]), np.nan)
    if len(phase) >= 2:
        curves[:, whole] = _read_at(at, phase, values[:, whole])
    for k in np.flatnonzero(~whole & (known.sum(axis=0) >= 2)):
        curves[:, k] = np.interp(at, phase[known[:, k]], values[known[:, k], k])
    return curves


def _read_at(at: FloatArray, phase: FloatArray, values: FloatArray) -> FloatArray:
    """Interpolate all columns at once, held at both ends as `np.interp` does."""
    place = np.interp(at, phase, np.arange(len(phase)))
    before = np.minimum(place.astype(np.int64), len(phase) - 2)
    share = (place - before)[:, None]
    return np.asarray(values[before] + share * (values[before + 1] - values[before]))


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
    What is compared are the curves of `joint_curves`. Those whose reference moves less than 5
    degrees are left out: a constant curve has no correlation, and noise about it must not count
    as 0. Negative likeness counts as 0. A cycle equal to its reference scores exactly 1.
    Source: supplement 5.
    """
    dofs = list(salient)
    return cycle_qualities(cycle[None, :, dofs], reference[:, dofs], dofs)[0]


def cycle_qualities(
    cycles: FloatArray, reference: FloatArray, dofs: Sequence[int]
) -> list[Quality | None]:
    """Score many cycles against their reference at once.

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
    list of (Quality or None)
        For each cycle what `cycle_quality` gives.

    Raises
    ------
    ValueError
        The shapes differ or fewer than three points are given.
    """
    if cycles.shape[1:] != reference.shape or len(reference) < 3:
        raise ValueError(f"cycles {cycles.shape} and reference {reference.shape} do not fit")
    users, model = joint_curves(cycles, reference, dofs)
    moving = moving_curves(model)
    if not moving.any():
        return [None] * len(cycles)
    users, model = users[:, :, moving], model[:, moving]
    known = np.isfinite(users).all(axis=1)
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
        _quality(row) if judged else None
        for row, judged in zip(parts.tolist(), known.any(axis=1), strict=True)
    ]


def _quality(parts: Sequence[float]) -> Quality:
    cosine, pearson, velocity, amplitude = (min(1.0, max(0.0, part)) for part in parts)
    weighted = zip(WEIGHTS, (cosine, pearson, velocity, amplitude), strict=True)
    score = min(1.0, math.fsum(weight * part for weight, part in weighted))
    return Quality(
        score=score, cosine=cosine, pearson=pearson, velocity=velocity, amplitude=amplitude
    )


def moving_curves(reference: FloatArray) -> BoolArray:
    """Say which curves (P, K) of a reference move enough to be compared (K,)."""
    return np.asarray(np.ptp(reference, axis=0) >= LEAST_RANGE_RAD)


def _cosines(a: FloatArray, b: FloatArray, axis: int | tuple[int, int]) -> FloatArray:
    """Cosines over axes; exactly 1 for equal numbers, 0 where one has no length."""
    lengths = np.sqrt((a * a).sum(axis=axis) * (b * b).sum(axis=axis))
    return np.asarray((a * b).sum(axis=axis) / np.where(lengths > 0, lengths, np.inf))
