"""Capture a motion from a video with MediaPipe landmarks, on any computer.

T frames, D = 46 DoF, K = 14 joints of the stick body
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.backend import MEDIAPIPE, Backend, SourceVideo, digests
from qevd_bio.capture.captured import ASSUMED_HEIGHT_M, Captured, last_valid, stretches
from qevd_bio.capture.footage import Footage, open_footage
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.monocular.lifting import ShotLandmarks, lift
from qevd_bio.capture.monocular.side_swaps import swap_legs, swapped_legs
from qevd_bio.capture.monocular.uncertainty import angle_sigma
from qevd_bio.capture.person.follow_person import Landmarks, detect
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS, pose_class
from qevd_bio.errors import VideoError
from qevd_bio.frame_progress import reported
from qevd_bio.motion.noise import jitter_sigma
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import N_DOFS

# `bodies.scaled_skeleton` puts the toe joint 0.6 of a foot ahead of and 0.2 below the ankle.
_FOOT_PER_ANKLE_TO_TOE = 1.0 / float(np.hypot(0.60, 0.20))


@dataclass(frozen=True)
class MediaPipeBackend(Backend):
    """MediaPipe's landmarks and a fitted body, on any computer."""

    config: MediaPipeConfig = field(default_factory=MediaPipeConfig)
    name: str = MEDIAPIPE
    version: int = 6
    gpus: int = 0

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        """Name the video, its frame times, the packages and the configuration."""
        files = (video.present_file(), video.timestamps_file)
        return digests(asdict(self.config), files, ("mediapipe", "av"))

    def setup(self) -> None:
        """Check that MediaPipe is installed before any video is touched."""
        pose_class()

    def capture(self, video: SourceVideo, time_s: FloatArray) -> Captured:
        """Measure the motion of one video."""
        return capture_motion(video.file, time_s, video_id=video.video_id, config=self.config)


@dataclass(frozen=True, slots=True)
class Posture:
    """Angles, their uncertainty, mid-hips and body sizes of the fitted frames; NaN elsewhere."""

    q: FloatArray
    sigma: FloatArray
    root_m: FloatArray
    lengths_m: Mapping[str, float]


def capture_motion(
    video_path: Path, time_s: FloatArray, *, video_id: str, config: MediaPipeConfig
) -> Captured:
    """Measure the motion of the person in a video.

    Parameters
    ----------
    video_path : Path
        The video file.
    time_s : ndarray (T,)
        One timestamp per frame, seconds, strictly increasing.
    video_id : str
        QEVD numbers show which videos are stored sideways.
    config : MediaPipeConfig
        Settings.

    Returns
    -------
    Captured
        As `Backend.capture` (supplement 6.3); timestamps at the end of a video that breaks off
        have the confidence 0.

    Raises
    ------
    VideoError
        The file cannot be decoded far enough, or nobody is found in it.
    DataError
        The number of timestamps does not belong to this video.
    EnvironmentProblem
        mediapipe is not installed.

    Notes
    -----
    Angles are unwrapped within each shot. `sigma_rad` is, per DoF, the root mean square over
    valid frames of `uncertainty.angle_sigma` and of the frame-to-frame noise: the image noise
    of a visible landmark seen through the fit (more for hidden limbs and for bones near the
    image plane), and the systematic error of the method (`UncertaintyConfig`). Gravity is assumed
    to be the image's down.
    """
    footage = open_footage(video_path, time_s, video_id, config.video)
    landmarks = detect(reported(footage.frames, len(time_s)), config.video)
    footage.check_decoded(config.video)
    usable = landmarks.found & (landmarks.confidence() >= config.least_confidence)
    posture = fit_landmarks(landmarks, footage.time_s[: len(usable)], usable, config)
    if not np.isfinite(posture.q[:, 0]).any():
        raise VideoError(
            f"nobody is seen in any of {len(usable)} frames",
            where=video_id,
            next_step="Check that the video shows one whole person, or leave it out",
        )
    return _captured(posture, landmarks, footage, config)


