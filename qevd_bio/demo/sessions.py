"""The sessions of the demo: exercises, faulty repetitions, and the trainer's sentences."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

END_OF_SESSION = "That’s the end of the session."


class Line(NamedTuple):
    """A sentence of the trainer, written for the demo in the manner of QEVD's trainers.

    Attributes
    ----------
    after : float
        When it falls, in repetitions of the reference: 2.2 is a fifth into the third.
    text : str
        The sentence.
    """

    after: float
    text: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise of a session.

    Attributes
    ----------
    rule : str
        Rule id.
    spoken : str
        The exercise as the trainer names it.
    view : str
        Name of a camera view.
    form_error : str
        Form error of the faulty repetitions.
    repetitions : str
        One character a repetition of the reference: ``x`` faulty, ``.`` correct.
    repetition_s : float
        Mean duration of one repetition of the reference in seconds.
    lines : tuple of Line
        In order.
    """

    rule: str
    spoken: str
    view: str
    form_error: str
    repetitions: str
    repetition_s: float
    lines: tuple[Line, ...]

    @property
    def is_faulty(self) -> tuple[bool, ...]:
        """One flag a repetition of the reference."""
        return tuple(mark == "x" for mark in self.repetitions)


@dataclass(frozen=True, slots=True)
class Session:
    """One video.

    Attributes
    ----------
    video_id : str
        Four digits; ids up to 0145 are stored sideways.
    split : str
        Key of `SPLIT_FOLDERS`.
    build : str
        Build of the body.
    outfit : int
        Row of `OUTFITS`.
    exercises : tuple of Exercise
        In order.
    """

    video_id: str
    split: str
    build: str
    outfit: int
    exercises: tuple[Exercise, ...]


def demo_sessions() -> tuple[Session, ...]:
    """Read the sessions of the demo from ``sessions.json``."""
    path = Path(__file__).with_name("sessions.json")
    sessions = []
    for session in json.loads(path.read_text(encoding="utf-8")):
        exercises = tuple(
            Exercise(**{**one, "lines": tuple(Line(*line) for line in one["lines"])})
            for one in session["exercises"]
        )
        sessions.append(Session(**{**session, "exercises": exercises}))
    return tuple(sessions)
