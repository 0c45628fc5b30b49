"""Fit postures and bone lengths to landmarks by damped Gauss-Newton steps.

T frames, K = 14 landmarks, N = 27 unknowns a frame, L = 8 lengths, B bones, R prior rows
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.body_chain import (
    HINGE,
    SIDES,
    TURN,
    ChainState,
    N,
    Posed,
    pose_chain,
)
from qevd_bio.capture.monocular.config import PostureConfig
from qevd_bio.capture.monocular.normal_equations import (
    banded_matrix,
    first_difference,
    first_difference_transposed,
    second_difference,
    second_difference_transposed,
    solve_with_shared,
)
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES, K

_BONES = (
    ("hip_l", "hip_r"), ("shoulder_l", "shoulder_r"), ("hip_l", "shoulder_l"),
    ("hip_r", "shoulder_r"),
    *((f"{a}_{s}", f"{b}_{s}") for s in SIDES for a, b in (
        ("hip", "knee"), ("knee", "ankle"), ("ankle", "toe"),
        ("shoulder", "elbow"), ("elbow", "wrist"))),
)  # fmt: skip
BONE_ENDS = np.array([[JOINT[a], JOINT[b]] for a, b in _BONES])
_DEPTH_ROWS = np.zeros((len(_BONES), 3 * K))
_DEPTH_ROWS[np.arange(len(_BONES)), 3 * BONE_ENDS[:, 0] + 2] = -1.0
_DEPTH_ROWS[np.arange(len(_BONES)), 3 * BONE_ENDS[:, 1] + 2] = 1.0


@dataclass(frozen=True, slots=True)
class Problem:
    """One set of frames to be fitted, everything in plain arrays.

    rays (T, K, 2): image landmarks as slopes x/z, y/z; trust (T, K): 1/sigma of them in metres;
    depth (T, B): how much farther a bone's second end is, by the world landmarks, and the trust
    in it (T, B); speed, acceleration (T, K, 3): 1/sigma of first and second differences; bend
    (T, 3): `bend_coefficients`; size_matrix (R, L) and size_target (R,): what is known of the
    lengths; bias_trust (B,): 1/sigma of the part of the world depth's error that stays the same
    in all frames; offsets_m (K, 3): from joint centres to landmarks; outlier: image residuals
    beyond so many sigmas count linearly.
    """

    rays: FloatArray
    trust: FloatArray
    depth: FloatArray
    depth_trust: FloatArray
    speed: FloatArray
    acceleration: FloatArray
    bend: FloatArray
    size_matrix: FloatArray
    size_target: FloatArray
    bias_trust: FloatArray
    offsets_m: FloatArray
    posture: PostureConfig
    outlier: float


@dataclass(frozen=True, slots=True)
class Shared:
    """What all frames have in common: lengths (L,) and errors of the world depth (B,), metres."""

    lengths_m: FloatArray
    depth_bias_m: FloatArray

    def moved(self, step: FloatArray) -> Shared:
        """Add a step (L + B,)."""
        count = len(self.lengths_m)
        return Shared(self.lengths_m + step[:count], self.depth_bias_m + step[count:])


def _robust(squared: FloatArray) -> FloatArray:
    """Pseudo-Huber cost of squared residuals."""
    return np.asarray(2.0 * (np.sqrt(1.0 + squared) - 1.0))


@dataclass(frozen=True, slots=True)
class _Prior:
    """Rows about a posture: residuals (T, R) and how they change with the unknowns (T, R, N).

    Both carry the square roots of robust weights, which the cost does not.
    """

    off: FloatArray
    by_unknown: FloatArray
    cost: float


_MOST_HINGE_RAD = np.deg2rad(152.0)


def _prior(state: ChainState, config: PostureConfig) -> _Prior:
    """Measure how far a posture is from what bodies do: ranges, and a trunk that hardly twists."""
    frames = len(state.place_m)
    offs: list[FloatArray] = []
    rows: list[FloatArray] = []
    costs: list[float] = []

    def add(
        off: FloatArray, columns: slice | int, by: FloatArray, sigma: float,
        mild: float = 0.0,
    ) -> None:  # fmt: skip
        squared = (off / sigma) ** 2
        weight = mild / np.sqrt(1.0 + squared) if mild else np.ones(frames)
        row = np.zeros((frames, N))
        row[:, columns] = by / sigma
        offs.append(np.sqrt(weight) * off / sigma)
        rows.append(np.sqrt(weight)[:, None] * row)
        costs.append(float(np.sum(mild * _robust(squared) if mild else squared)))

    spine = state.turns["spine"]
    bend = np.stack(
        [spine[:, 2, 1] - spine[:, 1, 2], spine[:, 0, 2] - spine[:, 2, 0],
         spine[:, 1, 0] - spine[:, 0, 1]], axis=1,
    ) / 2.0  # fmt: skip
    for axis, sigma in enumerate(np.deg2rad(config.spine_sigma_deg)):
        add(bend[:, axis], TURN["spine"], np.eye(3)[axis], float(sigma))
    hinge_sigma, bent = np.deg2rad(config.hinge_sigma_deg), np.deg2rad(config.bent_deg)
    ankle_mean, ankle_sigma = np.deg2rad([config.ankle_mean_deg, config.ankle_sigma_deg])
    for side in SIDES:
        for joint, mild in (("knee", config.straight_knee), ("elbow", config.straight_elbow)):
            angle, column = state.hinges_rad[f"{joint}_{side}"], HINGE[f"{joint}_{side}"]
            beyond = np.minimum(angle, 0.0) + np.maximum(angle - _MOST_HINGE_RAD, 0.0)
            add(beyond, column, (beyond != 0.0).astype(float), hinge_sigma)
            add(angle, column, np.ones(frames), bent, mild=mild)
        off = state.hinges_rad[f"ankle_{side}"] - ankle_mean
        add(off, HINGE[f"ankle_{side}"], np.ones(frames), ankle_sigma)
        axis_z = state.turns[f"hip_{side}"][:, :, 2]
        for part in (0, 1):
            by = _turned(axis_z, part)
            add(axis_z[:, part], TURN[f"hip_{side}"], by, config.knee_axis_sigma)
        for joint, back, sigma in (
            ("hip", config.hip_back, config.hip_back_sigma),
            ("shoulder", config.shoulder_back, config.shoulder_back_sigma),
        ):
            along = -state.turns[f"{joint}_{side}"][:, :, 1]
            beyond = np.minimum(along[:, 0] + back, 0.0)
            by = _turned(along, 0) * (beyond != 0.0)[:, None]
            add(beyond, TURN[f"{joint}_{side}"], by, sigma)
        thigh = -state.turns[f"hip_{side}"][:, :, 1]
        by = _turned(thigh, 0)
        add(thigh[:, 0], TURN[f"hip_{side}"], by, bent, mild=config.straight_hip)
    return _Prior(np.stack(offs, axis=1), np.stack(rows, axis=1), sum(costs))


def _turned(vectors: FloatArray, part: int) -> FloatArray:
    """How one component of vectors (T, 3) changes with a small turn (T, 3)."""
    unit = np.eye(3)[part]
    return np.cross(vectors, unit)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What one posture costs, with robust weights of every kind of residual."""

    cost: float
    image_off: FloatArray
    image_weight: FloatArray
    depth_off: FloatArray
    depth_weight: FloatArray
    speed_weight: FloatArray
    acceleration_weight: FloatArray
    prior: _Prior


