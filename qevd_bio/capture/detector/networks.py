"""Load and run BlazePose's networks, which ship with the package, on the CPU.

M = 33 landmarks of the body; the network gives six more, of which two show where the body lies
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.arrays import Float32Array
from qevd_bio.assets import asset_path
from qevd_bio.capture.backend import installed
from qevd_bio.choices import DetectorModel
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.files.strict_json import parse_json

PERSON_SIDE, LANDMARK_SIDE = 224, 256
"""Sides in pixels of the squares that the networks look at."""

RUNTIME = "ai-edge-litert"

FOLDER = Path(__file__).resolve().parent
"""Where the networks lie, as `manifests/detector.json` names them."""

_PERSON_FILE = "pose_detection.tflite"
_MANIFEST = "detector.json"
_ERROR_STREAM = threading.RLock()


def detector_identity(model: DetectorModel) -> dict[str, str]:
    """Name what decides what is found, apart from settings: the networks' digests, the runtime.

    The form is that of `Stage.depends`.
    """
    return {
        f"package:{RUNTIME}": installed(RUNTIME),
        **{f"file:{name}": _digests()[name] for name in (_PERSON_FILE, _landmark_file(model))},
    }


def _landmark_file(model: DetectorModel) -> str:
    return f"pose_landmark_{model}.tflite"


@cache
def _digests() -> dict[str, str]:
    """Read the SHA-256 of each network from the manifest."""
    text = asset_path("manifests", _MANIFEST).read_text(encoding="utf-8")
    manifest: Any = parse_json(text, where=_MANIFEST)
    return {one["file"]: one["sha256"] for one in manifest["networks"]}


class Networks:
    """The person detector and one landmark network, for one thread of a program.

    `EnvironmentProblem` where the runtime is missing, or a file is not the one that was shipped.
    """

    def __init__(self, model: DetectorModel, *, threads: int = 1) -> None:
        self._person = _Network(_PERSON_FILE, threads)
        self._landmarks = _Network(_landmark_file(model), threads)

    def people(self, picture: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Look for people in a picture (224, 224, 3) with values from -1 to 1.

        Returns box and key points of each anchor (2254, 12), in pixels from it, and the logit of
        each being a person (2254,).
        """
        boxes, logits = self._person(picture, ("Identity", "Identity_1"))
        return boxes[0], logits[0, :, 0]

    def landmarks(self, picture: Float32Array) -> tuple[Float32Array, ...]:
        """Look for landmarks in a picture (256, 256, 3) of one person, values from 0 to 1.

        Returns landmarks (39, 5): x, y, z in pixels, logits of being visible and of lying in the
        picture; the probability of a person, a number; logits of each landmark's place
        (64, 64, 39); and landmarks (39, 3) in metres from mid-hips.
        """
        names = ("Identity", "Identity_1", "Identity_3", "Identity_4")
        flat, person, heat, world = self._landmarks(picture, names)
        return flat.reshape(-1, 5), person[0, 0], heat[0], world.reshape(-1, 3)


class _Network:
    """One network file, run by LiteRT with XNNPACK."""

    def __init__(self, name: str, threads: int) -> None:
        path = FOLDER / name
        data = path.read_bytes() if path.is_file() else b""
        if sha256(data).hexdigest() != _digests()[name]:
            raise EnvironmentProblem(
                f"this network is missing, or its SHA-256 is not that of manifests/{_MANIFEST}",
                where=str(path),
                next_step="Reinstall qevd_bio, or run tools/fetch_detector.py in a checkout",
            )
        with _quiet_native_log():
            self._runner = _interpreter(data, threads)
            self._runner.allocate_tensors()
        self._input = self._runner.get_input_details()[0]["index"]
        self._outputs = {one["name"]: one["index"] for one in self._runner.get_output_details()}

    def __call__(self, picture: Float32Array, names: Sequence[str]) -> list[Float32Array]:
        self._runner.set_tensor(self._input, picture[None])
        self._runner.invoke()
        return [np.asarray(self._runner.get_tensor(self._outputs[name])) for name in names]


def _interpreter(data: bytes, threads: int) -> Any:  # noqa: ANN401 (LiteRT has no types)
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise EnvironmentProblem(
            f"landmarks need {RUNTIME}, which does not import ({error})",
            where="capture",
            next_step=f"Run: pip install {RUNTIME}",
        ) from error
    return Interpreter(model_content=data, num_threads=threads)


@contextmanager
def _quiet_native_log() -> Iterator[None]:
    """Silence what native code writes to the error stream.

    One thread at a time: another would restore the stream.
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
