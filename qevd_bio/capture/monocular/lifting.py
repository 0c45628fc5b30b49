"""Lift image landmarks to postures of a body whose bones do not change length.

T frames, K = 14 joints of the stick body, N = 27 unknowns a frame, L lengths, R rows about lengths

Image landmarks are precise but flat; world landmarks know front from back but squeeze depth.
A body of constant bone lengths, left as long as right, with knees and elbows that bend one way,
seen by a pinhole camera, reconciles them. All frames of a shot are fitted at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.monocular.arm_depth import arms_chosen
from qevd_bio.capture.monocular.body_chain import (
    SIDES,
    ChainState,
    joined,
    pose_chain,
    state_from_angles,
)
from qevd_bio.capture.monocular.fitting import (
    BONE_ENDS,
    Problem,
    Shared,
    fit_chain,
    posture_covariance,
)
from qevd_bio.capture.monocular.frame_steps import frame_seconds, speeds, steps_s
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.monocular.normal_equations import bend_coefficients, neighbour_masks
from qevd_bio.capture.monocular.stick_body import (
    BODY_JOINTS,
    JOINT,
    LENGTH,
    LENGTH_NAMES,
    K,
    size_rows,
    standing_size_m,
    usual_lengths,
)
from qevd_bio.capture.monocular.support import carrying_arms, elbows_alike

_LIVELY = {"wrist_l": 2.0, "wrist_r": 2.0}
"""Joints that accelerate more than the others, and how much."""

_ENDS = tuple(JOINT[f"{name}_{side}"] for name in ("wrist", "ankle", "toe") for side in "lr")

_CREDIBLE_M, _DISBELIEF, _SHORTER = 0.06, 5.0, 0.9
"""World landmarks whose depth of an arm's bone is farther off than this are hardly believed."""


_CARRYING_BELIEF, _CARRYING_SIGMA = 0.3, 0.7
"""What world depth counts for an arm that carries the body, where it is squeezed to a quarter
(push-ups from the side), and the image noise of its joints, as shares of the usual ones."""

_LEANING = {("hip", "shoulder"): -0.07, ("hip", "knee"): 0.02, ("knee", "ankle"): 0.07}
"""What world landmarks add to the depth of a bone, in leg lengths: seen by MediaPipe, people lean
towards the camera and have their feet farther away. Mean over the rendered grid."""

_LEANS = np.array([_LEANING.get((BODY_JOINTS[a][:-2], BODY_JOINTS[b][:-2]), 0.0)
                   for a, b in BONE_ENDS])  # fmt: skip

_SQUEEZE = np.array([0.7 if BODY_JOINTS[b][:-2] == "ankle" else 1.0 for _, b in BONE_ENDS])
"""What world landmarks show of a shank's depth: 0.71 on the rendered grid."""

_STEADY = {("shoulder", "elbow"): 0.4, ("elbow", "wrist"): 0.4, ("hip", "hip"): 0.4,
           ("shoulder", "shoulder"): 0.4}  # fmt: skip
"""Bones whose world depth has less of an error that stays, and its share of the others'."""

_IS_ARM = np.array([BODY_JOINTS[b][:-2] in ("elbow", "wrist") for _, b in BONE_ENDS])

_JOINTS_OF_ARM = np.array([
    [name[:-2] in ("shoulder", "elbow", "wrist") and name[-1] == side for name in BODY_JOINTS]
    for side in SIDES
])  # fmt: skip
_BONES_OF_ARM = _IS_ARM & np.array([[BODY_JOINTS[b][-1] == side for _, b in BONE_ENDS]
                                    for side in SIDES])  # fmt: skip

_STEADINESS = np.array([_STEADY.get((BODY_JOINTS[a][:-2], BODY_JOINTS[b][:-2]), 1.0)
                        for a, b in BONE_ENDS])  # fmt: skip


