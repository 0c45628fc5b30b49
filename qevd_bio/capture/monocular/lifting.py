"""Lift image landmarks to postures of a body with bones of constant length.

T frames, K = 14 joints of the stick body, L lengths, R rows about lengths

Image landmarks are precise but flat; world landmarks know front from back but squeeze depth.
A body of constant bone lengths, with equal sides, and with knees and elbows that bend one way,
seen by a pinhole camera, reconciles them. All frames of a shot are fitted at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.monocular.body_chain import (
    ChainState,
    concatenate,
    landmark_offsets,
    posed_points,
    state_from_angles,
)
from qevd_bio.capture.monocular.config import LandmarkConfig, LiftingConfig
from qevd_bio.capture.monocular.fitting import (
    BONE_ENDS,
    Problem,
    Shared,
    depth_sigma_m,
    fit_chain,
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

_KINDS = [(BODY_JOINTS[a][:-2], BODY_JOINTS[b][:-2]) for a, b in BONE_ENDS]
_ENDS = [JOINT[f"{name}_{side}"] for name in ("wrist", "ankle", "toe") for side in "lr"]
_IS_WRIST = np.array([name.startswith("wrist") for name in BODY_JOINTS])
_IS_ARM = np.array([end in ("elbow", "wrist") for _, end in _KINDS])
_IS_STEADY = _IS_ARM | np.array([start == end for start, end in _KINDS])
"""Bones with less constant error of world depth: those of arms, hips and shoulders."""
_PART_FRAMES = 1024
"""Frames posed at once: their rotations take 4 kB each."""


@dataclass(frozen=True, slots=True)
class ShotLandmarks:
    """Landmarks of one person in T frames of one shot; `ValueError` for wrong shapes or NaN.

    Attributes
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
        Number of the uninterrupted stretch of each frame; no motion is smoothed across two.
    size_px : tuple of int
        Width and height of the pictures.
    """

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    time_s: FloatArray
    sections: IntArray
    size_px: tuple[int, int]

    def __post_init__(self) -> None:
        frames = len(self.time_s)
        shapes = {
            "image_px": (frames, K, 2),
            "world_m": (frames, K, 3),
            "visibility": (frames, K),
            "sections": (frames,),
        }
        for name, needs in shapes.items():
            has = getattr(self, name).shape
            if has != needs:
                raise ValueError(f"{name} has shape {has}, needs {needs}")
        for name in ("image_px", "world_m", "time_s"):
            if not np.all(np.isfinite(getattr(self, name))):
                raise ValueError(f"{name} holds NaN or infinite values")

    def rays(self, focal_share: float) -> FloatArray:
        """Image landmarks as slopes x/z, y/z (T, K, 2)."""
        width, height = self.size_px
        focal = focal_share * max(width, height)
        return np.asarray((self.image_px - np.array([width / 2.0, height / 2.0])) / focal)


@dataclass(frozen=True, slots=True)
class Lifted:
    """Postures of a body with constant bone lengths, metres by the assumed body size.

    Attributes
    ----------
    state : ChainState
        Place and turns of T frames.
    joints_m : ndarray (T, K, 3)
        Joint centres in the camera frame (x right, y down, z away).
    depth_sigma_m : ndarray (T, K)
        Standard deviation of the joints along the line of sight, given the frames beside theirs.
    lengths_m : dict of str to float
        One length per kind of bone.
    """

    state: ChainState
    joints_m: FloatArray
    depth_sigma_m: FloatArray
    lengths_m: dict[str, float]


def lift(shot: ShotLandmarks, config: LiftingConfig, held_sigma: float | None = None) -> Lifted:
    """Fit one person of constant bone lengths to the landmarks of a shot.

    The scale is that of the world landmarks: a stranger's size cannot be read from one camera.
    Minimised: robust distance of the landmarks from their rays, weighted by visibility; depth
    of the bones against the world landmarks, to a few centimetres; acceleration; ranges of the
    joints; adult proportions. With `held_sigma`, a relative standard deviation, every length stays
    near that of an average body.
    """
    fit = _Fit(shot, config)
    frames = len(shot.time_s)
    rows = size_rows(fit.size_m, config.size_sigma)
    if held_sigma is not None:
        rows = (
            np.diag(1.0 / (held_sigma * fit.usual_m)),
            np.full(len(fit.usual_m), 1 / held_sigma),
        )
    guess = Shared(fit.usual_m, np.zeros(len(BONE_ENDS)))
    if frames <= config.chunk_frames:
        state, shared, sigma_m = fit.solve(np.arange(frames), shot.sections, guess, rows)
    else:
        sample, parts = _samples(shot.sections, config)
        _, shared, _ = fit.solve(sample, parts, guess, rows)
        known = _fixed_lengths(shared.lengths_m)
        states, sigmas_m = [], []
        for first, last, keep_first, keep_last in _chunks(frames, config):
            take = np.arange(first, last)
            kept = np.arange(keep_first - first, keep_last - first)
            part, _, sigma_m = fit.solve(take, shot.sections[take], shared, known)
            states.append(part.select(kept))
            sigmas_m.append(sigma_m[kept])
        state, sigma_m = concatenate(states), np.concatenate(sigmas_m)
    joints, _ = posed_points(state, shared.lengths_m)
    named = dict(zip(LENGTH_NAMES, map(float, shared.lengths_m), strict=True))
    return Lifted(state, joints, sigma_m, named)


class _Fit:
    """A shot and what all its parts have in common."""

    def __init__(self, shot: ShotLandmarks, config: LiftingConfig) -> None:
        self.shot, self.config = shot, config
        self.rays = shot.rays(config.focal_share)
        self.size_m = standing_size_m(shot.world_m, shot.visibility)
        self.usual_m = usual_lengths(self.size_m)
        self.leg_m = float(self.usual_m[LENGTH["thigh"]] + self.usual_m[LENGTH["shank"]])
        self.offsets_m = landmark_offsets(config.landmarks, self.leg_m)
        self.trust = np.clip(shot.visibility, config.least_visibility, 1.0)
        origin = _posed_as(shot.world_m)
        _, marks = posed_points(origin, self.usual_m, self.offsets_m)
        place = _place_in_image(marks, self.rays, self.trust)
        self.start = ChainState(place, origin.turns, origin.hinges_rad)

    def solve(
        self,
        take: IntArray,
        sections: IntArray,
        shared: Shared,
        rows: tuple[FloatArray, FloatArray],
    ) -> tuple[ChainState, Shared, FloatArray]:
        """Fit some frames; the last of the results is `Lifted.depth_sigma_m`."""
        problem = self._problem(take, sections, rows)
        state, shared = fit_chain(
            problem, self.start.select(take), shared, self.config.most_iterations
        )
        return state, shared, depth_sigma_m(problem, state, shared, self.config.loose_rad)

    def _problem(
        self, take: IntArray, sections: IntArray, rows: tuple[FloatArray, FloatArray]
    ) -> Problem:
        """Put the landmarks of some frames into the form the fit needs."""
        config, leg_m, rays = self.config, self.leg_m, self.rays[take]
        frame_weight = max(1.0, len(take) / config.independent_frames)
        steps = steps_s(self.shot.time_s[take], sections)
        seconds = frame_seconds(steps)
        # weights grow with a frame's duration: their sum over frames does not depend on the rate
        share = np.sqrt(30.0 * seconds)
        followed, between = neighbour_masks(sections)
        speed = np.zeros((len(rays), K, 3))
        across = speeds(rays[:, _ENDS], steps, config.speed_window_frames)
        across *= _distance_m(rays, leg_m)
        speed[:, _ENDS, 2] = np.where(followed, share / steps, 0.0)[:, None] / (
            config.end_speed_m_s + across
        )
        bent = np.where(between, share / seconds**2, 0.0)[:, None, None]
        world = self.shot.world_m[take]
        depth = world[:, BONE_ENDS[:, 1], 2] - world[:, BONE_ENDS[:, 0], 2]
        squeeze = _squeeze(config.landmarks)
        of_arms = np.where(_IS_ARM, config.arm_depth_share, 1.0)
        of_steady = np.where(_IS_STEADY, config.steady_bias_share, 1.0)
        return Problem(
            rays=rays,
            trust=self.trust[take] / config.image_sigma_m,
            depth=(depth - _leans(config.landmarks) * leg_m) / squeeze,
            depth_trust=np.tile(squeeze / (config.depth_sigma_m * of_arms), (len(rays), 1)),
            speed=speed,
            acceleration=bent / _usual_acceleration(config),
            bend=bend_coefficients(steps),
            size_matrix=rows[0] * np.sqrt(frame_weight),
            size_target=rows[1] * np.sqrt(frame_weight),
            bias_trust=np.sqrt(frame_weight) * squeeze / (config.depth_bias_m * of_steady),
            offsets_m=self.offsets_m,
            posture=config.posture,
            outlier=config.image_outlier,
        )


def _posed_as(world_m: FloatArray) -> ChainState:
    """Take the posture of world landmarks (T, K, 3), mid-hips at the origin; some at a time."""
    states = []
    for first in range(0, len(world_m), _PART_FRAMES):
        angles = inverse_kinematics(world_m[first : first + _PART_FRAMES])
        states.append(state_from_angles(angles, np.zeros((len(angles), 3))))
    return concatenate(states)


def _usual_acceleration(config: LiftingConfig) -> FloatArray:
    """Usual acceleration of each joint along the axes of the camera (K, 3)."""
    scale = np.where(_IS_WRIST, config.wrist_acceleration_share, 1.0)
    flat = config.flat_acceleration_share
    return np.asarray(config.acceleration_m_s2 * scale[:, None] * np.array([flat, flat, 1.0]))


def _leans(config: LandmarkConfig) -> FloatArray:
    """List what world landmarks add to the depth of each bone (B,), in leg lengths."""
    leans = {
        ("hip", "shoulder"): config.trunk_lean,
        ("hip", "knee"): config.thigh_lean,
        ("knee", "ankle"): config.shank_lean,
    }
    return np.array([leans.get(kind, 0.0) for kind in _KINDS])


def _squeeze(config: LandmarkConfig) -> FloatArray:
    """Share of each bone's depth that world landmarks show (B,)."""
    return np.array([config.shank_squeeze if end == "ankle" else 1.0 for _, end in _KINDS])


