"""The package's own pose detector over a run of pictures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from qevd_bio.arrays import ByteArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.detector.networks import Networks
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker


class Detector:
    """Landmarks of the person followed through a clip."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._config = PersonConfig(detector_model=name)
        self._networks: Networks | None = None

    def __call__(self, pictures: Iterable[ByteArray]) -> dict[str, np.ndarray]:
        """Return image_px (T, 33, 2), world_m (T, 33, 3), visibility and presence (T, 33).

        NaN and 0 where nobody was found.
        """
        lost = (np.full((33, 2), np.nan), np.full((33, 3), np.nan), np.zeros(33), np.zeros(33))
        rows = []
        with PoseLandmarker(self._config, follow=True, networks=self._networks) as look:
            self._networks = look.networks
            for picture in pictures:
                found = look.find(np.ascontiguousarray(picture))
                rows.append(lost if found is None else (
                    found.image_px, found.world_m, found.visibility, found.presence))  # fmt: skip
        image, world, seen, there = (np.array(v, dtype=float) for v in zip(*rows, strict=True))
        return {"image_px": image, "world_m": world, "visibility": seen, "presence": there}