def fit_landmarks(
    landmarks: Landmarks, time_s: FloatArray, usable: BoolArray, config: MediaPipeConfig
) -> Posture:
    """Fit a body to the landmarks of each shot; a cut may change the person.

    Of the frames (F,) with a time in seconds only the usable ones are fitted; the others have
    NaN angles and infinite sigmas.
    """
    frames = len(usable)
    q, sigma = np.full((frames, N_DOFS), np.nan), np.full((frames, N_DOFS), np.inf)
    root = np.full((frames, 3), np.nan)
    spine_share = config.lifting.spine_share_of_hips
    sizes: list[tuple[int, Mapping[str, float]]] = []
    for shot in np.unique(landmarks.shot[usable]):
        take = np.flatnonzero(usable & (landmarks.shot == shot))
        if len(take) < config.video.least_shot_frames:
            continue
        lifted = lift(_shot_landmarks(landmarks, time_s, take, config), config.lifting)
        angles = inverse_kinematics(lifted.joints_m, spine_share=spine_share)
        spread = angle_sigma(lifted, config.uncertainty, spine_share=spine_share)
        q[take] = np.unwrap(angles, axis=0)
        root[take] = lifted.joints_m[:, 6:8].mean(axis=1)
        sigma[take] = np.hypot(spread, jitter_sigma(q[take], stretches(take)))
        sizes.append((len(take), _segment_lengths(lifted.joints_m, lifted.lengths_m)))
    return Posture(q, sigma, root, _mean_lengths(sizes))


def _shot_landmarks(
    landmarks: Landmarks, time_s: FloatArray, take: IntArray, config: MediaPipeConfig
) -> ShotLandmarks:
    """Pick the body's landmarks of some frames, swapped legs corrected."""
    body, sections = list(BODY_LANDMARKS), stretches(take)
    image_px, world_m, visibility = (
        values[take][:, body]
        for values in (landmarks.image_px, landmarks.world_m, landmarks.visibility)
    )
    swapped = swapped_legs(image_px, world_m, sections, config.leg_swaps)
    return ShotLandmarks(
        image_px=swap_legs(image_px, swapped),
        world_m=swap_legs(world_m, swapped),
        visibility=swap_legs(visibility, swapped),
        time_s=time_s[take],
        sections=sections,
        size_px=landmarks.size_px,
    )


def _segment_lengths(joints_m: FloatArray, lengths_m: Mapping[str, float]) -> dict[str, float]:
    """Name the fitted lengths as `bodies.scaled_skeleton` does."""
    named = ("thigh", "shank", "upper_arm", "forearm", "hip_width", "shoulder_width")
    shoulders, hips = joints_m[:, 0:2].mean(axis=1), joints_m[:, 6:8].mean(axis=1)
    return {
        **{name: lengths_m[name] for name in named},
        "trunk": float(np.median(np.linalg.norm(shoulders - hips, axis=-1))),
        "foot": lengths_m["foot"] * _FOOT_PER_ANKLE_TO_TOE,
    }


def _mean_lengths(sizes: list[tuple[int, Mapping[str, float]]]) -> dict[str, float]:
    """Average over shots, weighted by frames; empty without a fitted shot."""
    total = sum(count for count, _ in sizes)
    if total == 0:
        return {}
    return {
        name: sum(count * lengths[name] for count, lengths in sizes) / total
        for name in segment_lengths_for_height(ASSUMED_HEIGHT_M)
    }


def _captured(
    posture: Posture, landmarks: Landmarks, footage: Footage, config: MediaPipeConfig
) -> Captured:
    """Fill the frames without a pose, and put everything on the T timestamps."""
    q, sigma = footage.padded(posture.q, np.nan), footage.padded(posture.sigma, np.inf)
    valid = np.isfinite(q[:, 0])
    confidence = footage.padded(landmarks.confidence(), 0.0)
    observed = observed_mask()
    sigma_rad = np.full(N_DOFS, np.inf)
    sigma_rad[observed] = np.sqrt(np.mean(sigma[valid][:, observed] ** 2, axis=0))
    motion = Motion(
        q=last_valid(q, valid),
        time_s=footage.time_s,
        confidence=confidence,
        valid=valid,
        observed=observed,
        sigma_rad=sigma_rad,
        frame_sigma_rad=sigma,
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend=MEDIAPIPE,
        betas=None,
        segment_lengths_m=posture.lengths_m,
        root_m=last_valid(footage.padded(posture.root_m, np.nan), valid),
        focal_share=config.lifting.focal_share,
    )
    return Captured(
        motion, footage.notes(valid, confidence, landmarks.shot, landmarks.somebody_else)
    )
