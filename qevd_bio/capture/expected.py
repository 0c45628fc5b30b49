"""What a video is expected to show, where its records name the exercises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpectedExercise:
    """One exercise that somebody is expected to perform in some frames.

    Attributes
    ----------
    frame_start, frame_end : int
        First frame, and the one after the last.
    kind : str
        ``repetitive``, ``alternating`` or ``hold``.
    posture : str
        ``standing``, ``prone`` or ``supine``.
    measure : str
        The measure that shows the repetitions or the hold.
    shortest_s, longest_s : float
        Bounds of a repetition.
    """

    frame_start: int
    frame_end: int
    kind: str
    posture: str
    measure: str
    shortest_s: float
    longest_s: float


def posture_at(expected: Iterable[ExpectedExercise], frame: int) -> str:
    """Return the posture expected in a frame; empty where no exercise is named."""
    named = (one.posture for one in expected if one.frame_start <= frame < one.frame_end)
    return next(named, "")
