"""The most recent cycle of a segment at one moment, found and checked by what is known by then."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import ScoredCycle, find_cycles, scored_cycles
from qevd_bio.exercises.motion_parts import moved, part_of
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.skeleton.kinematics import Skeleton

PAUSE_S = CycleSettings().pause_s
"""A hold that ended less than this ago may go on; a repetition, less than half of this."""


@dataclass(frozen=True, slots=True)
class LastCycle:
    """The most recent cycle of a segment at one moment.

    Attributes
    ----------
    number : int
        Of the cycle among those known by then, from 0; -1 without one.
    scored : ScoredCycle or None
        In frames of the video. While it may go on, cut is ``end`` and its last frame is the
        last one so far.
    findings : tuple of Finding
        All constraints checked on it, in the rule's order.
    reason : str
        Why there is none; empty when there is one.
    """

    number: int
    scored: ScoredCycle | None
    findings: tuple[Finding, ...]
    reason: str


def goes_on(cycle: Cycle, now_s: float) -> bool:
    """Return whether a cycle may go on after a moment, from what is seen up to it."""
    pause_s = PAUSE_S if cycle.kind == "hold" else PAUSE_S / 2
    return now_s - cycle.end_s < pause_s


def cycle_until(
    motion: Motion, rule: Rule, frame_start: int, frame: int, skeleton: Skeleton
) -> LastCycle:
    """Find and check the most recent cycle of a segment at one frame.

    Parameters
    ----------
    motion : Motion
        Of the whole video; its frames after `frame` are not read.
    rule : Rule
        Of the segment's exercise.
    frame_start, frame : int
        First frame of the segment, and the newest frame that counts.
    skeleton : Skeleton
        Body for the measures.

    Returns
    -------
    LastCycle
        The last one that a search of these frames finds. Of a hold that goes on, the part so
        far. A repetition counts when most of its way back is gone, as at the end of a recording.

    Raises
    ------
    ValueError
        The frames are no stretch of the motion.
    """
    if not 0 <= frame_start <= frame < len(motion.time_s):
        raise ValueError(f"frames {frame_start} to {frame} of {len(motion.time_s)}")
    part, reference = part_of(motion, frame_start, frame + 1), build_reference(rule)
    found, reason = find_cycles(part, rule, reference, skeleton)
    if not found:
        return LastCycle(-1, None, (), reason)
    last = found[-1]
    if last.cut is None and goes_on(last, float(part.time_s[-1])):
        last = last.going_on()
    (scored,) = scored_cycles([last], part, rule, reference)
    # the half before is needed for symmetry
    findings = segment_findings(part, rule, [*found[-2:-1], last], skeleton)[-1]
    return LastCycle(
        number=len(found) - 1,
        scored=replace(scored, cycle=moved(last, frame_start)),
        findings=tuple(replace(one, key_frame=one.key_frame + frame_start) for one in findings),
        reason="",
    )
