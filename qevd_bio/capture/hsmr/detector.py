"""Find people in pictures: the boxes that HSMR's crops are cut around.

B pictures, N people in one of them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.person.follow_people import find_people
from qevd_bio.capture.person.people import outline
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker
from qevd_bio.capture.video.decode import RgbImage


@dataclass(frozen=True, slots=True)
class Detected:
    """People in one picture, with scores (N,) from 0 to 1.

    Boxes (N, 4) are left, top, right, bottom in pixels.
    """

    box_px: FloatArray
    score: FloatArray


class PersonDetector(Protocol):
    """Finds people in pictures; serves one video after the other, one at a time."""

    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find people in B pictures (H, W, 3), each by itself; the best score comes first."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class LandmarkDetector:
    """The built-in detector: landmarks, on the CPU.

    The score of a person is the mean visibility of the landmarks.
    """

    def __init__(self, config: PersonConfig) -> None:
        self._config = config
        self._landmarker = PoseLandmarker(config, follow=False)

    def close(self) -> None:
        """Forget the picture seen last."""
        self._landmarker.__exit__(None, None, None)

    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find people, as `PersonDetector` does."""
        return [self._people(image) for image in images]

    def _people(self, image: RgbImage) -> Detected:
        boxes, scores = [], []
        for found in find_people(self._landmarker, image, self._config):
            visible = found.visibility[found.visibility >= self._config.least_visibility]
            boxes.append(outline(found.person.box_px, image, self._config.outline_share))
            scores.append(float(np.clip(visible.mean(), 0.0, 1.0)) if len(visible) else 0.0)
        order = np.argsort(-np.array(scores), kind="stable")
        return Detected(np.array(boxes).reshape(-1, 4)[order], np.array(scores)[order])