def _place_in_image(marks: FloatArray, rays: FloatArray, trust: FloatArray) -> FloatArray:
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


def _distance_m(rays: FloatArray, leg_m: float) -> float:
    """Distance of the person, from the largest extent of their picture: it is about 1.9 legs."""
    extent = np.ptp(rays, axis=1).max(axis=-1)
    return 1.9 * leg_m / float(np.percentile(extent, 90.0))


def _fixed_lengths(lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows and targets that keep lengths found elsewhere, to a tenth of a millimetre."""
    return np.eye(len(lengths)) * 1e4, lengths * 1e4


def _chunks(frames: int, config: LiftingConfig) -> list[tuple[int, int, int, int]]:
    """Cut a long shot: first and last frame fitted, first and last kept, overlapping."""
    overlap = config.overlap_frames
    count = -(-frames // (config.chunk_frames - 2 * overlap))
    edges = np.linspace(0, frames, count + 1).round().astype(int)
    return [
        (max(0, a - overlap), min(frames, b + overlap), int(a), int(b)) for a, b in pairwise(edges)
    ]


def _samples(sections: IntArray, config: LiftingConfig) -> tuple[IntArray, IntArray]:
    """Pick stretches spread over a long shot, and number them as separate sections."""
    count = config.chunk_frames // config.sample_frames
    starts = np.linspace(0, len(sections) - config.sample_frames, count).astype(int)
    take = (starts[:, None] + np.arange(config.sample_frames)).ravel()
    stretch = np.repeat(np.arange(count), config.sample_frames)
    return take, stretch * (int(sections.max()) + 1) + sections[take]
