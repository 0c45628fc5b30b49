"""The cycles of a segment as they complete, each checked by what is known by then.

T frames
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.exercises.check_cycles import READ_BEFORE_S, segment_findings
from qevd_bio.exercises.cycle_search import find_cycles
from qevd_bio.exercises.cycle_until import PAUSE_S, goes_on
from qevd_bio.exercises.motion_parts import moved, part_of
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.rule_curve import RuleCurve
from qevd_bio.exercises.salience import Salience, on_salient_joints
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.growing_motion import GrowingMotion, MotionFrame
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.motion.streaming import newly_complete
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.kinematics import Skeleton

MEMORY_S = 120.0
"""Length of the searched past: nearly every segment from its start on."""

SEARCH_S = 0.5
"""Least time between two searches for a repetition."""

HOLD_SEARCH_S = 1.0
"""Time between two searches for a hold."""

HOLD_AGAIN_S = 3.0
"""A hold that goes on is checked again after this time."""


@dataclass(frozen=True, slots=True)
class CheckedCycle:
    """A cycle with its findings, as known at one moment.

    Attributes
    ----------
    cycle : Cycle
        In frames of the video. Of a hold that goes on, the part so far; cut is then ``end``.
    number : int
        From 1; a hold keeps its number while it goes on.
    findings : tuple of Finding
        In the rule's order.
    is_unsure : bool
        Whether the capture is unsure of most of its frames.
    """

    cycle: Cycle
    number: int
    findings: tuple[Finding, ...]
    is_unsure: bool


class CyclesSoFar:
    """Find and check the cycles of one segment while its frames arrive.

    Parameters
    ----------
    rule : Rule
        Of the exercise.
    salience : Salience or None
        Joints to judge; None: all that the rule checks. May be replaced when others are known.
    constants : Motion
        What holds for the whole video, from `without_frames`.
    first : int
        Number of the segment's first frame.

    Notes
    -----
    The functions that analyse a whole segment are applied to its last `MEMORY_S`, so nothing
    depends on frames that come later. Cycles are provisional: what is typical of the set is known
    only when it is over. A cycle gets its number among those that the newest search finds, so
    getting ready that was taken for a first repetition is forgotten once the set is known; the
    count itself never falls. `finish` gives the cycles of the whole segment.
    """

    def __init__(
        self, rule: Rule, salience: Salience | None, constants: Motion, first: int = 0
    ) -> None:
        self._rule, self.salience = rule, salience
        self._skeleton: Skeleton = scaled_skeleton(constants.segment_lengths_m)
        self._reference = build_reference(rule)
        self._motion = GrowingMotion(constants, first)
        self._curve = RuleCurve(rule, self._reference, constants, self._skeleton)
        self._first = self._looked = first
        self._searched_s = self._reported_s = self._pending_s = -np.inf
        self._number = self._forgotten = 0
        self._gone_to = -1
        self._found_last: list[Cycle] = []
        self._before: Cycle | None = None
        self._hold_goes_on = False

    @property
    def count(self) -> int:
        """Number of cycles so far; halves of an alternating movement count one by one."""
        return self._number

    def add(self, frame: MotionFrame) -> None:
        """Add a frame; ValueError where its time does not follow the frame before."""
        self._motion.add(frame)

    def phase(self) -> str | None:
        """Name the phase at the last `look`, as `RuleCurve.phase`; of a hold while it goes on."""
        if self._rule.kind == "hold":
            return self._rule.key_phase.name if self._hold_goes_on else None
        return self._curve.phase()

    def look(self) -> list[CheckedCycle]:
        """Return what has become known since the last look, in time order."""
        if self._motion.stop == self._looked or not self._curve.is_observed:
            return []
        self._curve.extend(self._motion.part(self._looked), MEMORY_S)
        self._looked = self._motion.stop
        now_s = self._motion.time_s(self._motion.stop - 1)
        self._motion.forget_before(self._motion.first_since(now_s - MEMORY_S))
        if self._rule.kind == "hold":
            return self._look_for_hold(now_s)
        if now_s - self._searched_s < SEARCH_S or not self._may_have_ended(now_s):
            return []
        self._searched_s = now_s
        found = self._found()
        new = []
        for cycle in newly_complete(found, self._reported_s, now_s - PAUSE_S):
            self._number = max(self._number, self._forgotten + found.index(cycle))
            new.append(self._reported(cycle))
        ends_s = [cycle.end_s for cycle in found if cycle.key_s > self._reported_s]
        self._pending_s = min(ends_s, default=np.inf)
        return new

    def finish(self) -> list[Cycle]:
        """Return all cycles of the segment, equal to those of `segment_cycles`.

        Of a segment longer than `MEMORY_S`, those of its last part.
        """
        return self._found() if self._motion.stop > self._motion.first else []

    def whole_count(self) -> int:
        """Count the cycles of the whole segment: those of `finish` and those before its memory."""
        found = len(self.finish())
        return max(found, self._number) if self._rule.kind == "hold" else self._forgotten + found

    def _may_have_ended(self, now_s: float) -> bool:
        """Whether a cycle is waiting for its pause, or the measure has moved since the search."""
        is_waiting = now_s >= self._pending_s + PAUSE_S
        return is_waiting or self._curve.moved_since(self._searched_s)

    def _look_for_hold(self, now_s: float) -> list[CheckedCycle]:
        """Check a hold when it is found, again while it goes on, and when it is over."""
        every_s = HOLD_AGAIN_S if self._hold_goes_on else HOLD_SEARCH_S
        if now_s - self._searched_s < every_s:
            return []
        self._searched_s = now_s
        holds = self._found()
        was_on, self._hold_goes_on = self._hold_goes_on, False
        if not holds:
            return []
        hold = holds[-1]
        is_same = self._before is not None and hold.start <= self._before.end
        self._hold_goes_on = goes_on(hold, now_s)
        if is_same and not was_on and not self._hold_goes_on:
            return []
        if self._hold_goes_on:
            hold = hold.going_on()
        elif self._begins_before_memory(hold):
            hold = replace(hold, cut="start")
        self._number -= is_same
        return [self._reported(hold)]

    def _begins_before_memory(self, hold: Cycle) -> bool:
        oldest = self._motion.first
        return oldest > self._first and hold.start_s - self._motion.time_s(oldest) < PAUSE_S

    def _found(self) -> list[Cycle]:
        first = self._motion.first
        part = part_of(self._motion.part(first), 0, self._motion.stop - first)
        cycles, _ = find_cycles(part, self._rule, self._reference, self._skeleton)
        found = [moved(cycle, first) for cycle in cycles]
        if self._rule.kind != "hold":
            gone = [cycle for cycle in self._found_last if cycle.start < first]
            self._forgotten += len(gone)
            self._gone_to = max([self._gone_to, *(cycle.end for cycle in gone)])
            # what is left of a forgotten cycle is found again at the edge of the memory
            found = [cycle for cycle in found if cycle.key > self._gone_to]
        self._found_last = found
        return found

    def _reported(self, cycle: Cycle) -> CheckedCycle:
        """Check a cycle that is reported now; the half before it is needed for symmetry."""
        own = [cycle]
        if self._before is not None and self._motion.first <= self._before.start < cycle.start:
            own = [self._before, cycle]
        starts_s = self._motion.time_s(min(one.start for one in own))
        first = self._motion.first_since(starts_s - READ_BEFORE_S)
        part = self._motion.part(first)
        found = segment_findings(
            part, self._rule, [moved(one, -first) for one in own], self._skeleton
        )[-1]
        if self.salience is not None:
            found = on_salient_joints(found, self.salience)
        frames = slice(cycle.start - first, cycle.end + 1 - first)
        unsure = ~part.valid[frames] | (part.confidence[frames] < LEAST_CONFIDENCE)
        self._number += 1
        self._before, self._reported_s = cycle, cycle.end_s
        if cycle.kind != "hold":
            self._curve.learn(cycle)
        findings = tuple(replace(one, key_frame=one.key_frame + first) for one in found)
        return CheckedCycle(cycle, self._number, findings, bool(unsure.mean() > 0.5))
