"""Choose the person detector of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.hsmr.config import LANDMARKS
from qevd_bio.capture.hsmr.detector import LandmarkDetector, PersonDetector
from qevd_bio.capture.hsmr.transformers_detector import FILES, TransformersDetector, preparation
from qevd_bio.files.digest import sha256_file_once, sha256_json


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """A detector: the built-in one, or the transformers model in a folder."""

    folder: Path | None = None

    @classmethod
    def named(cls, name: str) -> DetectorChoice:
        """Choose by `landmarks`, or by a folder; `DataError` where the folder lacks a file."""
        if name == LANDMARKS:
            return cls()
        preparation(Path(name))
        return cls(Path(name))

    def digest(self) -> str:
        """Digest all that decides its boxes, apart from the packages' versions."""
        if self.folder is None:
            return LANDMARKS
        return sha256_json(
            {name: sha256_file_once(self.folder / name, follow_links=True) for name in FILES}
        )

    def packages(self) -> tuple[str, ...]:
        """List the packages that decide its boxes by their versions."""
        return () if self.folder is None else ("transformers", "torch")

    def load(self, config: PersonConfig, device: str) -> Callable[[], PersonDetector]:
        """Load a model once; return what makes a detector for one video at a time."""
        if self.folder is None:
            return partial(LandmarkDetector, config)
        model = TransformersDetector(self.folder, device)
        return lambda: model
