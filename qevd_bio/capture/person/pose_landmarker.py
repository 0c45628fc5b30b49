"""MediaPipe's pose landmarker for single pictures.

M = 33 landmarks
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.errors import EnvironmentProblem

M = 33

# MediaPipe's numbers of the landmarks used, left and right of the person.
SHOULDERS, ELBOWS, WRISTS = (11, 12), (13, 14), (15, 16)
HIPS, KNEES, ANKLES, TOES = (23, 24), (25, 26), (27, 28), (31, 32)
BODY_LANDMARKS: tuple[int, ...] = (
    *SHOULDERS, *ELBOWS, *WRISTS, *HIPS, *KNEES, *ANKLES, *TOES,
)  # fmt: skip
"""Landmarks in the order of `stick_body.BODY_JOINTS`."""

_ERROR_STREAM = threading.RLock()


@contextmanager
def _quiet_native_log() -> Iterator[None]:
    """Silence warnings, and what native code writes to the error stream.

    One thread at a time: another would restore the silence.
    """
    with _ERROR_STREAM, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = os.dup(2)
        sink = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(sink, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(sink)


def pose_class() -> Any:  # noqa: ANN401 (mediapipe has no types)
    """Import MediaPipe's pose solution; `EnvironmentProblem` where it is not installed."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with _quiet_native_log():
            from mediapipe.python.solutions.pose import Pose
    except ImportError as error:
        raise EnvironmentProblem(
            f"landmarks need mediapipe, which does not import ({error})",
            where="capture",
            next_step="Run: pip install 'qevd-bio[mediapipe]'",
        ) from error
    return Pose


class PoseLandmarker(AbstractContextManager["PoseLandmarker"]):
    """MediaPipe's pose landmarker for one person.

    With `follow` it follows the person from frame to frame, else it looks at each picture alone.
    MediaPipe's own smoothing is off: it lags, and assumes 30 frames per second.
    """

    def __init__(self, config: PersonConfig, *, follow: bool) -> None:
        pose = pose_class()
        self._person_seen = False
        with _quiet_native_log():
            self._pose = pose(
                static_image_mode=not follow,
                model_complexity=1,
                smooth_landmarks=False,
                min_detection_confidence=config.detection_confidence,
                min_tracking_confidence=config.tracking_confidence,
            )
            self._open()

    def __exit__(self, *raised: object) -> None:
        self._pose.close()

    def forget(self) -> None:
        """Forget the person followed so far."""
        with _quiet_native_log():
            self._pose.reset()
            self._open()

    def _open(self) -> None:
        """Wait until the graph is open: its threads write their log when they get to it."""
        self._pose.process(np.zeros((64, 64, 3), dtype=np.uint8))

    def __call__(self, image: RgbImage) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Find the person in a contiguous RGB image; None when nobody is found.

        Returns image landmarks (33, 2) in pixels, world landmarks (33, 3) in metres and their
        visibility (33,).
        """
        result = self._process(image)
        if result.pose_landmarks is None or result.pose_world_landmarks is None:
            return None
        height, width = image.shape[:2]
        flat = np.array(
            [(m.x * width, m.y * height, m.visibility) for m in result.pose_landmarks.landmark]
        )
        world = np.array([(m.x, m.y, m.z) for m in result.pose_world_landmarks.landmark])
        return flat[:, :2], world, flat[:, 2]

    def _process(self, image: RgbImage) -> Any:  # noqa: ANN401 (mediapipe has no types)
        if self._person_seen:
            return self._pose.process(image)
        # Native code warns once, when it first meets a person.
        with _quiet_native_log():
            result = self._pose.process(image)
        self._person_seen = result.pose_landmarks is not None
        return result