@dataclass(frozen=True, slots=True)
class LiftingConfig:
    """What decides the fit.

    Attributes
    ----------
    focal_share : float
        Assumed focal length as a share of the longer image side (1.2: 45 degrees across it).
    image_sigma_m : float
        Noise of a fully visible image landmark, in metres at the person's distance.
    depth_sigma_m : float
        Noise of the depth between the ends of a bone in world landmarks, frame by frame.
    arm_depth_share : float
        The same for the bones of the arms, as a share: they are shorter.
    depth_bias_m : float
        Error of that depth which stays the same through a shot.
    acceleration_m_s2 : float
        Usual acceleration of a joint along the line of sight (robust, so fast limbs may pass).
    flat_acceleration_share : float
        How many times more it may accelerate across the line of sight, where it is seen.
    end_speed_m_s : float
        Usual speed of hands and feet along the line of sight (robust), beyond the speed they
        are seen to have across it: what stands still in the picture stands still.
    least_visibility : float
        Landmarks are weighted by visibility, never below this.
    independent_frames : float
        How many frames' worth a whole shot says about the lengths: landmarks err alike in
        frames that look alike.
    most_iterations : int
        Steps after which the fit is taken as it is.
    chunk_frames : int
        Longest stretch fitted at once; longer shots take their lengths from samples.
    """

    focal_share: float = 1.2
    image_sigma_m: float = 0.020
    depth_sigma_m: float = 0.08
    arm_depth_share: float = 0.6
    depth_bias_m: float = 0.055
    acceleration_m_s2: float = 12.0
    flat_acceleration_share: float = 4.0
    end_speed_m_s: float = 0.2
    least_visibility: float = 0.20
    independent_frames: float = 15.0
    most_iterations: int = 25
    chunk_frames: int = 900


@dataclass(frozen=True, slots=True)
class Lifted:
    """Postures of a body with constant bone lengths.

    Attributes
    ----------
    state : ChainState
        Place and turns of T frames.
    joints_m : ndarray (T, K, 3)
        Joint centres in the camera frame (x right, y down, z away), metres by the assumed
        body size.
    covariance : ndarray (T, N, N)
        Uncertainty of a frame's unknowns (metres and rad) given the frames beside it.
    lengths_m : dict of str to float
        One length per kind of bone.
    """

    state: ChainState
    joints_m: FloatArray
    covariance: FloatArray
    lengths_m: dict[str, float]


def _placed(marks: FloatArray, rays: FloatArray, trust: FloatArray) -> FloatArray:
    """Move landmarks (T, K, 3) to where their projection fits the image best (T, 3)."""
    u, v = rays[..., 0], rays[..., 1]
    weight = trust**2
    normal = np.zeros((len(marks), 3, 3))
    normal[:, 0, 0] = normal[:, 1, 1] = weight.sum(axis=1)
    normal[:, 0, 2] = normal[:, 2, 0] = -(weight * u).sum(axis=1)
    normal[:, 1, 2] = normal[:, 2, 1] = -(weight * v).sum(axis=1)
    normal[:, 2, 2] = (weight * (u**2 + v**2)).sum(axis=1)
    off_x, off_y = u * marks[..., 2] - marks[..., 0], v * marks[..., 2] - marks[..., 1]
    right = np.stack(
        [
            (weight * off_x).sum(axis=1),
            (weight * off_y).sum(axis=1),
            -(weight * (u * off_x + v * off_y)).sum(axis=1),
        ],
        axis=-1,
    )
    place = np.linalg.solve(normal, right[..., None])[..., 0]
    nearest = max(float(np.median(place[:, 2])), 0.5)
    place[:, 2] = np.clip(place[:, 2], 0.7 * nearest, 1.4 * nearest)
    weight = weight / weight.sum(axis=1, keepdims=True)
    for axis, slope in ((0, u), (1, v)):
        off = slope * (marks[..., 2] + place[:, 2:]) - marks[..., axis]
        place[:, axis] = (weight * off).sum(axis=1)
    return np.asarray(place)


def _start(
    world: FloatArray, rays: FloatArray, trust: FloatArray, lengths: FloatArray, leg_m: float
) -> ChainState:
    """Take the postures of the world landmarks, placed where they fit the image."""
    angles = inverse_kinematics(world)
    origin = state_from_angles(angles, np.zeros((len(world), 3)))
    place = _placed(pose_chain(origin, lengths, leg_m).landmarks_m, rays, trust)
    return ChainState(place, origin.turns, origin.hinges_rad)


