"""Coach while somebody moves: count, and what was wrong with the last repetition."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import ByteArray
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.video.display import RgbImage
from qevd_bio.coach.live_capture import LiveCapture, joints_of_landmarks
from qevd_bio.exercises.cycles_so_far import CheckedCycle, CyclesSoFar
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.salience import salience_of_rule
from qevd_bio.feedback.finding_choice import independent_statements
from qevd_bio.feedback.statements import violation_text
from qevd_bio.feedback.style import style_of
from qevd_bio.skeleton.dofs import JOINT_INDEX, JOINT_NAMES
from qevd_bio.views.formatting import counted
from qevd_bio.views.overlay.draw_skeleton import Painter
from qevd_bio.views.overlay.frame_marks import FrameMarks

GETTING_READY = "stand so that all of you is in view"
EDGE_S = 0.5
"""A repetition that begins this soon after the first picture may have begun before it."""

_LETTERS = 48
"""In a line on the picture."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One repetition as it became known.

    Attributes
    ----------
    number : int
        From 1.
    start_s, end_s, known_s : float
        When it was done, and when this was known.
    sentence : str
        Its most severe form error; empty where none was measured, the capture is unsure, or its
        beginning may not have been seen.
    """

    number: int
    start_s: float
    end_s: float
    known_s: float
    sentence: str


class LiveCoach:
    """Count and check the repetitions of one exercise while pictures arrive.

    Parameters
    ----------
    rule : Rule
        Of the exercise.
    config : MediaPipeConfig
        Of the capture.
    """

    def __init__(self, rule: Rule, config: MediaPipeConfig) -> None:
        self._rule, self._style = rule, style_of(rule)
        self._capture = LiveCapture(config)
        self._cycles: CyclesSoFar | None = None
        self._painter: Painter | None = None
        self._first_s = np.inf
        self.heard: list[Heard] = []

    @property
    def count(self) -> int:
        """Repetitions so far; halves of an alternating movement count one by one."""
        return self._cycles.count if self._cycles else 0

    def push(self, image: RgbImage, time_s: float) -> list[Heard]:
        """Add a picture and return the repetitions that became known."""
        self._first_s = min(self._first_s, time_s)
        frames = self._capture.push(image, time_s)
        self._begin()
        if self._cycles is None or not frames:
            return []
        for frame in frames:
            self._cycles.add(frame)
        new = [self._heard(one, time_s) for one in self._cycles.look()]
        self.heard += new
        return new

    def whole_count(self) -> int:
        """Count all repetitions of the end, when what is typical of the set is known."""
        frames = self._capture.finish()
        self._begin()
        if self._cycles is None:
            return 0
        for frame in frames:
            self._cycles.add(frame)
        return self._cycles.whole_count()

    def _begin(self) -> None:
        """Begin to seek cycles as soon as the body is known."""
        constants = self._capture.constants
        if self._cycles is None and constants is not None:
            self._cycles = CyclesSoFar(self._rule, salience_of_rule(self._rule), constants)

    def picture(self, image: RgbImage) -> ByteArray:
        """Draw person, count and last finding on the picture that was pushed last."""
        height, width = image.shape[:2]
        if self._painter is None:
            self._painter = Painter((width, height))
        return self._painter(image, self._marks())

    def _heard(self, checked: CheckedCycle, now_s: float) -> Heard:
        is_whole = checked.cycle.start_s - self._first_s >= EDGE_S
        can_tell = is_whole and not checked.is_unsure
        told = independent_statements(checked.findings) if can_tell else ()
        return Heard(
            number=checked.number,
            start_s=round(checked.cycle.start_s, 3),
            end_s=round(checked.cycle.end_s, 3),
            known_s=round(now_s, 3),
            sentence=violation_text(told[0], self._style) if told else "",
        )

    def _marks(self) -> FrameMarks:
        joints = np.full((len(JOINT_NAMES), 2), np.nan)
        seen = self._capture.newest
        if seen is not None:
            for name, place in joints_of_landmarks(seen.image_px).items():
                joints[JOINT_INDEX[name]] = place
        noun = "hold" if self._rule.kind == "hold" else "repetition"
        lines = [self._rule.title, counted(self.count, noun)]
        phase = self._cycles.phase() if self._cycles else None
        if phase is not None:
            lines.append(phase.replace("_", " "))
        if self._cycles is None:
            lines.append(GETTING_READY)
        last = self.heard[-1] if self.heard else None
        said = textwrap.wrap(f"{last.number}: {last.sentence}", _LETTERS) if last else []
        return FrameMarks(
            joints_px=joints,
            valid=True,
            in_place=True,
            lines=tuple(lines),
            violations=tuple(said) if last and last.sentence else (),
        )
