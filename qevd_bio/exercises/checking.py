"""The constraints of a rule, checked on cycles.

T frames, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.exercises.contradictions import SIDES
from qevd_bio.exercises.motion_parts import full_name, moved, part_of, unobserved
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.alignment import phase_of_time
from qevd_bio.motion.constraints import (
    GUARD_SIGMAS,
    Constraint,
    Evidence,
    Finding,
    judge,
    key_window_s,
    spread_over,
    unmeasurable,
    value_at,
)
from qevd_bio.motion.cycles import Cycle
from qevd_bio.motion.medians import median
from qevd_bio.motion.record import BoolArray, FloatArray, Motion
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import measure_sigmas, measure_values


def cycle_findings(
    motion: Motion,
    rule: Rule,
    cycle: Cycle,
    skeleton: Skeleton,
    guard: float = GUARD_SIGMAS,
) -> list[Finding]:
    """Check all constraints of a rule on one cycle.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    rule : Rule
        Of the cycle's exercise.
    cycle : Cycle
        In frames of the video.
    skeleton : Skeleton
        Body for the measures.
    guard : float
        Guard band in sigmas.

    Returns
    -------
    list of Finding
        One per constraint and side, in the rule's order; those that could not be measured say
        why and are never violated.
    """
    return segment_findings(motion, rule, [cycle], skeleton, guard)[0]


def segment_findings(
    motion: Motion,
    rule: Rule,
    cycles: Sequence[Cycle],
    skeleton: Skeleton,
    guard: float = GUARD_SIGMAS,
) -> list[list[Finding]]:
    """Check all constraints of a rule on all cycles of a segment, in one pass over its poses.

    Parameters
    ----------
    motion, rule, skeleton, guard
        As in `cycle_findings`.
    cycles : sequence of Cycle
        In frames of the video, in time order.

    Returns
    -------
    list of list of Finding
        For each cycle what `cycle_findings` gives.
    """
    if not cycles:
        return []
    first = min(cycle.start for cycle in cycles)
    part = part_of(motion, first, max(cycle.end for cycle in cycles) + 1)
    checks = [
        _Check(constraint, side, local, _checked_frame(constraint, rule, local, part.time_s))
        for local in (moved(cycle, -first) for cycle in cycles)
        for constraint in rule.constraints
        for side in _constraint_sides(constraint, local)
    ]
    values = _checked_values(checks, part, skeleton)
    known = [
        check
        for check in checks
        if check.constraint.check != "tempo" and np.isfinite(part.q[check.frame]).all()
    ]
    noise = measure_sigmas(
        [(check.name, check.frame) for check in known],
        part.q,
        part.sigma_rad,
        skeleton,
        part.gravity,
    )
    sigmas = {(c.name, c.frame): float(s) for c, s in zip(known, noise, strict=True)}
    found: dict[int, list[Finding]] = {cycle.start: [] for cycle in cycles}
    for check in checks:
        finding = judge(
            check.constraint,
            _evidence(check, rule, values, part, sigmas.get((check.name, check.frame))),
            side=check.side,
            frame=check.frame + first,
            frame_s=float(part.time_s[check.frame]),
            guard=guard,
        )
        found[check.cycle.start + first].append(finding)
    return [found[cycle.start] for cycle in cycles]


def _constraint_sides(constraint: Constraint, cycle: Cycle) -> tuple[str | None, ...]:
    if constraint.side == "none":
        return (None,)
    if constraint.side == "both":
        return SIDES
    if constraint.side in SIDES:
        return (constraint.side,)
    if cycle.side is None:
        return ()
    other = "l" if cycle.side == "r" else "r"
    return (cycle.side if constraint.side == "lead" else other,)


@dataclass(frozen=True, slots=True)
class _Check:
    """One constraint on one side of one cycle, and the frame it is checked at."""

    constraint: Constraint
    side: str | None
    cycle: Cycle
    frame: int

    @property
    def name(self) -> str:
        """Name of the measure in the catalogue."""
        return full_name(self.constraint.measure, self.side)

    @property
    def frames(self) -> slice:
        """Frames of the cycle."""
        return slice(self.cycle.start, self.cycle.end + 1)

    def window_s(self, time_s: FloatArray) -> tuple[float, float]:
        """Give the time within which the value of a phase is taken."""
        if self.cycle.kind == "hold":
            return self.cycle.start_s, self.cycle.end_s
        return key_window_s(float(time_s[self.frame]), self.cycle)


def _checked_frame(constraint: Constraint, rule: Rule, cycle: Cycle, time_s: FloatArray) -> int:
    """Find the frame of the constraint's phase, or the key frame where it has none."""
    if constraint.check != "dynamic" or rule.kind == "hold":
        return cycle.key
    inside = time_s[cycle.start : cycle.end + 1]
    phases = phase_of_time(inside, cycle.start_s, cycle.key_s, cycle.end_s, rule.key_phase.at)
    return cycle.start + int(np.argmin(np.abs(phases - rule.phase(constraint.phase).at)))