def _terms(problem: Problem, state: ChainState, posed: Posed, shared: Shared) -> _Terms:
    marks = posed.landmarks_m
    far = np.maximum(marks[..., 2:], 0.2)
    nearness = np.median(far[..., 0]) / far[..., 0]
    off = marks[..., :2] - problem.rays * marks[..., 2:]
    trust = (problem.trust * nearness) ** 2
    squared = np.sum(off**2, axis=-1) * trust / problem.outlier**2
    flat = marks.reshape(len(marks), 3 * K)
    depth = flat @ _DEPTH_ROWS.T - problem.depth - shared.depth_bias_m
    depth_squared = (depth * problem.depth_trust) ** 2
    speed = (first_difference(marks) * problem.speed) ** 2
    acceleration = (second_difference(marks, problem.bend) * problem.acceleration) ** 2
    prior = _prior(state, problem.posture)
    size = problem.size_matrix @ shared.lengths_m - problem.size_target
    bias = problem.bias_trust * shared.depth_bias_m
    cost = (
        problem.outlier**2 * _robust(squared).sum()
        + _robust(depth_squared).sum()
        + _robust(speed).sum()
        + _robust(acceleration).sum()
        + prior.cost
        + size @ size
        + bias @ bias
    )
    return _Terms(
        cost=float(cost),
        image_off=off,
        image_weight=trust / np.sqrt(1.0 + squared),
        depth_off=depth,
        depth_weight=problem.depth_trust**2 / np.sqrt(1.0 + depth_squared),
        speed_weight=problem.speed**2 / np.sqrt(1.0 + speed),
        acceleration_weight=problem.acceleration**2 / np.sqrt(1.0 + acceleration),
        prior=prior,
    )


