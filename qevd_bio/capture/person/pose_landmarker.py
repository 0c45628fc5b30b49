"""Find the landmarks of people in single pictures, or of one person from frame to frame.

M = 33 landmarks
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.detector.landmarks import M as M
from qevd_bio.capture.detector.landmarks import PoseLandmarks, pose_landmarks
from qevd_bio.capture.detector.networks import LANDMARK_SIDE, PERSON_SIDE, Networks
from qevd_bio.capture.detector.people_boxes import body_region, people_found
from qevd_bio.capture.detector.sampling import Region, cut, whole_picture
from qevd_bio.capture.detector.steady_region import SteadyRegion
from qevd_bio.capture.video.decode import RgbImage

# BlazePose's numbers of the landmarks used, left and right of the person.
SHOULDERS, ELBOWS, WRISTS = (11, 12), (13, 14), (15, 16)
HIPS, KNEES, ANKLES, TOES = (23, 24), (25, 26), (27, 28), (31, 32)
BODY_LANDMARKS: tuple[int, ...] = (
    *SHOULDERS, *ELBOWS, *WRISTS, *HIPS, *KNEES, *ANKLES, *TOES,
)  # fmt: skip
"""Landmarks in the order of `stick_body.BODY_JOINTS`."""


class PoseLandmarker(AbstractContextManager["PoseLandmarker"]):
    """BlazePose's landmarks of one person, for one thread.

    With `follow` it follows the person from frame to frame, else it looks at each picture alone.
    Landmarks are not smoothed. Landmarkers of one thread may share the networks of the first.
    """

    def __init__(
        self,
        config: PersonConfig,
        *,
        follow: bool,
        networks: Networks | None = None,
        threads: int = 1,
    ) -> None:
        self._config = config
        self._follow = follow
        self.networks = networks or Networks(config.detector_model, threads=threads)
        self.forget()

    def __exit__(self, *raised: object) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget the person followed so far."""
        self._region: Region | None = None
        self._steady = SteadyRegion()

    def follow(self, found: PoseLandmarks) -> None:
        """Follow the person found from the next picture on."""
        self._steady = SteadyRegion()
        self._region = self._steady(found.edge_px)

    def __call__(self, image: RgbImage) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Find the person in a contiguous RGB image; None when nobody is found.

        Returns image landmarks (33, 2) in pixels, world landmarks (33, 3) in metres and their
        visibility (33,).
        """
        found = self.find(image)
        return None if found is None else (found.image_px, found.world_m, found.visibility)

    def find(self, image: RgbImage) -> PoseLandmarks | None:
        """Find the person in a contiguous RGB image, as a call does, with all that is known."""
        region = self._region or next(self.regions(image), None)
        found = None if region is None else self.landmarks_in(image, region)
        if found is None:
            self.forget()
        elif self._follow:
            self._region = self._steady(found.edge_px)
        return found

    def find_all(self, image: RgbImage) -> list[PoseLandmarks]:
        """Find everybody in a picture looked at alone, the surest first."""
        found = [self.landmarks_in(image, region) for region in self.regions(image)]
        return [one for one in found if one is not None]

    def regions(self, image: RgbImage) -> Iterator[Region]:
        """Yield the regions of people in a picture, the surest first."""
        whole = whole_picture(image)
        picture = cut(image, whole, PERSON_SIDE, black_outside=True)
        raw, logits = self.networks.people(picture * np.float32(2 / 255) - np.float32(1))
        people = people_found(raw, logits, whole, least_score=self._config.detection_confidence)
        return (body_region(middle, edge) for middle, edge in people.key_px[:, :2])

    def landmarks_in(self, image: RgbImage, region: Region) -> PoseLandmarks | None:
        """Find the landmarks of the person in a region; None where it shows nobody."""
        picture = cut(image, region, LANDMARK_SIDE, black_outside=False)
        outputs = self.networks.landmarks(picture * np.float32(1 / 255))
        found = pose_landmarks(outputs, region)
        return found if found.score > self._config.tracking_confidence else None
