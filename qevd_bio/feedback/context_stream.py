"""The contexts of one segment at 4 Hz: what is known at each moment, from the past only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qevd_bio.exercises.cycles_so_far import CheckedCycle, CyclesSoFar
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.salience import Salience, SegmentSalience
from qevd_bio.feedback.contexts import motion_context
from qevd_bio.feedback.morphology import morphology_context
from qevd_bio.feedback.pose import pose_of
from qevd_bio.feedback.style import Style
from qevd_bio.motion.growing_motion import MotionFrame, frames_of, without_frames
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton

RATE_HZ = 4.0
"""Supplement 6.2: the model looks four times a second."""

_CLOCK_S = 1e-6
"""Times since 1970 in float64 are known to a quarter of this."""


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What is known before a segment starts.

    Attributes
    ----------
    rule : Rule or None
        Of its exercise; None: no cycle is sought.
    salience : Salience, SegmentSalience or None
        The joints that count, in the whole segment or from a time on; None: no pose is stated.
    body : mapping of str to float
        Measures of the person, as `qevd_bio.feedback.morphology.morphology_context` takes them.
    style : Style
        How violations are written.
    """

    rule: Rule | None
    salience: Salience | SegmentSalience | None
    body: Mapping[str, float] = field(default_factory=dict)
    style: Style = field(default_factory=Style)

    def salience_at(self, time_s: float) -> Salience | None:
        """Return the joints that count at a time."""
        if isinstance(self.salience, SegmentSalience):
            return self.salience.at(time_s)
        return self.salience


@dataclass(frozen=True, slots=True)
class Context:
    """What is known at one frame.

    Attributes
    ----------
    frame : int
        Of the video.
    time_s, clip_s : float
        Its time, and the same since the first frame of the segment.
    salience : Salience or None
        The joints that count.
    phase : str or None
        Phase of the rule; None where it is not known.
    checked : CheckedCycle or None
        The most recently completed cycle with its findings.
    known_s : float or None
        When this cycle became known.
    is_refresh : bool
        Whether that was at this frame.
    motion : str
        C_motion: the pose of this frame, then the violations of that cycle.
    morphology : str
        C_morph: the body in words, after a warning where the capture is unsure.
    """

    frame: int
    time_s: float
    clip_s: float
    salience: Salience | None
    phase: str | None
    checked: CheckedCycle | None
    known_s: float | None
    is_refresh: bool
    motion: str
    morphology: str

    @property
    def cycle_count(self) -> int:
        """Number of cycles so far."""
        return self.checked.number if self.checked else 0


class ContextStream:
    """Make the contexts of a segment while its frames arrive.

    Parameters
    ----------
    facts : SegmentFacts
        What is known before.
    constants : Motion
        What holds for the whole video, from `without_frames`.
    first : int
        Number of the segment's first frame.

    Notes
    -----
    A row is due at the first frame at or after each quarter of a second since the first one.
    It depends on this frame and earlier ones, the facts and the constants.
    """

    def __init__(self, facts: SegmentFacts, constants: Motion, first: int = 0) -> None:
        self._facts, self._constants, self._frame = facts, constants, first - 1
        self._skeleton = scaled_skeleton(constants.segment_lengths_m)
        self._ticks = _Ticks()
        self._cycles: CyclesSoFar | None = None
        if facts.rule is not None:
            self._cycles = CyclesSoFar(facts.rule, None, constants, first)
        self._checked: CheckedCycle | None = None
        self._known_s: float | None = None

    def push(self, frame: MotionFrame) -> Context | None:
        """Add the next frame and return its row, if one is due.

        Raises
        ------
        ValueError
            Its time does not follow the frame before.
        """
        clip_s = self._ticks.clip_s(frame.time_s)
        self._frame += 1
        if self._cycles is not None:
            self._cycles.add(frame)
        if not self._ticks.is_due(clip_s):
            return None
        salience, new = self._facts.salience_at(frame.time_s), []
        if self._cycles is not None:
            self._cycles.salience = salience
            new = self._cycles.look()
        if new:
            self._checked, self._known_s = new[-1], frame.time_s
        return Context(
            frame=self._frame,
            time_s=frame.time_s,
            clip_s=clip_s,
            salience=salience,
            phase=self._cycles.phase() if self._cycles is not None else None,
            checked=self._checked,
            known_s=self._known_s,
            is_refresh=bool(new),
            motion=self._motion_text(frame, salience),
            morphology=self._morphology_text(frame),
        )

    def _motion_text(self, frame: MotionFrame, salience: Salience | None) -> str:
        constants = self._constants
        pose = pose_of(
            frame.q,
            constants.observed,
            salience.joints if salience else (),
            skeleton=self._skeleton,
            gravity=constants.gravity,
        )
        findings = self._checked.findings if self._checked else None
        return motion_context(findings, pose, self._facts.style)

    def _morphology_text(self, frame: MotionFrame) -> str:
        is_low = not frame.valid or frame.confidence < LEAST_CONFIDENCE
        is_low = is_low or (self._checked is not None and self._checked.is_unsure)
        return morphology_context(self._facts.body, low_confidence=is_low)


def segment_contexts(
    motion: Motion, frame_start: int, frame_end: int, facts: SegmentFacts
) -> list[Context]:
    """Make the contexts of a segment of a recorded motion, by pushing its frames one by one.

    Parameters
    ----------
    motion : Motion
        Of the whole video, or of its part up to some moment.
    frame_start, frame_end : int
        First frame of the segment and the one after its last; frames that `motion` does not
        have are left out.
    facts : SegmentFacts
        What is known before.
    """
    stream = ContextStream(facts, without_frames(motion), frame_start)
    pushed = map(stream.push, frames_of(motion, frame_start, min(frame_end, len(motion.time_s))))
    return [context for context in pushed if context is not None]


def due_frames(time_s: Sequence[float]) -> list[int]:
    """Find which of a segment's frames have a row, given all their times in seconds."""
    ticks = _Ticks()
    return [i for i, at in enumerate(time_s) if ticks.is_due(ticks.clip_s(at))]


class _Ticks:
    """The quarters of a second since the first frame, one row each at most."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._next = 0

    def clip_s(self, time_s: float) -> float:
        if self._first_s is None:
            self._first_s = time_s
        return time_s - self._first_s

    def is_due(self, clip_s: float) -> bool:
        tick = math.floor((clip_s + _CLOCK_S) * RATE_HZ)
        if tick < self._next:
            return False
        self._next = tick + 1
        return True
