"""A rendered workout, made once, and the pipeline run on it from its pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.demo.sessions import Exercise, Line, Session
from qevd_bio.demo.workout import make_demo_folder

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
def workout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with one rendered video; tests copy it and never change it."""
    root = tmp_path_factory.mktemp("workout") / "QEVD"
    make_demo_folder(root, (SESSION,), seed=7)
    return root