def _is_cut_off(check: _Check, rule: Rule) -> bool:
    """Say whether a check needs the end of the cycle that is not seen."""
    cut, kind = check.cycle.cut, check.constraint.check
    if cut is None or kind == "static":
        return False
    at = None if kind == "tempo" else rule.phase(check.constraint.phase).at
    return kind == "tempo" or at == {"start": 0.0, "end": 1.0}[cut]


def _checked_values(
    checks: Sequence[_Check], part: Motion, skeleton: Skeleton
) -> dict[str, FloatArray]:
    """Compute each measure on the frames that a check reads; NaN elsewhere."""
    read: dict[str, BoolArray] = {}
    for check in checks:
        if check.constraint.check == "tempo":
            continue
        frames = read.setdefault(check.name, np.zeros(len(part.time_s), dtype=np.bool_))
        if check.constraint.check == "static":
            frames[check.frames] = True
        else:
            frames[slice(*_inside(part.time_s, check.window_s(part.time_s)))] = True
    values = {name: np.full(len(part.time_s), np.nan) for name in read}
    patterns = {frames.tobytes(): frames for frames in read.values()}
    for key, frames in patterns.items():
        names = [name for name, pattern in read.items() if pattern.tobytes() == key]
        computed = measure_values(names, part.q[frames], skeleton, part.gravity)
        for name in names:
            values[name][frames] = computed[name]
    return values


def _inside(time_s: FloatArray, window_s: tuple[float, float]) -> tuple[int, int]:
    start, stop = time_s.searchsorted(window_s[0]), time_s.searchsorted(window_s[1], "right")
    return int(start), int(stop)


def _evidence(
    check: _Check,
    rule: Rule,
    values: dict[str, FloatArray],
    part: Motion,
    sigma: float | None,
) -> Evidence:
    constraint, frames = check.constraint, check.frames
    if _is_cut_off(check, rule):
        return unmeasurable(f"the {check.cycle.cut} of this repetition is not seen")
    time_s = part.time_s[frames]
    if constraint.check == "tempo":
        step_s = median(np.diff(time_s)) if len(time_s) > 1 else 0.0
        return Evidence(check.cycle.end_s - check.cycle.start_s, step_s, "measured", "")
    missing = unobserved(check.name, part)
    if missing:
        return unmeasurable(f"{part.backend} does not observe {', '.join(missing)}")
    if sigma is None:
        return unmeasurable("the pose at the key frame is not a number")
    curve, valid, confidence = values[check.name], part.valid, part.confidence
    if constraint.check == "static":
        return spread_over(
            curve[frames], time_s, valid[frames], confidence[frames], sigma, constraint.target_high
        )
    from_s, to_s = check.window_s(part.time_s)
    near = slice(*_inside(time_s, (from_s, to_s)))
    return value_at(
        curve[frames][near],
        time_s[near],
        valid[frames][near],
        confidence[frames][near],
        sigma,
        from_s=from_s,
        to_s=to_s,
    )
