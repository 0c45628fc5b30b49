"""Find people in pictures: the boxes that HSMR's crops are cut around.

B pictures, N people in one of them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import CaptureConfig
from qevd_bio.capture.hsmr.config import LANDMARKS
from qevd_bio.capture.person.following import LEAST_VISIBILITY, Person, is_same_place, without
from qevd_bio.capture.person.landmarks import PoseLandmarker
from qevd_bio.capture.person.person_landmarks import MOST_PEOPLE, look
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.digest import sha256_file_once, sha256_json
from qevd_bio.files.strict_json import parse_json

_OUTLINE = 0.08
"""Landmarks lie inside of the body: part of the box's longer side added all around."""

_SETTINGS = "preprocessor_config.json"
_WEIGHTS = "model.safetensors"
_PERSON = "person"


@dataclass(frozen=True, slots=True)
class Detected:
    """People in one picture.

    Attributes
    ----------
    box_px : ndarray (N, 4)
        Left, top, right, bottom.
    score : ndarray (N,)
        Between 0 and 1.
    """

    box_px: FloatArray
    score: FloatArray


class PersonDetector(Protocol):
    """Finds people in pictures; one for each video, used by one thread."""

    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find people in B pictures (H, W, 3), each looked at alone.

        Returns
        -------
        list of Detected
            One a picture, by falling score.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class LandmarkDetector:
    """The built-in detector: MediaPipe's landmarks, on the CPU.

    Parameters
    ----------
    config : CaptureConfig
        Its confidence thresholds.

    Notes
    -----
    It finds one person at a time: each one found is painted over before the next is looked
    for. The score is the mean visibility of the landmarks.
    """

    def __init__(self, config: CaptureConfig) -> None:
        self._landmarker = PoseLandmarker(config, follow=False)

    def close(self) -> None:
        """Let go of MediaPipe's graph."""
        self._landmarker.__exit__(None, None, None)

    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find people, as `PersonDetector` says."""
        return [self._people(image) for image in images]

    def _people(self, image: RgbImage) -> Detected:
        people: list[Person] = []
        boxes, scores = [], []
        while len(people) < MOST_PEOPLE:
            seen = look(self._landmarker, without(image, people) if people else image)
            if seen is None or any(is_same_place(other, seen.person) for other in people):
                break
            people.append(seen.person)
            visible = seen.visibility[seen.visibility >= LEAST_VISIBILITY]
            boxes.append(outline(seen.person.box_px, image))
            scores.append(float(np.clip(visible.mean(), 0.0, 1.0)) if len(visible) else 0.0)
        order = np.argsort(-np.array(scores), kind="stable")
        return Detected(np.array(boxes).reshape(-1, 4)[order], np.array(scores)[order])


def outline(box_px: FloatArray, image: RgbImage) -> FloatArray:
    """Widen the box of landmarks to that of the body, within the picture."""
    reach = _OUTLINE * float(max(box_px[2:] - box_px[:2]))
    height, width = image.shape[:2]
    grown = np.concatenate([box_px[:2] - reach, box_px[2:] + reach])
    return np.asarray(np.clip(grown, 0.0, [width, height, width, height]))


@dataclass(frozen=True, slots=True)
class _Preparation:
    """What the folder's `preprocessor_config.json` asks for."""

    shorter_px: int
    longer_px: int
    size_px: tuple[int, int] | None
    scale: float
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None


class TransformersDetector:
    """An object detector of the transformers library, with weights in a local folder.

    Parameters
    ----------
    folder : Path
        Holds ``config.json``, ``model.safetensors`` and ``preprocessor_config.json``.
    device : str
        ``cuda`` or ``cpu``.

    Raises
    ------
    DataError
        The folder lacks a file, its preparation is not understood, or its model knows no
        persons.
    EnvironmentProblem
        transformers is not installed.

    Notes
    -----
    Nothing is downloaded, no code of the folder is run, and only safetensors are read. The
    model looks at float32 pictures resized without the library's image processor, which would
    need torchvision.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self._preparation = _preparation(folder)
        automatic = _automatic_class()
        try:
            self._model = automatic.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise DataError(
                f"is no object detector that transformers can load ({error})",
                where=str(folder),
                next_step="Name a folder such as huggingface.co holds for RT-DETR or DETR",
            ) from error
        names = self._model.config.id2label
        self._person = next((i for i, name in names.items() if name.lower() == _PERSON), None)
        if self._person is None:
            raise DataError(
                f"its {len(names)} classes hold no '{_PERSON}'",
                where=str(folder),
                next_step="Name a detector trained on COCO or another set with persons",
            )
        self._model.eval().requires_grad_(False).to(device)
        self._device = device

    def close(self) -> None:
        """Nothing: the model is shared between videos."""

    @torch.inference_mode()
    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find people, as `PersonDetector` says."""
        if not images:
            return []
        pixels = torch.cat([self._prepared(image) for image in images])
        out = self._model(pixel_values=pixels)
        scores = self._scores(out.logits).cpu().double().numpy()
        centred = out.pred_boxes.float().cpu().double().numpy()
        return [
            _detected(centred[i], scores[i], image.shape[:2]) for i, image in enumerate(images)
        ]

    def _prepared(self, image: RgbImage) -> Tensor:
        wanted = self._preparation
        x = torch.from_numpy(image).to(self._device).permute(2, 0, 1)[None].float()
        height, width = wanted.size_px or _within(image.shape[:2], wanted)
        x = functional.interpolate(
            x, (height, width), mode="bilinear", align_corners=False, antialias=True
        )
        x = x.round_() * wanted.scale
        if wanted.mean is not None and wanted.std is not None:
            mean, std = torch.tensor([wanted.mean, wanted.std], device=x.device)[..., None, None]
            x = (x - mean) / std
        return x

    def _scores(self, logits: Tensor) -> Tensor:
        """Give each box's probability of a person; DETR alone has a last class for 'nothing'."""
        logits = logits.float()
        if logits.shape[-1] == len(self._model.config.id2label) + 1:
            return logits.softmax(dim=-1)[..., self._person]
        return logits.sigmoid()[..., self._person]


