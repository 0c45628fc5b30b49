"""A rendered workout, made once, and the pipeline run on it from its pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.demo.sessions import TRAIN, Exercise, Line, Session
from qevd_bio.demo.workout import make_demo_folder
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference

pytest.importorskip(
    "mediapipe", reason='capture from pixels needs the extra: pip install "qevd-bio[mediapipe]"'
)

SESSION = Session(
    video_id="0200",
    split=TRAIN,
    build="man",
    outfit=0,
    exercises=(
        Exercise(
            rule="squat",
            spoken="squats",
            view="oblique45",
            prone=False,
            alternating=False,
            is_faulty=(True, True, False),
            fault="too_shallow",
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
    references = {"squat": build_reference(load_rules()["squat"])}
    make_demo_folder(root, references=references, seed=7, sessions=(SESSION,))
    return root
