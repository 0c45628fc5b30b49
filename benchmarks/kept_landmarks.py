"""Keep the landmarks of real clips in a folder, so that the detector looks at each clip once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from qevd_bio.capture.monocular import backend
from qevd_bio.capture.person.follow_person import Landmarks


@contextmanager
def kept_landmarks(path: Path) -> Iterator[None]:
    """Let the built-in capture read the landmarks of one clip from a file, or keep them there.

    Everything else runs as in the pipeline. The file (.npz) has to be removed when the detector,
    the choice of the person or the way up changes.
    """
    detect = backend.detect

    def kept(frames: Iterable[Any], *others: Any, **named: Any) -> Landmarks:
        if path.is_file():
            for _ in frames:  # capture checks how far the video can be decoded
                pass
            return _read(path)
        found = detect(frames, *others, **named)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            np.savez(file, **{one.name: getattr(found, one.name) for one in fields(found)})
        return found

    with patch.object(backend, "detect", kept):
        yield


def _read(path: Path) -> Landmarks:
    values: dict[str, Any] = {}
    with np.load(path, allow_pickle=False) as stored:
        for one in fields(Landmarks):
            array = stored[one.name]
            value = array.item() if array.ndim == 0 else array
            values[one.name] = tuple(array.tolist()) if "tuple" in str(one.type) else value
    return Landmarks(**values)