def _problem(
    rays: FloatArray,
    world: FloatArray,
    visibility: FloatArray,
    time_s: FloatArray,
    sections: IntArray,
    size: tuple[FloatArray, FloatArray],
    heft: float,
    leg_m: float,
    config: LiftingConfig,
) -> Problem:
    """Put the landmarks of some frames into the form the fit needs."""
    steps = steps_s(time_s, sections)
    seconds = frame_seconds(steps)
    followed, between = neighbour_masks(sections)
    # weights grow with a frame's duration, so that the sum over frames does not depend on the rate
    share = np.sqrt(30.0 * seconds)
    lively = np.array([_LIVELY.get(name, 1.0) for name in BODY_JOINTS])
    flat = config.flat_acceleration_share
    usual = config.acceleration_m_s2 * lively[:, None] * np.array([flat, flat, 1.0])
    swing = np.where(between, share / seconds**2, 0.0)[:, None, None] / usual
    speed = np.zeros((len(rays), K, 3))
    across = speeds(rays[:, _ENDS], steps) * _distance_m(rays, leg_m)
    speed[:, _ENDS, 2] = np.where(followed, share / steps, 0.0)[:, None] / (
        config.end_speed_m_s + across
    )
    depth = world[:, BONE_ENDS[:, 1], 2] - world[:, BONE_ENDS[:, 0], 2] - _LEANS * leg_m
    share_of_arms = np.where(_IS_ARM, config.arm_depth_share, 1.0)
    carrying = carrying_arms(rays, visibility, seconds, sections, leg_m / _distance_m(rays, leg_m))
    noise = np.where(carrying @ _JOINTS_OF_ARM, _CARRYING_SIGMA, 1.0) * config.image_sigma_m
    belief = np.where(carrying @ _BONES_OF_ARM, _CARRYING_BELIEF, 1.0)
    return Problem(
        rays=rays,
        trust=np.clip(visibility, config.least_visibility, 1.0) / noise,
        depth=depth / _SQUEEZE,
        depth_trust=belief * _SQUEEZE / (config.depth_sigma_m * share_of_arms),
        speed=speed,
        swing=swing,
        bend=bend_coefficients(steps),
        size_matrix=size[0],
        size_target=size[1],
        bias_trust=np.sqrt(heft) * _SQUEEZE / (config.depth_bias_m * _STEADINESS),
        elbows_alike=elbows_alike(carrying, visibility),
        leg_m=leg_m,
    )


def _distance_m(rays: FloatArray, leg_m: float) -> float:
    """Distance of the person, from the largest extent of their picture: it is about 1.9 legs."""
    extent = np.ptp(rays, axis=1).max(axis=-1)
    return 1.9 * leg_m / float(np.percentile(extent, 90.0))


def lift(
    image_px: FloatArray,
    world_m: FloatArray,
    visibility: FloatArray,
    time_s: FloatArray,
    sections: IntArray,
    image_size_px: tuple[int, int],
    config: LiftingConfig,
) -> Lifted:
    """Fit one person of constant bone lengths to the landmarks of a shot.

    Parameters
    ----------
    image_px : ndarray (T, K, 2)
        Image landmarks of `BODY_JOINTS`, pixels, x right and y down.
    world_m : ndarray (T, K, 3)
        World landmarks, metres, camera axes.
    visibility : ndarray (T, K)
        Between 0 and 1.
    time_s : ndarray (T,)
        Seconds.
    sections : ndarray (T,) of int
        Number of the uninterrupted stretch of frames each frame belongs to; motion is not
        smoothed across two of them.
    image_size_px : tuple of int
        Width and height of the pictures.
    config : LiftingConfig
        What decides the fit.

    Returns
    -------
    Lifted
        Joints, their uncertainty, lengths.

    Raises
    ------
    ValueError
        Shapes do not fit together, or a landmark is NaN.

    Notes
    -----
    The scale is that of the world landmarks: a stranger's size cannot be told from one camera.
    Minimised: robust distance of the landmarks from their rays, weighted by visibility; depth
    of the bones against the world landmarks, to a few centimetres; acceleration; ranges of the
    joints; adult proportions.
    """
    _check(image_px, world_m, visibility, time_s, sections)
    width, height = image_size_px
    focal = config.focal_share * max(width, height)
    rays = (image_px - np.array([width / 2.0, height / 2.0])) / focal
    size_m = standing_size_m(world_m, visibility)
    usual = usual_lengths(size_m)
    leg_m = float(usual[LENGTH["thigh"]] + usual[LENGTH["shank"]])
    trust = np.clip(visibility, config.least_visibility, 1.0)
    start = _start(world_m, rays, trust, usual, leg_m)

    def solve(
        take: IntArray, parts: IntArray, shared: Shared, rows: tuple[FloatArray, FloatArray]
    ) -> tuple[ChainState, Shared, FloatArray]:
        heft = max(1.0, len(take) / config.independent_frames)
        size = rows[0] * np.sqrt(heft), rows[1] * np.sqrt(heft)
        problem = _problem(
            rays[take], world_m[take], visibility[take], time_s[take], parts, size, heft, leg_m,
            config,
        )  # fmt: skip
        state, shared = fit_chain(problem, start.taken(take), shared, config.most_iterations)
        seconds = frame_seconds(steps_s(time_s[take], parts))
        state = arms_chosen(
            state, np.where(_ARM_LENGTHS, np.maximum(usual, shared.lengths_m), shared.lengths_m),
            leg_m, rays[take], world_m[take], seconds, parts,
        )  # fmt: skip
        problem = _doubting(problem, pose_chain(state, shared.lengths_m, leg_m).joints_m)
        state, shared = fit_chain(problem, state, shared, config.most_iterations)
        return state, shared, posture_covariance(problem, state, shared)

    frames = len(time_s)
    sample, parts = np.arange(frames), sections
    if frames > config.chunk_frames:
        sample, parts = _samples(sections, config.chunk_frames)
    guess = Shared(usual, np.zeros(len(BONE_ENDS)))
    state, shared, covariance = solve(sample, parts, guess, size_rows(size_m))
    if frames > config.chunk_frames:
        states, spreads = [], []
        for first, last, keep_first, keep_last in _chunks(frames, config.chunk_frames):
            take = np.arange(first, last)
            kept = np.arange(keep_first - first, keep_last - first)
            part, _, spread = solve(take, sections[take], shared, _held(shared.lengths_m))
            states.append(part.taken(kept))
            spreads.append(spread[kept])
        state, covariance = joined(states), np.concatenate(spreads)
    lengths = shared.lengths_m
    joints = pose_chain(state, lengths, leg_m).joints_m
    named = dict(zip(LENGTH_NAMES, map(float, lengths), strict=True))
    return Lifted(state, joints, covariance, named)


