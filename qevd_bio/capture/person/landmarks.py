"""Find one person's landmarks in every frame with MediaPipe.

T frames, M = 33 landmarks
"""

from __future__ import annotations

import os
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.config import CaptureConfig
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.errors import EnvironmentProblem

M = 33

# MediaPipe's numbers of the landmarks used, left and right of the person.
SHOULDERS, ELBOWS, WRISTS = (11, 12), (13, 14), (15, 16)
HIPS, KNEES, ANKLES, TOES = (23, 24), (25, 26), (27, 28), (31, 32)
BODY_LANDMARKS: tuple[int, ...] = (
    *SHOULDERS, *ELBOWS, *WRISTS, *HIPS, *KNEES, *ANKLES, *TOES,
)  # fmt: skip
"""Landmarks in the order of `lifting.BODY_JOINTS`."""

_THUMBNAIL = 24
_CUT_MEMORY_FRAMES = 15


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Landmarks of one person over a video.

    Attributes
    ----------
    image_px : ndarray (T, 33, 2)
        Pixels, x right and y down; NaN where nobody was found.
    world_m : ndarray (T, 33, 3)
        Metres from mid-hips, camera axes; NaN where nobody was found.
    visibility : ndarray (T, 33)
        Between 0 and 1; 0 where nobody was found.
    found : ndarray (T,) of bool
        Whether somebody was found.
    somebody_else : ndarray (T,) of bool
        Frames in which only another person than the shot's was found; they count as not found.
    shot : ndarray (T,) of int
        Number of the camera shot, from 0.
    size_px : tuple of int
        Width and height of the pictures.
    """

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    found: BoolArray
    somebody_else: BoolArray
    shot: IntArray
    size_px: tuple[int, int]

    def confidence(self) -> FloatArray:
        """Return how well the person is seen in each frame (T,), between 0 and 1.

        Notes
        -----
        The mean over shoulders, elbows, wrists, hips, knees and ankles of the better seen of
        the two sides: from the side, half of the body is always hidden.
        """
        pairs = np.array([SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES])
        return np.asarray(self.visibility[:, pairs].max(axis=-1).mean(axis=-1))


_ERROR_STREAM = threading.RLock()


@contextmanager
def _quiet_native_log() -> Iterator[None]:
    """Silence what native code writes to the error stream, whatever it holds.

    One thread at a time: another would take the silence for the stream to restore.
    """
    with _ERROR_STREAM:
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
        with _quiet_native_log(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
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

    Parameters
    ----------
    config : CaptureConfig
        Its confidence thresholds.
    follow : bool
        True follows the person from frame to frame, False looks at each picture alone.

    Notes
    -----
    MediaPipe's own smoothing is off: it lags, and assumes 30 frames per second.
    """

    def __init__(self, config: CaptureConfig, *, follow: bool) -> None:
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
        """Forget the person followed so far: the camera has cut."""
        with _quiet_native_log():
            self._pose.reset()
            self._open()

    def _open(self) -> None:
        """Wait until the graph is open: its threads write their log when they get to it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._pose.process(np.zeros((64, 64, 3), dtype=np.uint8))

    def __call__(self, image: RgbImage) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Find the person.

        Parameters
        ----------
        image : ndarray (H, W, 3)
            Contiguous RGB.

        Returns
        -------
        tuple or None
            Image landmarks (33, 2) in pixels, world landmarks (33, 3) in metres, visibility
            (33,); None when nobody is found.
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
        with _quiet_native_log(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = self._pose.process(image)
        self._person_seen = result.pose_landmarks is not None
        return result


class CutFinder:
    """Tell camera cuts from movement, one frame after the other.

    Notes
    -----
    A cut changes the whole picture at once: the mean change of a 24 x 24 thumbnail must be
    large by itself and against the median of the last 15 changes. On the real clips at hand
    cuts change it by 50 to 140 levels, movement by at most 6.
    """

    def __init__(self, config: CaptureConfig) -> None:
        self._least, self._ratio = config.cut_difference, config.cut_ratio
        self._before: NDArray[np.float32] | None = None
        self._usual: deque[float] = deque(maxlen=_CUT_MEMORY_FRAMES)

    def __call__(self, image: RgbImage) -> bool:
        """Return True when this frame begins a new shot; the first frame does not."""
        now = _thumbnail(image)
        if self._before is None or self._before.shape != now.shape:
            self._before = now
            return False
        change = float(np.abs(now - self._before).mean())
        self._before = now
        usual = float(np.median(self._usual)) if self._usual else 0.0
        cut = change > self._least and change > self._ratio * (usual + 0.5)
        if cut:
            self._usual.clear()
        else:
            self._usual.append(change)
        return cut


def _thumbnail(image: RgbImage) -> NDArray[np.float32]:
    """Mean colours of 24 x 24 tiles, from every fourth pixel or so."""
    step = max(1, min(image.shape[:2]) // (4 * _THUMBNAIL))
    sparse = image[::step, ::step]
    height, width = (side // _THUMBNAIL for side in sparse.shape[:2])
    if height == 0 or width == 0:
        return sparse.astype(np.float32)
    tiles = sparse[: height * _THUMBNAIL, : width * _THUMBNAIL]
    tiles = tiles.reshape(_THUMBNAIL, height, _THUMBNAIL, width, 3)
    return np.asarray(tiles.mean(axis=(1, 3), dtype=np.float32))
