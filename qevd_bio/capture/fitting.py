"""Fit joint positions and bone lengths to landmarks by damped Gauss-Newton steps.

T frames, K = 14 joints, B bones, L lengths, N = 3 K unknowns a frame
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qevd_bio.capture.normal_equations import (
    banded_matrix,
    first_difference,
    first_difference_transposed,
    second_difference,
    second_difference_transposed,
    solve_with_shared,
)
from qevd_bio.capture.stick_body import (
    BONE_HEAD,
    BONE_LENGTH,
    BONE_SLACK_M,
    BONE_TAIL,
    JOINT,
    LENGTH_NAMES,
    K,
    N,
    bone_vectors,
)

FloatArray = NDArray[np.float64]

_OUTLIER = 4.0
"""Image residuals beyond so many sigmas count linearly: a landmark on the wrong thing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One set of frames to be fitted, everything in plain arrays.

    rays (T, K, 2): image landmarks as slopes x/z, y/z; trust (T, K): 1/sigma of them;
    depth (T, K): world depth relative to mid-hips, and the trust in it; speed, swing (T, K, 3):
    weights that turn first and second differences into sigmas; size_matrix (R, L) and
    size_target (R,): what is known of the lengths.
    """

    rays: FloatArray
    trust: FloatArray
    depth: FloatArray
    depth_trust: float
    speed: FloatArray
    swing: FloatArray
    size_matrix: FloatArray
    size_target: FloatArray


def _hip_relative() -> FloatArray:
    """Rows (K, N) that take a joint's depth relative to the middle of the hips."""
    rows = np.zeros((K, N))
    rows[np.arange(K), 3 * np.arange(K) + 2] = 1.0
    for hip in ("hip_l", "hip_r"):
        rows[:, 3 * JOINT[hip] + 2] -= 0.5
    return rows


_DEPTH_ROWS = _hip_relative()
_DEPTH_BLOCK = _DEPTH_ROWS.T @ _DEPTH_ROWS


def _reprojection(problem: Problem, joints: FloatArray, metric: FloatArray) -> FloatArray:
    """Distances (T, K, 2) between joints and their rays, in sigmas."""
    off = joints[..., :2] - problem.rays * joints[..., 2:]
    return np.asarray(off * (problem.trust * metric)[..., None])


def _nearness(joints: FloatArray) -> FloatArray:
    """Depth of the scene over depth of the joint (T, K): turns metres at a joint into angle."""
    depth = np.maximum(joints[..., 2], 0.2)
    return np.asarray(np.median(depth) / depth)


def _robust(squared: FloatArray) -> float:
    """Sum of pseudo-Huber costs of squared residuals."""
    return float(2.0 * np.sum(np.sqrt(1.0 + squared) - 1.0))


def _cost(problem: Problem, joints: FloatArray, lengths: FloatArray, metric: FloatArray) -> float:
    off = np.sum(_reprojection(problem, joints, metric) ** 2, axis=-1)
    flat = joints.reshape(len(joints), N)
    depth = (flat @ _DEPTH_ROWS.T - problem.depth) * problem.depth_trust
    strain = (bone_vectors(joints)[1] - lengths[BONE_LENGTH]) / BONE_SLACK_M
    speed = (first_difference(joints) * problem.speed) ** 2
    swing = (second_difference(joints) * problem.swing) ** 2
    size = problem.size_matrix @ lengths - problem.size_target
    plain = float(np.sum(depth**2) + np.sum(strain**2) + size @ size)
    return plain + _OUTLIER**2 * _robust(off / _OUTLIER**2) + _robust(speed) + _robust(swing)


