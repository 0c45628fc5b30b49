"""Measure a motion while its pictures arrive: landmarks at once, angles a moment later.

F frames of the window, M = 33 landmarks
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.detector.landmarks import M, PoseLandmarks
from qevd_bio.capture.monocular.backend import fit_landmarks, motion_of, shown_sigma
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.person.follow_person import Landmarks
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.motion.growing_motion import MotionFrame, frames_of, without_frames
from qevd_bio.motion.record import Motion

WINDOW_S = 4.0
"""Frames that a body is fitted to: long enough for the size of its limbs."""

FIT_EVERY_S = 0.25

LAG_S = 0.3
"""A fit is least sure of its last frames, which have nothing after them: they wait."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The landmarks of one frame; None where nobody was found."""

    time_s: float
    found: PoseLandmarks | None


class LiveCapture:
    """Follow one person from frame to frame, and fit a body to the last seconds again and again.

    Parameters
    ----------
    config : MediaPipeConfig
        Settings, as of the backend.

    Notes
    -----
    The functions of the backend are applied to the last `WINDOW_S`. A frame gets its angles from
    the first fit that ends `LAG_S` after it or later, and keeps them. Sizes of limbs
    and usual noise are those of the first fit. The picture is taken to be upright and uncut, and
    the person who is found first is followed until lost.
    """

    def __init__(self, config: MediaPipeConfig) -> None:
        self._config = config
        self._landmarker = PoseLandmarker(config.video.person, follow=True)
        self._window: deque[_Seen] = deque()
        self._fitted_s = self._reported_s = -np.inf
        self._size_px = (0, 0)
        self.constants: Motion | None = None
        self.newest: PoseLandmarks | None = None

    def push(self, image: RgbImage, time_s: float) -> list[MotionFrame]:
        """Add a picture, and return the frames whose angles have become known, in time order.

        Raises
        ------
        ValueError
            Its time does not follow the frame before.
        """
        if self._window and time_s <= self._window[-1].time_s:
            raise ValueError(f"time {time_s} s does not follow {self._window[-1].time_s} s")
        self.newest = self._landmarker.find(image)
        self._window.append(_Seen(time_s, self.newest))
        while self._window[0].time_s < time_s - WINDOW_S:
            self._window.popleft()
        self._size_px = (image.shape[1], image.shape[0])
        if not np.isfinite(self._fitted_s):
            self._fitted_s = time_s
            return []
        waits_s = FIT_EVERY_S if self.constants else WINDOW_S
        if time_s - self._fitted_s < waits_s:
            return []
        self._fitted_s = time_s
        return self._fit(time_s - LAG_S)

    def finish(self) -> list[MotionFrame]:
        """Return the last frames, when no picture follows."""
        return self._fit(self._window[-1].time_s) if self._window else []

    def _fit(self, up_to_s: float) -> list[MotionFrame]:
        """Fit a body to the window; no frames before a person was ever fitted."""
        landmarks = self._landmarks()
        times_s = np.array([one.time_s for one in self._window])
        confidence = landmarks.confidence()
        usable = landmarks.found & (confidence >= self._config.least_confidence)
        posture = fit_landmarks(landmarks, times_s, usable, self._config)
        if np.isfinite(posture.q[:, 0]).any():
            posture = replace(posture, sigma=shown_sigma(posture, landmarks, self._config))
            motion = motion_of(posture, confidence, times_s, self._config)
            self.constants = self.constants or without_frames(motion)
            frames = list(frames_of(motion, 0, len(times_s)))
        elif self.constants:
            frames = [_nobody(float(at), self.constants) for at in times_s]
        else:
            return []
        new = [one for one in frames if self._reported_s < one.time_s <= up_to_s]
        self._reported_s = max(self._reported_s, up_to_s)
        return new

    def _landmarks(self) -> Landmarks:
        count = len(self._window)
        image_px, world_m = np.full((count, M, 2), np.nan), np.full((count, M, 3), np.nan)
        visibility = np.zeros((count, M))
        for row, one in enumerate(self._window):
            if one.found is not None:
                image_px[row], world_m[row] = one.found.image_px, one.found.world_m
                visibility[row] = np.clip(one.found.visibility, 0.0, 1.0)
        found = np.isfinite(image_px[:, 0, 0])
        return Landmarks(
            image_px=image_px,
            world_m=world_m,
            visibility=visibility,
            found=found,
            somebody_else=np.zeros(count, dtype=bool),
            shot=np.zeros(count, dtype=np.int64),
            size_px=self._size_px,
        )


def _nobody(time_s: float, constants: Motion) -> MotionFrame:
    """Make a frame in which nobody is seen."""
    dofs = len(constants.sigma_rad)
    return MotionFrame(np.zeros(dofs), time_s, 0.0, valid=False, sigma_rad=np.full(dofs, np.inf))


def joints_of_landmarks(image_px: FloatArray) -> dict[str, FloatArray]:
    """Place the joints of the skeleton that landmarks (33, 2) show on the picture, by name."""
    middle = {
        "pelvis": image_px[[23, 24]].mean(axis=0),
        "thorax": image_px[[11, 12]].mean(axis=0),
    }
    middle["lumbar_body"] = (middle["pelvis"] + middle["thorax"]) / 2.0
    sided = {
        f"{joint}_{side}": image_px[number + (side == "r")]
        for side in "lr"
        for joint, number in (
            ("femur", 23), ("tibia", 25), ("talus", 27), ("calcn", 29), ("toes", 31),
            ("scapula", 11), ("humerus", 11), ("ulna", 13), ("radius", 13), ("hand", 15),
        )
    }  # fmt: skip
    return middle | sided