def _local_matrix(problem: Problem, terms: _Terms) -> FloatArray:
    """Curvature of image and depth terms in landmark space (T, 3 K, 3 K)."""
    frames = len(problem.rays)
    weighted = terms.depth_weight[:, :, None] * _DEPTH_ROWS
    matrix = np.asarray(_DEPTH_ROWS.T @ weighted)
    view = matrix.reshape(frames, K, 3, K, 3)
    u, v, weight = problem.rays[..., 0], problem.rays[..., 1], terms.image_weight
    joint = np.arange(K)
    per_joint = np.zeros((frames, K, 3, 3))
    per_joint[..., 0, 0] = per_joint[..., 1, 1] = 1.0
    per_joint[..., 0, 2] = per_joint[..., 2, 0] = -u
    per_joint[..., 1, 2] = per_joint[..., 2, 1] = -v
    per_joint[..., 2, 2] = u**2 + v**2
    view[:, joint, :, joint, :] += np.moveaxis(per_joint * weight[..., None, None], 1, 0)
    return matrix


def _force(problem: Problem, terms: _Terms, marks: FloatArray) -> FloatArray:
    """Gradient of half the cost in landmark space (T, 3 K)."""
    pull = terms.image_off * terms.image_weight[..., None]
    image = np.concatenate([pull, -np.sum(pull * problem.rays, axis=-1, keepdims=True)], axis=-1)
    image += first_difference_transposed(first_difference(marks) * terms.speed_weight)
    bent = second_difference(marks, problem.bend) * terms.acceleration_weight
    image += second_difference_transposed(bent, problem.bend)
    depth = (terms.depth_off * terms.depth_weight) @ _DEPTH_ROWS
    return np.asarray(image.reshape(len(marks), 3 * K) + depth)


def _step(
    problem: Problem, posed: Posed, terms: _Terms, shared: Shared, damping: float
) -> tuple[FloatArray, FloatArray]:
    """Solve for the Gauss-Newton step of postures (T, N) and of what they share (L + B,)."""
    frames = len(posed.landmarks_m)
    by = posed.by_unknown.reshape(frames, 3 * K, N)
    by_length = posed.by_length.reshape(frames, 3 * K, -1)
    local = _local_matrix(problem, terms)
    bend, speed = (
        weight.reshape(frames, 3 * K) for weight in (terms.acceleration_weight, terms.speed_weight)
    )
    past, present, future = problem.bend.T[:, :, None]
    own = present**2 * bend + speed
    own[1:] += (future**2 * bend + speed)[:-1]
    own[:-1] += (past**2 * bend)[1:]
    diagonal = np.arange(3 * K)
    local[:, diagonal, diagonal] += own
    next_weight = np.zeros_like(bend)
    next_weight[:-1] = (present * future * bend - speed)[:-1] + (past * present * bend)[1:]
    after_weight = np.zeros_like(bend)
    after_weight[:-2] = (past * future * bend)[1:-1]
    transposed = np.swapaxes(by, 1, 2)
    prior = terms.prior
    prior_t = np.swapaxes(prior.by_unknown, 1, 2)
    blocks = transposed @ (local @ by) + prior_t @ prior.by_unknown
    following = np.zeros((frames, N, N))
    following[:-1] = np.swapaxes(by[1:] * next_weight[:-1, :, None], 1, 2) @ by[:-1]
    after = np.zeros((frames, N, N))
    after[:-2] = np.swapaxes(by[2:] * after_weight[:-2, :, None], 1, 2) @ by[:-2]
    force = _force(problem, terms, posed.landmarks_m)
    gradient = (transposed @ force[..., None])[..., 0] + (prior_t @ prior.off[..., None])[..., 0]
    curved = local @ by_length
    curved[:-1] += next_weight[:-1, :, None] * by_length[1:]
    curved[1:] += next_weight[:-1, :, None] * by_length[:-1]
    curved[:-2] += after_weight[:-2, :, None] * by_length[2:]
    curved[2:] += after_weight[:-2, :, None] * by_length[:-2]
    towards_bias = -terms.depth_weight[:, :, None] * _DEPTH_ROWS
    coupling = np.concatenate([transposed @ curved, np.swapaxes(towards_bias @ by, 1, 2)], axis=2)
    matrix, right = _shared_part(problem, terms, shared, by_length, curved, force)
    band = banded_matrix(blocks, following, after, damping)
    step, change = solve_with_shared(
        band, coupling.reshape(frames * N, -1), matrix, gradient.ravel(), right
    )
    return step.reshape(frames, N), change


