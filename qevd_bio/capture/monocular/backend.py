"""Capture a motion from a video with MediaPipe landmarks, on any computer.

T frames, D = 46 DoF, K = 14 joints of the stick body
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.backend import MEDIAPIPE, Backend, SourceVideo, digests
from qevd_bio.capture.captured import Captured, last_valid
from qevd_bio.capture.config import CaptureConfig
from qevd_bio.capture.footage import (
    check_decoded,
    check_header,
    checked_times,
    footage_notes,
    upright_of,
)
from qevd_bio.capture.monocular.inverse_kinematics import (
    SPINE_SHARE_OF_HIPS,
    inverse_kinematics,
    observed_mask,
)
from qevd_bio.capture.monocular.lifting import lift
from qevd_bio.capture.monocular.side_swaps import legs_put_back, swapped_legs
from qevd_bio.capture.monocular.uncertainty import angle_sigma
from qevd_bio.capture.person.landmarks import BODY_LANDMARKS, Landmarks, pose_class
from qevd_bio.capture.person.person_landmarks import detect
from qevd_bio.capture.person.upright import Upright
from qevd_bio.capture.video.decode import Decoded, FrameStream, probe
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

    config: CaptureConfig = field(default_factory=CaptureConfig)
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
        return capture_motion(video.file, time_s, video_id=video.unit_id, config=self.config)


@dataclass(frozen=True, slots=True)
class Posture:
    """Angles, their uncertainty, mid-hips and body sizes of the fitted frames; NaN elsewhere."""

    q: FloatArray
    sigma: FloatArray
    root_m: FloatArray
    lengths_m: Mapping[str, float]


def capture_motion(
    video_path: Path, time_s: FloatArray, *, video_id: str, config: CaptureConfig
) -> Captured:
    """Measure the motion of the person in a video.

    Parameters
    ----------
    video_path : Path
        The video file.
    time_s : ndarray (T,)
        One timestamp per frame, seconds, strictly increasing.
    video_id : str
        Name of the video; QEVD numbers tell which videos are stored sideways.
    config : CaptureConfig
        Settings.

    Returns
    -------
    Captured
        A motion of T frames. Frames without a person repeat the last valid pose, leading ones
        the first, and are not valid (supplement 6.3); so are timestamps at the end of a video
        that breaks off, their confidence 0.

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
    image plane), and the systematic error of the method (`uncertainty.METHOD_DEG`). Gravity
    is taken to be the image's down.
    """
    time_s = checked_times(time_s, video_id)
    check_header(probe(video_path), len(time_s), video_id)
    upright = upright_of(video_path, video_id, config)
    stream = FrameStream(
        video_path, longest_side_px=config.longest_side_px, turn_deg=upright.turn_deg
    )
    landmarks = detect(reported(stream, len(time_s)), config)
    check_decoded(stream.decoded, len(time_s), video_id, config)

    frames = len(landmarks.found)
    seen = landmarks.found & (landmarks.confidence() >= config.least_confidence)
    posture = fit_landmarks(landmarks, time_s[:frames], seen, config)
    valid = np.isfinite(posture.q[:, 0])
    if not valid.any():
        raise VideoError(
            f"nobody is seen in any of {frames} frames",
            where=video_id,
            next_step="Check that the video shows one whole person, or leave it out",
        )
    return _assembled(posture, valid, landmarks, time_s, upright, stream.decoded, config)


def fit_landmarks(
    landmarks: Landmarks, time_s: FloatArray, seen: BoolArray, config: CaptureConfig
) -> Posture:
    """Fit a body to the landmarks of each shot; a cut may change the person.

    Parameters
    ----------
    landmarks : Landmarks
        What was found.
    time_s : ndarray (T,)
        Seconds.
    seen : ndarray (T,) of bool
        Frames to use.
    config : CaptureConfig
        Settings.

    Returns
    -------
    Posture
        NaN angles and infinite sigmas in frames that were not fitted.
    """
    frames = len(seen)
    q, sigma = np.full((frames, N_DOFS), np.nan), np.full((frames, N_DOFS), np.inf)
    root = np.full((frames, 3), np.nan)
    body = list(BODY_LANDMARKS)
    sizes: list[tuple[int, Mapping[str, float]]] = []
    for shot in np.unique(landmarks.shot[seen]):
        take = np.flatnonzero(seen & (landmarks.shot == shot))
        if len(take) < config.least_shot_frames:
            continue
        sections = np.concatenate([[0], np.cumsum(np.diff(take) > 1)]).astype(np.int64)
        image_px, world_m, visibility = (
            values[take][:, body]
            for values in (landmarks.image_px, landmarks.world_m, landmarks.visibility)
        )
        changed = swapped_legs(image_px, world_m, sections)
        lifted = lift(
            legs_put_back(image_px, changed),
            legs_put_back(world_m, changed),
            legs_put_back(visibility, changed),
            time_s[take],
            sections,
            landmarks.size_px,
            config.lifting,
        )
        angles = inverse_kinematics(lifted.joints_m, spine_share=SPINE_SHARE_OF_HIPS)
        spread = angle_sigma(lifted)
        q[take] = np.unwrap(angles, axis=0)
        root[take] = lifted.joints_m[:, 6:8].mean(axis=1)
        sigma[take] = np.hypot(spread, jitter_sigma(q[take], sections))
        sizes.append((len(take), _segment_lengths(lifted.joints_m, lifted.lengths_m)))
    return Posture(q, sigma, root, _mean_lengths(sizes))


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
        for name in segment_lengths_for_height(1.75)
    }


def _assembled(
    posture: Posture,
    valid: BoolArray,
    landmarks: Landmarks,
    time_s: FloatArray,
    upright: Upright,
    decoded: Decoded,
    config: CaptureConfig,
) -> Captured:
    """Fill the frames without a pose and put everything on the T timestamps."""
    missing = len(time_s) - len(valid)
    valid = np.concatenate([valid, np.zeros(missing, dtype=bool)])
    q = np.concatenate([posture.q, np.full((missing, N_DOFS), np.nan)])
    sigma = np.concatenate([posture.sigma, np.full((missing, N_DOFS), np.inf)])
    root = np.concatenate([posture.root_m, np.full((missing, 3), np.nan)])
    shot = np.concatenate([landmarks.shot, np.full(missing, landmarks.shot[-1])])
    confidence = np.concatenate([landmarks.confidence(), np.zeros(missing)])
    observed = observed_mask()
    sigma_rad = np.full(N_DOFS, np.inf)
    sigma_rad[observed] = np.sqrt(np.mean(sigma[valid][:, observed] ** 2, axis=0))
    motion = Motion(
        q=last_valid(q, valid),
        time_s=time_s,
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
        root_m=last_valid(root, valid),
        focal_share=config.lifting.focal_share,
    )
    notes = footage_notes(
        upright,
        decoded,
        valid=valid,
        confidence=confidence,
        shot=shot,
        others=int(landmarks.somebody_else.sum()),
    )
    return Captured(motion, notes)
