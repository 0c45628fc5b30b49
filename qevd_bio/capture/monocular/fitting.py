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
from qevd_bio.capture.monocular.normal_equations import (
    banded_matrix,
    first_difference,
    first_difference_transposed,
    second_difference,
    second_difference_transposed,
    solve_with_shared,
)
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES, K

_OUTLIER = 3.0
"""Image residuals beyond so many sigmas count linearly: a landmark on the wrong thing."""

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
    in it (T, B); speed, swing (T, K, 3): weights that turn first and second differences into
    sigmas; size_matrix (R, L) and size_target (R,): what is known of the lengths; bias_trust
    (B,): 1/sigma of the part of the world depth's error that stays the same in all frames;
    elbows_alike (T,): 1/sigma of the difference of both elbows' bend, rad; leg_m: scale of the
    landmarks' offsets.
    """

    rays: FloatArray
    trust: FloatArray
    depth: FloatArray
    depth_trust: FloatArray
    speed: FloatArray
    swing: FloatArray
    bend: FloatArray
    size_matrix: FloatArray
    size_target: FloatArray
    bias_trust: FloatArray
    elbows_alike: FloatArray
    leg_m: float


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


SPINE_SIGMA_RAD = np.deg2rad([8.0, 12.0, 2.0])
"""Side bend, twist and forward bend of the trunk; the last is not seen."""
_HINGE_SIGMA_RAD = np.deg2rad(3.0)
_ANKLE_MEAN_RAD, _ANKLE_SIGMA_RAD = np.deg2rad(8.0), np.deg2rad(40.0)
_KNEE_AXIS_SIGMA = 0.45
_BENT_RAD = np.deg2rad(10.0)
_STRAIGHT = {"knee": 0.12, "hip": 0.20, "elbow": 0.05}
"""Joints are taken to be straight unless seen to bend (robust: a clear bend is not resisted)."""
_FARTHEST_BACK = {"hip": 0.60, "shoulder": 0.45}
_BACK_SIGMA = {"hip": 0.10, "shoulder": 0.12}


def _prior(state: ChainState, elbows_alike: FloatArray) -> _Prior:
    """Say how far a posture is from what bodies do: ranges, and a trunk that hardly twists."""
    frames = len(state.place_m)
    offs: list[FloatArray] = []
    rows: list[FloatArray] = []
    costs: list[float] = []

    def add(
        off: FloatArray,
        columns: slice | int | list[int],
        by: FloatArray,
        sigma: float,
        mild: float = 0.0,
    ) -> None:
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
    for axis in range(3):
        add(bend[:, axis], TURN["spine"], np.eye(3)[axis], float(SPINE_SIGMA_RAD[axis]))
    for side in SIDES:
        for name in (f"knee_{side}", f"elbow_{side}"):
            angle = state.hinges_rad[name]
            beyond = np.minimum(angle, 0.0) + np.maximum(angle - np.deg2rad(152.0), 0.0)
            add(beyond, HINGE[name], (beyond != 0.0).astype(float), float(_HINGE_SIGMA_RAD))
            add(angle, HINGE[name], np.ones(frames), float(_BENT_RAD), mild=_STRAIGHT[name[:-2]])
        name = f"ankle_{side}"
        off = state.hinges_rad[name] - _ANKLE_MEAN_RAD
        add(off, HINGE[name], np.ones(frames), float(_ANKLE_SIGMA_RAD))
        axis_z = state.turns[f"hip_{side}"][:, :, 2]
        for part in (0, 1):
            by = _turned(axis_z, part)
            add(axis_z[:, part], TURN[f"hip_{side}"], by, _KNEE_AXIS_SIGMA)
        for joint in ("hip", "shoulder"):
            along = -state.turns[f"{joint}_{side}"][:, :, 1]
            beyond = np.minimum(along[:, 0] + _FARTHEST_BACK[joint], 0.0)
            by = _turned(along, 0) * (beyond != 0.0)[:, None]
            add(beyond, TURN[f"{joint}_{side}"], by, _BACK_SIGMA[joint])
        thigh = -state.turns[f"hip_{side}"][:, :, 1]
        add(
            thigh[:, 0],
            TURN[f"hip_{side}"],
            _turned(thigh, 0),
            float(_BENT_RAD),
            mild=_STRAIGHT["hip"],
        )
    apart = state.hinges_rad["elbow_l"] - state.hinges_rad["elbow_r"]
    both = elbows_alike[:, None] * np.array([1.0, -1.0])
    add(elbows_alike * apart, [HINGE["elbow_l"], HINGE["elbow_r"]], both, 1.0, mild=1.0)
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
    swing_weight: FloatArray
    prior: _Prior


def _terms(problem: Problem, state: ChainState, posed: Posed, shared: Shared) -> _Terms:
    marks = posed.landmarks_m
    far = np.maximum(marks[..., 2:], 0.2)
    nearness = np.median(far[..., 0]) / far[..., 0]
    off = marks[..., :2] - problem.rays * marks[..., 2:]
    trust = (problem.trust * nearness) ** 2
    squared = np.sum(off**2, axis=-1) * trust / _OUTLIER**2
    flat = marks.reshape(len(marks), 3 * K)
    depth = flat @ _DEPTH_ROWS.T - problem.depth - shared.depth_bias_m
    depth_squared = (depth * problem.depth_trust) ** 2
    speed = (first_difference(marks) * problem.speed) ** 2
    swing = (second_difference(marks, problem.bend) * problem.swing) ** 2
    prior = _prior(state, problem.elbows_alike)
    size = problem.size_matrix @ shared.lengths_m - problem.size_target
    bias = problem.bias_trust * shared.depth_bias_m
    cost = (
        _OUTLIER**2 * _robust(squared).sum()
        + _robust(depth_squared).sum()
        + _robust(speed).sum()
        + _robust(swing).sum()
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
        swing_weight=problem.swing**2 / np.sqrt(1.0 + swing),
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
    swing = second_difference(marks, problem.bend) * terms.swing_weight
    image += second_difference_transposed(swing, problem.bend)
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
    swing, speed = (w.reshape(frames, 3 * K) for w in (terms.swing_weight, terms.speed_weight))
    past, present, future = problem.bend.T[:, :, None]
    own = present**2 * swing + speed
    own[1:] += (future**2 * swing + speed)[:-1]
    own[:-1] += (past**2 * swing)[1:]
    diagonal = np.arange(3 * K)
    local[:, diagonal, diagonal] += own
    next_weight = np.zeros_like(swing)
    next_weight[:-1] = (present * future * swing - speed)[:-1] + (past * present * swing)[1:]
    after_weight = np.zeros_like(swing)
    after_weight[:-2] = (past * future * swing)[1:-1]
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
    posed = pose_chain(state, shared.lengths_m, problem.leg_m)
    terms = _terms(problem, state, posed, shared)
    for _ in range(most_iterations):
        step, change = _step(problem, posed, terms, shared, damping)
        trial, trial_shared = state.moved(step), shared.moved(change)
        trial_posed = pose_chain(trial, trial_shared.lengths_m, problem.leg_m)
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


_LOOSE_RAD = 1.5


def posture_covariance(problem: Problem, state: ChainState, shared: Shared) -> FloatArray:
    """Invert each frame's normal matrix, its neighbours held (T, N, N).

    The error that the world depth has in all frames counts in full: no number of frames
    averages it away.
    """
    own, common = problem.depth_trust**2, problem.bias_trust**2
    alone = replace(problem, depth_trust=np.sqrt(own * common / (own + common)))
    posed = pose_chain(state, shared.lengths_m, problem.leg_m)
    terms = _terms(alone, state, posed, shared)
    frames = len(problem.rays)
    by = posed.by_unknown.reshape(frames, 3 * K, N)
    local = _local_matrix(problem, terms)
    diagonal = np.arange(3 * K)
    local[:, diagonal, diagonal] += (terms.swing_weight + terms.speed_weight).reshape(frames, -1)
    prior = terms.prior.by_unknown
    blocks = np.swapaxes(by, 1, 2) @ (local @ by) + np.swapaxes(prior, 1, 2) @ prior
    blocks[:, np.arange(3, N), np.arange(3, N)] += 1.0 / _LOOSE_RAD**2
    return np.linalg.inv(blocks)