def _shared_part(
    problem: Problem,
    terms: _Terms,
    shared: Shared,
    by_length: FloatArray,
    curved: FloatArray,
    force: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Build normal matrix (L + B, L + B) and gradient (L + B,) of what the frames share."""
    count, bones = len(LENGTH_NAMES), len(problem.bias_trust)
    matrix, right = np.zeros((count + bones, count + bones)), np.zeros(count + bones)
    matrix[:count, :count] = np.einsum("tkl,tkm->lm", by_length, curved, optimize=True)
    matrix[:count, :count] += problem.size_matrix.T @ problem.size_matrix
    mixed = -np.einsum("tb,bk,tkl->bl", terms.depth_weight, _DEPTH_ROWS, by_length, optimize=True)
    matrix[count:, :count], matrix[:count, count:] = mixed, mixed.T
    matrix[range(count, count + bones), range(count, count + bones)] = (
        terms.depth_weight.sum(axis=0) + problem.bias_trust**2
    )
    size = problem.size_matrix @ shared.lengths_m - problem.size_target
    right[:count] = np.einsum("tkl,tk->l", by_length, force) + problem.size_matrix.T @ size
    right[count:] = problem.bias_trust**2 * shared.depth_bias_m - (
        terms.depth_weight * terms.depth_off
    ).sum(axis=0)
    return matrix, right


def fit_chain(
    problem: Problem, state: ChainState, shared: Shared, most_iterations: int
) -> tuple[ChainState, Shared]:
    """Minimise the cost from a start by damped Gauss-Newton steps."""
    damping = 10.0
    posed = pose_chain(state, shared.lengths_m, problem.offsets_m)
    terms = _terms(problem, state, posed, shared)
    for _ in range(most_iterations):
        step, change = _step(problem, posed, terms, shared, damping)
        trial, trial_shared = state.moved(step), shared.moved(change)
        trial_posed = pose_chain(trial, trial_shared.lengths_m, problem.offsets_m)
        trial_terms = _terms(problem, trial, trial_posed, trial_shared)
        if not trial_terms.cost < terms.cost or np.any(trial_shared.lengths_m <= 0.01):
            damping *= 10.0
            if damping > 1e8:
                break
            continue
        gained = (terms.cost - trial_terms.cost) / terms.cost
        state, shared, posed, terms = trial, trial_shared, trial_posed, trial_terms
        damping = max(damping / 5.0, 0.1)
        if gained < 3e-3:
            break
    return state, shared


def depth_sigma_m(
    problem: Problem, state: ChainState, shared: Shared, loose_rad: float
) -> FloatArray:
    """Return standard deviations (T, K) of fitted joints along the line of sight, metres."""
    covariance = _posture_covariance(problem, state, shared, loose_rad)
    along = pose_chain(state, shared.lengths_m).by_unknown[:, :, 2]
    return np.asarray(np.sqrt(np.einsum("tkn,tkn->tk", along @ covariance, along)))


def _posture_covariance(
    problem: Problem, state: ChainState, shared: Shared, loose_rad: float
) -> FloatArray:
    """Invert each frame's normal matrix, its neighbours fixed (T, N, N).

    The error that the world depth has in all frames counts in full: no number of frames
    averages it away.
    """
    own, common = problem.depth_trust**2, problem.bias_trust**2
    alone = replace(problem, depth_trust=np.sqrt(own * common / (own + common)))
    posed = pose_chain(state, shared.lengths_m, problem.offsets_m)
    terms = _terms(alone, state, posed, shared)
    frames = len(problem.rays)
    by = posed.by_unknown.reshape(frames, 3 * K, N)
    local = _local_matrix(problem, terms)
    diagonal = np.arange(3 * K)
    local[:, diagonal, diagonal] += (terms.acceleration_weight + terms.speed_weight).reshape(
        frames, -1
    )
    prior = terms.prior.by_unknown
    blocks = np.swapaxes(by, 1, 2) @ (local @ by) + np.swapaxes(prior, 1, 2) @ prior
    blocks[:, np.arange(3, N), np.arange(3, N)] += 1.0 / loose_rad**2
    return np.asarray(np.linalg.inv(blocks))
