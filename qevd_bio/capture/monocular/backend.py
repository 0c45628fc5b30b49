"""Capture a motion from a video with BlazePose's landmarks, on any computer.

T frames, D = 46 DoF, K = 14 joints of the stick body
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.backend import MEDIAPIPE, Backend, SourceVideo, digests
from qevd_bio.capture.captured import ASSUMED_HEIGHT_M, Captured, last_valid, stretches
from qevd_bio.capture.detector.networks import Networks, detector_identity
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.footage import Footage, open_footage
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.monocular.correction.apply import correct
from qevd_bio.capture.monocular.correction.features import FittedFrames
from qevd_bio.capture.monocular.correction.weights import correction_identity, load_weights
from qevd_bio.capture.monocular.fit_check import FitDoubts, checked_lift, hidden_angles
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.monocular.lifting import Lifted, ShotLandmarks
from qevd_bio.capture.monocular.stick_body import LENGTH_NAMES
from qevd_bio.capture.person.follow_person import Landmarks, detect
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS
from qevd_bio.choices import DetectorModel
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
    """BlazePose's landmarks and a fitted body, on any computer."""

    config: MediaPipeConfig = field(default_factory=MediaPipeConfig)
    name: str = MEDIAPIPE
    version: int = 10
    gpus: int = 0

    @classmethod
    def with_detector(cls, model: DetectorModel | None) -> MediaPipeBackend:
        """Set up the backend with one of the landmark networks; None takes the usual one."""
        usual = MediaPipeConfig()
        if model is None:
            return cls(usual)
        person = replace(usual.video.person, detector_model=model)
        return cls(replace(usual, video=replace(usual.video, person=person)))

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        """Name the video, its frame times, the packages and the configuration."""
        files = (video.present_file(),)
        models = self.config.video.person.detector_model, self.config.video.turn.detector_model
        detector = detector_identity(models[0]) | detector_identity(models[1])
        learned = correction_identity()
        named = {"exercises": video.exercises_digest(), **video.times_digest()}
        return digests(asdict(self.config), files, ("av",)) | detector | learned | named

    def setup(self) -> None:
        """Check that the detector loads before any video is touched."""
        Networks(self.config.video.person.detector_model)

    def capture(self, video: SourceVideo, time_s: FloatArray) -> Captured:
        """Measure the motion of one video."""
        return capture_motion(
            video.file,
            time_s,
            video_id=video.video_id,
            config=self.config,
            exercises=video.exercises,
        )


@dataclass(frozen=True, slots=True)
class Posture:
    """Angles, their uncertainty, mid-hips and body sizes of the fitted frames; NaN elsewhere.

    `doubts` state which fits were repeated or refused.
    """

    q: FloatArray
    sigma: FloatArray
    root_m: FloatArray
    lengths_m: Mapping[str, float]
    doubts: FitDoubts = field(default_factory=FitDoubts)