def _motion_weights(problem: Problem, joints: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Squared robust weights (T, K, 3) of first and second differences."""
    speed = (first_difference(joints) * problem.speed) ** 2
    swing = (second_difference(joints) * problem.swing) ** 2
    return problem.speed**2 / np.sqrt(1.0 + speed), problem.swing**2 / np.sqrt(1.0 + swing)


def _frame_blocks(
    problem: Problem, joints: FloatArray, metric: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the normal matrix of each frame (T, N, N) and robust image weights (T, K)."""
    frames = len(joints)
    off = np.sum(_reprojection(problem, joints, metric) ** 2, axis=-1)
    weight = (problem.trust * metric) ** 2 / np.sqrt(1.0 + off / _OUTLIER**2)
    blocks = np.tile(_DEPTH_BLOCK * problem.depth_trust**2, (frames, 1, 1))
    view = blocks.reshape(frames, K, 3, K, 3)
    u, v = problem.rays[..., 0], problem.rays[..., 1]
    joint = np.arange(K)
    per_joint = np.zeros((frames, K, 3, 3))
    per_joint[..., 0, 0] = per_joint[..., 1, 1] = 1.0
    per_joint[..., 0, 2] = per_joint[..., 2, 0] = -u
    per_joint[..., 1, 2] = per_joint[..., 2, 1] = -v
    per_joint[..., 2, 2] = u**2 + v**2
    view[:, joint, :, joint, :] += np.moveaxis(per_joint * weight[..., None, None], 1, 0)
    units, _ = bone_vectors(joints)
    outer = units[..., :, None] * units[..., None, :] / (BONE_SLACK_M**2)[:, None, None]
    for bone, (head, tail) in enumerate(zip(BONE_HEAD, BONE_TAIL, strict=True)):
        view[:, head, :, head, :] += outer[:, bone]
        view[:, tail, :, tail, :] += outer[:, bone]
        view[:, head, :, tail, :] -= outer[:, bone]
        view[:, tail, :, head, :] -= outer[:, bone]
    return blocks, weight


def _gradients(
    problem: Problem,
    joints: FloatArray,
    lengths: FloatArray,
    image_weight: FloatArray,
    motion_weights: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return gradients of half the cost (T, N), (L,), the mixed part (T, N, L), shared (L, L)."""
    frames = len(joints)
    flat = joints.reshape(frames, N)
    off = (joints[..., :2] - problem.rays * joints[..., 2:]) * image_weight[..., None]
    image = np.concatenate([off, -np.sum(off * problem.rays, axis=-1, keepdims=True)], axis=-1)
    depth = (flat @ _DEPTH_ROWS.T - problem.depth) * problem.depth_trust**2 @ _DEPTH_ROWS
    units, long = bone_vectors(joints)
    pull = (long - lengths[BONE_LENGTH]) / BONE_SLACK_M**2
    speed, swing = motion_weights
    gradient = image + first_difference_transposed(first_difference(joints) * speed)
    gradient += second_difference_transposed(second_difference(joints) * swing)
    mixed = np.zeros((frames, K, 3, len(LENGTH_NAMES)))
    for bone, (head, tail, share) in enumerate(
        zip(BONE_HEAD, BONE_TAIL, BONE_LENGTH, strict=True)
    ):
        force = units[:, bone] * pull[:, bone, None]
        gradient[:, head] += force
        gradient[:, tail] -= force
        mixed[:, head, :, share] -= units[:, bone] / BONE_SLACK_M[bone] ** 2
        mixed[:, tail, :, share] += units[:, bone] / BONE_SLACK_M[bone] ** 2
    total = gradient.reshape(frames, N) + depth
    shared = problem.size_matrix.T @ problem.size_matrix
    shared_gradient = problem.size_matrix.T @ (problem.size_matrix @ lengths - problem.size_target)
    np.add.at(shared, (BONE_LENGTH, BONE_LENGTH), frames / BONE_SLACK_M**2)
    np.add.at(shared_gradient, BONE_LENGTH, -pull.sum(axis=0))
    return total, shared_gradient, mixed.reshape(frames, N, -1), shared


def fit_joints(
    problem: Problem, joints: FloatArray, lengths: FloatArray, most_iterations: int
) -> tuple[FloatArray, FloatArray]:
    """Minimise the cost from a start by damped Gauss-Newton steps."""
    frames = len(joints)
    damping = 100.0
    metric = _nearness(joints)
    cost = _cost(problem, joints, lengths, metric)
    for _ in range(most_iterations):
        blocks, weight = _frame_blocks(problem, joints, metric)
        moving = _motion_weights(problem, joints)
        gradient, shared_gradient, mixed, shared = _gradients(
            problem, joints, lengths, weight, moving
        )
        speed, swing = (squared.reshape(frames, N) for squared in moving)
        band = banded_matrix(blocks, speed, swing, damping)
        step, stretch = solve_with_shared(
            band, mixed.reshape(frames * N, -1), shared, gradient.ravel(), shared_gradient
        )
        trial, trial_lengths = joints + step.reshape(frames, K, 3), lengths + stretch
        trial_cost = _cost(problem, trial, trial_lengths, metric)
        if not trial_cost < cost:
            damping *= 10.0
            if damping > 1e8:
                break
            continue
        gained = (cost - trial_cost) / cost
        joints, lengths = trial, trial_lengths
        damping = max(damping / 10.0, 1e-2)
        metric = _nearness(joints)
        cost = _cost(problem, joints, lengths, metric)
        if gained < 1e-4:
            break
    return joints, lengths


def joint_covariance(problem: Problem, joints: FloatArray) -> FloatArray:
    """Invert each frame's normal matrix, its neighbours held (T, K, 3, K, 3)."""
    blocks, _ = _frame_blocks(problem, joints, _nearness(joints))
    speed, swing = (w.reshape(-1, N) for w in _motion_weights(problem, joints))
    diagonal = np.arange(N)
    blocks[:, diagonal, diagonal] += swing + speed + 1e-3
    return np.linalg.inv(blocks).reshape(len(joints), K, 3, K, 3)
