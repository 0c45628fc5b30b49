"""A rendered workout, made once, and the pipeline run on it from its pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.captured import Captured
from qevd_bio.capture.monocular import backend
from qevd_bio.demo.sessions import Exercise, Line, Session
from qevd_bio.demo.workout import make_demo_folder
from tests.made_once import MadeOnce

SESSION = Session(
    video_id="0200",
    split="train",
    build="man",
    outfit=0,
    exercises=(
        Exercise(
            rule="squat",
            spoken="squats",
            view="oblique45",
            form_error="too_shallow",
            repetitions="xx.",
            repetition_s=2.0,
            lines=(
                Line(1.2, "Lovely!"),
                Line(2.1, "Sink deeper into these squats"),
                Line(2.9, "Keep a straight back"),
            ),
        ),
    ),
)


@pytest.fixture(scope="session")
def workout(made_once: MadeOnce) -> Path:
    """A data root with one rendered video; tests copy it and never change it."""

    def make(home: Path) -> None:
        make_demo_folder(home / "QEVD", (SESSION,), seed=7)

    return made_once("workout", make) / "QEVD"


@pytest.fixture(scope="session", autouse=True)
def equal_videos_are_captured_once() -> Iterator[None]:
    """Keep what the landmarks of a video gave, for runs in this process; workers do their own.

    Most tests here change what is said, or one of two equal videos.
    """
    real, kept = backend.capture_motion, dict[tuple[object, ...], Captured]()

    def capture(path: Path, time_s: FloatArray, *, video_id: str, **options: Any) -> Captured:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        key = (content, time_s.tobytes(), repr(sorted(options.items())))
        if key not in kept:
            kept[key] = real(path, time_s, video_id=video_id, **options)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "capture_motion", capture)
        yield