_ARM_LENGTHS = np.array([name in ("upper_arm", "forearm") for name in LENGTH_NAMES])


def _doubting(problem: Problem, joints: FloatArray) -> Problem:
    """Trust the world depth of arms less where it is far from a posture's (T, K, 3)."""
    bones = joints[:, BONE_ENDS[:, 1]] - joints[:, BONE_ENDS[:, 0]]
    kept = bones[..., 2] ** 2 - (1.0 - _SHORTER**2) * np.sum(bones**2, axis=-1)
    depth = np.sign(bones[..., 2]) * np.sqrt(np.maximum(kept, 0.0))
    beyond = np.maximum(np.abs(depth - problem.depth) - _CREDIBLE_M, 0.0) * _IS_ARM
    trust = problem.depth_trust / (1.0 + _DISBELIEF * beyond * problem.depth_trust)
    return replace(problem, depth_trust=trust)


def _held(lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows and targets that keep lengths found elsewhere, to a tenth of a millimetre."""
    return np.eye(len(lengths)) * 1e4, lengths * 1e4


_OVERLAP_FRAMES = 20
_SAMPLE_FRAMES = 90


def _chunks(frames: int, longest: int) -> list[tuple[int, int, int, int]]:
    """Cut a long shot: first and last frame fitted, first and last kept, overlapping."""
    count = -(-frames // (longest - 2 * _OVERLAP_FRAMES))
    edges = np.linspace(0, frames, count + 1).round().astype(int)
    return [
        (max(0, a - _OVERLAP_FRAMES), min(frames, b + _OVERLAP_FRAMES), int(a), int(b))
        for a, b in pairwise(edges)
    ]


def _samples(sections: IntArray, longest: int) -> tuple[IntArray, IntArray]:
    """Pick stretches spread over a long shot, and number them as sections of their own."""
    count = longest // _SAMPLE_FRAMES
    starts = np.linspace(0, len(sections) - _SAMPLE_FRAMES, count).astype(int)
    take = (starts[:, None] + np.arange(_SAMPLE_FRAMES)).ravel()
    stretch = np.repeat(np.arange(count), _SAMPLE_FRAMES)
    return take, stretch * (int(sections.max()) + 1) + sections[take]


def _check(
    image_px: FloatArray,
    world_m: FloatArray,
    visibility: FloatArray,
    time_s: FloatArray,
    sections: IntArray,
) -> None:
    frames = len(time_s)
    shapes = {
        "image_px": (image_px.shape, (frames, K, 2)),
        "world_m": (world_m.shape, (frames, K, 3)),
        "visibility": (visibility.shape, (frames, K)),
        "sections": (sections.shape, (frames,)),
    }
    for name, (has, needs) in shapes.items():
        if has != needs:
            raise ValueError(f"{name} has shape {has}, needs {needs}")
    for name, values in (("image_px", image_px), ("world_m", world_m), ("time_s", time_s)):
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{name} holds NaN or infinite values")
