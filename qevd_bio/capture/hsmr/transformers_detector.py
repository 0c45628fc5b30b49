"""Person detectors of the transformers library.

B pictures, N boxes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.hsmr.config import LANDMARKS
from qevd_bio.capture.hsmr.detector import Detected
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.strict_json import read_json

_SETTINGS = "preprocessor_config.json"
_PERSON = "person"
FILES = ("config.json", "model.safetensors", _SETTINGS)
"""What the folder of a detector holds."""


@dataclass(frozen=True, slots=True)
class _Preparation:
    """How a picture becomes the model's input, by `preprocessor_config.json`."""

    shorter_px: int
    longer_px: int
    size_px: tuple[int, int] | None
    scale: float
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None


class TransformersDetector:
    """An object detector of the transformers library, with weights in a local folder.

    Nothing is downloaded, no code of the folder is run, and only safetensors are read. The model
    looks at float32 pictures resized without the library's image processor, which would need
    torchvision. `DataError` where the folder lacks a file or its model knows no persons.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self._preparation = preparation(folder)
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
        """Do nothing: the model is shared between videos."""

    @torch.inference_mode()
    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find people, as `PersonDetector` does."""
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


def preparation(folder: Path) -> _Preparation:
    """Check the files of a folder and read how pictures are prepared."""
    for name in FILES:
        if not (folder / name).is_file():
            raise DataError(
                f"holds no {name}",
                where=str(folder),
                next_step="Download the whole folder of the detector and name it",
            )
    where = str(folder / _SETTINGS)
    held: Any = read_json(folder / _SETTINGS, follow_links=True)
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
            f"does not show how pictures are prepared ({error!r})",
            where=where,
            next_step="Name a detector with a preprocessor_config.json of size, rescale_factor, "
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
