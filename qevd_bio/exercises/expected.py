"""What capture is told of an exercise, from its rule."""

from __future__ import annotations

from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.exercises.rule import Rule


def expected_exercise(rule: Rule, frame_start: int, frame_end: int) -> ExpectedExercise:
    """State what somebody does in some frames who performs a rule's exercise."""
    return ExpectedExercise(
        frame_start=frame_start,
        frame_end=frame_end,
        kind=rule.kind,
        posture=rule.posture,
        measure=rule.representative.measure,
        shortest_s=rule.tempo.shortest_s,
        longest_s=rule.tempo.longest_s,
    )