def _detected(centred: FloatArray, scores: FloatArray, size: tuple[int, ...]) -> Detected:
    """Turn boxes in shares of the picture into pixels, dropping doubles and empty ones."""
    height, width = size
    low, high = centred[:, :2] - centred[:, 2:] / 2, centred[:, :2] + centred[:, 2:] / 2
    boxes = np.clip(np.concatenate([low, high], axis=1), 0.0, 1.0)
    boxes *= np.array([width, height, width, height])
    order = np.argsort(-scores, kind="stable")
    good = [i for i in order if (boxes[i, 2:] - boxes[i, :2] >= 1.0).all()]
    return Detected(boxes[good], scores[good])


def _within(size: tuple[int, ...], wanted: _Preparation) -> tuple[int, int]:
    """Scale to the shorter side asked for, unless the longer one would be too long."""
    shorter, longer = min(size), max(size)
    scale = min(wanted.shorter_px / shorter, wanted.longer_px / longer)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _preparation(folder: Path) -> _Preparation:
    for name in ("config.json", _WEIGHTS, _SETTINGS):
        if not (folder / name).is_file():
            raise DataError(
                f"holds no {name}",
                where=str(folder),
                next_step="Download the whole folder of the detector and name it",
            )
    where = str(folder / _SETTINGS)
    held: Any = parse_json((folder / _SETTINGS).read_text(encoding="utf-8"), where=where)
    try:
        size = held["size"]
        fixed = (int(size["height"]), int(size["width"])) if "height" in size else None
        normalises = bool(held["do_normalize"])
        return _Preparation(
            shorter_px=0 if fixed else int(size["shortest_edge"]),
            longer_px=0 if fixed else int(size["longest_edge"]),
            size_px=fixed,
            scale=float(held["rescale_factor"]),
            mean=tuple(float(value) for value in held["image_mean"]) if normalises else None,
            std=tuple(float(value) for value in held["image_std"]) if normalises else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"does not say how pictures are prepared ({error!r})",
            where=where,
            next_step="Name a detector whose preprocessor_config.json has size, rescale_factor, "
            "do_normalize, image_mean and image_std",
        ) from error


def _automatic_class() -> Any:  # noqa: ANN401  (transformers is optional)
    try:
        from transformers import AutoModelForObjectDetection
    except ImportError as error:
        raise EnvironmentProblem(
            f"this detector needs transformers, which does not import ({error})",
            where="detector",
            next_step=f"Run: pip install transformers, or give --detector {LANDMARKS}",
        ) from error
    return AutoModelForObjectDetection


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """Which detector is asked for.

    Attributes
    ----------
    folder : Path or None
        Folder of a transformers model; None is the built-in one.
    """

    folder: Path | None = None

    @classmethod
    def named(cls, name: str) -> DetectorChoice:
        """Read what the command line says: `landmarks`, or a folder.

        Raises
        ------
        DataError
            The folder lacks a file.
        """
        if name == LANDMARKS:
            return cls()
        _preparation(Path(name))
        return cls(Path(name))

    def digest(self) -> str:
        """Name all that decides its boxes, apart from the packages' versions."""
        if self.folder is None:
            return LANDMARKS
        files = ("config.json", _WEIGHTS, _SETTINGS)
        return sha256_json({name: sha256_file_once(self.folder / name) for name in files})

    def packages(self) -> tuple[str, ...]:
        """List the packages whose versions decide its boxes."""
        return ("mediapipe",) if self.folder is None else ("transformers", "torch")


class Detectors:
    """Makes a detector for each video; a model is loaded once.

    Parameters
    ----------
    choice : DetectorChoice
        Which one.
    config : CaptureConfig
        Thresholds of the built-in one.
    device : str
        Where a model runs.
    """

    def __init__(self, choice: DetectorChoice, config: CaptureConfig, device: str) -> None:
        self._config = config
        self._shared = (
            None if choice.folder is None else TransformersDetector(choice.folder, device)
        )

    def __call__(self) -> PersonDetector:
        """Give the detector of one video."""
        return self._shared or LandmarkDetector(self._config)