def capture_motion(
    video_path: Path,
    time_s: FloatArray,
    *,
    video_id: str,
    config: MediaPipeConfig,
    exercises: Sequence[ExpectedExercise] = (),
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
    exercises : sequence of ExpectedExercise
        Those that are named; they show who of several people exercises, and which way is up.

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
        The detector cannot be loaded.

    Notes
    -----
    Angles are unwrapped within each shot. `sigma_rad` is, per DoF, the root mean square over
    valid frames of the correction's own sigma, of `real_pictures_deg` and of the frame-to-frame
    noise. It is infinite in frames in which a bone of the angle is hidden: such an angle is not
    judged. Gravity is assumed to be the image's down.
    """
    footage = open_footage(video_path, time_s, video_id, config.video, exercises)
    frames = reported(footage.frames, len(time_s))
    landmarks = detect(frames, config.video, footage.time_s, exercises)
    footage.check_decoded(config.video)
    usable = landmarks.found & (landmarks.confidence() >= config.least_confidence)
    posture = fit_landmarks(landmarks, footage.time_s[: len(usable)], usable, config)
    if not np.isfinite(posture.q[:, 0]).any():
        raise VideoError(
            posture.doubts.reason or f"nobody is seen in any of {len(usable)} frames",
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
    sizes: list[tuple[int, Mapping[str, float]]] = []
    doubts = FitDoubts()
    for shot in np.unique(landmarks.shot[usable]):
        seen = np.flatnonzero(usable & (landmarks.shot == shot))
        if len(seen) < config.video.least_shot_frames:
            continue
        marks = shot_landmarks(landmarks, time_s, seen, config)
        checked = checked_lift(marks, config.lifting, config.fit_check)
        lifted, kept, take = checked.lifted, checked.explained, seen[checked.explained]
        doubts = doubts.with_fit(int(shot), checked)
        if len(take) < config.video.least_shot_frames:
            continue
        angles, spread, joints = _measured(landmarks, time_s, seen, lifted, config)
        q[take] = np.unwrap(angles, axis=0)[kept]
        root[take] = joints[kept][:, 6:8].mean(axis=1)
        sigma[take] = np.hypot(spread[kept], jitter_sigma(q[take], stretches(take)))
        sizes.append((len(take), _segment_lengths(joints[kept], lifted.lengths_m)))
    return Posture(q, sigma, root, _mean_lengths(sizes), doubts)


def _measured(
    landmarks: Landmarks, time_s: FloatArray, take: IntArray, lifted: Lifted,
    config: MediaPipeConfig,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Read angles (T, 46) of a fitted body, corrected, their sigmas, and its joints."""
    seen = fitted_frames(landmarks, take, lifted, config)
    joints, sigma = correct(seen, time_s[take], stretches(take), load_weights())
    spread = np.full((len(joints), N_DOFS), np.inf)
    unknown = np.deg2rad(config.real_pictures_deg)
    spread[:, observed_mask()] = np.hypot(sigma, unknown)
    angles = inverse_kinematics(joints, spine_share=config.lifting.spine_share_of_hips)
    return angles, spread, joints


def fitted_frames(
    landmarks: Landmarks, take: IntArray, lifted: Lifted, config: MediaPipeConfig
) -> FittedFrames:
    """Put together what the correction looks at: landmarks of some frames and their fit."""
    return FittedFrames(
        image_px=landmarks.image_px[take],
        world_m=landmarks.world_m[take],
        visibility=landmarks.visibility[take],
        joints_m=lifted.joints_m,
        sigma=lifted.depth_sigma_m,
        lengths_m=np.array([lifted.lengths_m[name] for name in LENGTH_NAMES]),
        size_px=landmarks.size_px,
        focal_px=config.lifting.focal_share * max(landmarks.size_px),
        heavy=config.video.person.detector_model == "heavy",
    )


def shot_landmarks(
    landmarks: Landmarks, time_s: FloatArray, take: IntArray, config: MediaPipeConfig
) -> ShotLandmarks:
    """Pick the body's landmarks of some frames."""
    body = list(BODY_LANDMARKS)
    image_px, world_m, visibility = (
        values[take][:, body]
        for values in (landmarks.image_px, landmarks.world_m, landmarks.visibility)
    )
    return ShotLandmarks(
        image_px=image_px,
        world_m=world_m,
        visibility=visibility,
        time_s=time_s[take],
        sections=stretches(take),
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
    confidence = footage.padded(landmarks.confidence(), 0.0)
    padded = replace(
        posture,
        q=footage.padded(posture.q, np.nan),
        sigma=footage.padded(shown_sigma(posture, landmarks, config), np.inf),
        root_m=footage.padded(posture.root_m, np.nan),
    )
    motion = motion_of(padded, confidence, footage.time_s, config)
    notes = footage.notes(motion.valid, confidence, landmarks.shot, landmarks.somebody_else)
    return Captured(motion, notes | landmarks.notes() | posture.doubts.notes())


def shown_sigma(posture: Posture, landmarks: Landmarks, config: MediaPipeConfig) -> FloatArray:
    """Return the noise of each angle and frame (F, 46) in rad; infinite where it is hidden."""
    hidden = hidden_angles(landmarks.visibility[:, list(BODY_LANDMARKS)], config.fit_check)
    return np.asarray(np.where(hidden, np.inf, posture.sigma))


def motion_of(
    posture: Posture, confidence: FloatArray, time_s: FloatArray, config: MediaPipeConfig
) -> Motion:
    """Make the motion of fitted frames (T,); those without a pose repeat the last one."""
    valid = np.isfinite(posture.q[:, 0])
    observed = observed_mask()
    sigma_rad = np.full(N_DOFS, np.inf)
    in_view = np.where(np.isfinite(posture.sigma), posture.sigma, np.nan)[valid][:, observed]
    # an angle that is hidden all the time is as uncertain as one that nothing determines
    in_view[:, np.isnan(in_view).all(axis=0)] = config.lifting.loose_rad
    sigma_rad[observed] = np.sqrt(np.nanmean(in_view**2, axis=0))
    return Motion(
        q=last_valid(posture.q, valid),
        time_s=time_s,
        confidence=confidence,
        valid=valid,
        observed=observed,
        sigma_rad=sigma_rad,
        frame_sigma_rad=posture.sigma,
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend=MEDIAPIPE,
        betas=None,
        segment_lengths_m=posture.lengths_m,
        root_m=last_valid(posture.root_m, valid),
        focal_share=config.lifting.focal_share,
    )
