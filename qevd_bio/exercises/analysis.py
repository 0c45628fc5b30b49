"""Rules applied to motion: the cycles of a segment and the findings of a cycle.

T frames, D = 46 DoF, P phase points
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.exercises.contradictions import SIDES
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference, leading_side
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.alignment import Quality, cycle_quality, phase_of_time, resample_cycle
from qevd_bio.motion.angles import unwrap_angles
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
from qevd_bio.motion.cycles import (
    PROMINENCE_RAD,
    Cycle,
    CycleSettings,
    detect_alternating,
    detect_cycles,
)
from qevd_bio.motion.holds import HoldSettings, detect_holds
from qevd_bio.motion.record import FloatArray, Motion
from qevd_bio.motion.smoothing import smooth_pose
from qevd_bio.skeleton.dofs import DOF_INDEX, joint_dofs, mirror_q
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_sigma, measure_values

RANGE_SHARE = 0.2
"""A repetition moves the representative measure by this share of the reference's range."""

HOLD_SHARE = 0.5
"""A hold shows at least this share of the reference's representative measure: a limb that hangs
still is held, too, but is no stretch."""

PRONE_LEAN_DEG = 30.0
"""A trunk nearer to vertical than this is not prone, however coarse the view."""


@dataclass(frozen=True, slots=True)
class ScoredCycle:
    """A cycle with its likeness to the reference; None where no salient DoF is measured."""

    cycle: Cycle
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class SegmentCycles:
    """Cycles of one segment in time order, and why there are none."""

    cycles: tuple[ScoredCycle, ...]
    reason: str


def segment_cycles(
    motion: Motion, rule: Rule, frame_start: int, frame_end: int, skeleton: Skeleton
) -> SegmentCycles:
    """Find and score the cycles of one exercise segment.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    rule : Rule
        Of the segment's exercise.
    frame_start, frame_end : int
        First frame of the segment and the one after its last.
    skeleton : Skeleton
        Body for the measures.

    Returns
    -------
    SegmentCycles
        Frames count from the first of the video. Without a cycle, `reason` says why.

    Raises
    ------
    ValueError
        The frames are no stretch of the motion.
    """
    if not 0 <= frame_start < frame_end <= len(motion.time_s):
        raise ValueError(f"frames {frame_start} to {frame_end} of {len(motion.time_s)}")
    part = _part(motion, frame_start, frame_end)
    sides = [side for side in _representative_sides(rule) if _observes(part, rule, side)]
    if not sides or (rule.kind == "alternating" and len(sides) < 2):
        measure = rule.representative.measure
        return SegmentCycles((), f"{measure} is not observed by {motion.backend}")
    if not part.valid.any():
        return SegmentCycles((), "nobody is seen in this segment")

    found = _detected(part, rule, sides, skeleton)
    kept = [cycle for cycle in found if _in_posture(cycle, part, rule, skeleton)]
    if not kept:
        cause = f"not in {rule.posture} posture" if found else f"no {rule.kind} movement found"
        return SegmentCycles((), cause)
    scored = _scored(kept, part, rule)
    return SegmentCycles(tuple(_shifted(item, frame_start) for item in scored), "")


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
    part = _part(motion, cycle.start, cycle.end + 1)
    local = _moved(cycle, -cycle.start)
    sided = [(c, side) for c in rule.constraints for side in _constraint_sides(c, cycle)]
    names = {_full_name(c.measure, side) for c, side in sided if c.check != "tempo"}
    values = measure_values(sorted(names), part.q, skeleton, motion.gravity)
    findings = []
    for constraint, side in sided:
        frame = _checked_frame(constraint, rule, local, part.time_s)
        evidence = _evidence(constraint, side, values, part, local, frame, skeleton)
        found = judge(
            constraint,
            evidence,
            side=side,
            frame=frame + cycle.start,
            frame_s=float(part.time_s[frame]),
            guard=guard,
        )
        findings.append(found)
    return findings


def choose_cycle(cycles: Sequence[ScoredCycle], time_s: float) -> ScoredCycle | None:
    """Choose the cycle that a sentence at some time speaks about.

    Parameters
    ----------
    cycles : sequence of ScoredCycle
        Of the sentence's segment.
    time_s : float
        When the sentence is said.

    Returns
    -------
    ScoredCycle or None
        The most recently completed one; a hold going on at that time counts as completed just
        then. The better quality breaks ties. None before the first.
    """
    ended = [
        item
        for item in cycles
        if item.cycle.end_s <= time_s
        or (item.cycle.kind == "hold" and item.cycle.start_s < time_s)
    ]

    def recency(item: ScoredCycle) -> tuple[float, float]:
        score = item.quality.score if item.quality is not None else -1.0
        return min(item.cycle.end_s, time_s), score

    return max(ended, key=recency, default=None)


def _part(motion: Motion, start: int, stop: int) -> Motion:
    """Cut a stretch out and make its angles continuous."""
    valid = motion.valid[start:stop]
    return replace(
        motion,
        q=unwrap_angles(motion.q[start:stop], valid),
        time_s=motion.time_s[start:stop],
        confidence=motion.confidence[start:stop],
        valid=valid,
    )


def _full_name(measure: str, side: str | None) -> str:
    return measure if side is None else f"{measure}_{side}"


def _representative_sides(rule: Rule) -> tuple[str | None, ...]:
    side = rule.representative.side
    if side == "none":
        return (None,)
    return SIDES if side in ("mean", "max") else (side,)


def _observes(motion: Motion, rule: Rule, side: str | None) -> bool:
    return not _unobserved(_full_name(rule.representative.measure, side), motion)


def _unobserved(measure: str, motion: Motion) -> list[str]:
    return [dof for dof in CATALOGUE[measure].needs if not motion.observed[DOF_INDEX[dof]]]


def _representative(
    q: FloatArray, rule: Rule, sides: Sequence[str | None], skeleton: Skeleton, gravity: FloatArray
) -> FloatArray:
    """Compute the representative measure (sides, T) in rad, its extreme turned upwards."""
    names = [_full_name(rule.representative.measure, side) for side in sides]
    values = measure_values(names, q, skeleton, gravity)
    sign = 1.0 if rule.representative.extreme == "max" else -1.0
    return sign * np.deg2rad(np.stack([values[name] for name in names]))


def _detected(
    part: Motion, rule: Rule, sides: Sequence[str | None], skeleton: Skeleton
) -> list[Cycle]:
    curves = _representative(part.q, rule, sides, skeleton, part.gravity)
    mean = rule.representative.side == "mean"
    joined = curves.mean(axis=0) if mean else np.fmax.reduce(curves, axis=0)
    shortest_s, longest_s = rule.tempo.shortest_s, rule.tempo.longest_s
    model = _representative(build_reference(rule), rule, sides, skeleton, WORLD_GRAVITY)
    if rule.kind == "hold":
        still = HoldSettings(shortest_s=shortest_s, longest_s=longest_s)
        holds = detect_holds(joined, part.time_s, part.valid, settings=still)
        return _in_the_pose(holds, curves, HOLD_SHARE * float(np.nanmax(model)))
    least = max(PROMINENCE_RAD, RANGE_SHARE * float(np.ptp(model, axis=1).max()))
    settings = CycleSettings(shortest_s=shortest_s, longest_s=longest_s, prominence_rad=least)
    if rule.kind == "alternating":
        return detect_alternating(curves[0], curves[1], part.time_s, part.valid, settings=settings)
    return detect_cycles(joined, part.time_s, part.valid, settings=settings)


def _in_the_pose(holds: Sequence[Cycle], curves: FloatArray, least_rad: float) -> list[Cycle]:
    """Keep the holds whose measure is high enough; name the side where both were compared."""
    kept = []
    for hold in holds:
        here = curves[:, hold.start : hold.end + 1]
        known = np.isfinite(here).any(axis=1)
        levels = [
            float(np.nanmedian(row)) if seen else -np.inf
            for row, seen in zip(here, known, strict=True)
        ]
        if max(levels) >= least_rad:
            side = SIDES[int(np.argmax(levels))] if len(levels) > 1 else None
            kept.append(replace(hold, side=side))
    return kept


def _in_posture(cycle: Cycle, part: Motion, rule: Rule, skeleton: Skeleton) -> bool:
    """Reject what happens on the way to the floor; an unknown lean rejects nothing."""
    if rule.posture != "prone" or _unobserved("trunk_forward_lean", part):
        return True
    q = part.q[cycle.start : cycle.end + 1][part.valid[cycle.start : cycle.end + 1]]
    lean = measure_values(("trunk_forward_lean",), q, skeleton, part.gravity)["trunk_forward_lean"]
    known = np.abs(lean[np.isfinite(lean)])
    return len(known) == 0 or float(np.median(known)) >= PRONE_LEAN_DEG


def _scored(cycles: Sequence[Cycle], part: Motion, rule: Rule) -> list[ScoredCycle]:
    joints = [joint for joint in rule.dynamic_joints if joint != "pelvis"]
    salient = [dof for joint in joints for dof in joint_dofs(joint) if part.observed[dof]]
    reference = build_reference(rule)
    shown_side = leading_side(rule, reference)
    smooth = smooth_pose(part.q, part.time_s, part.valid, joints)
    scored = []
    for cycle in cycles:
        frames = slice(cycle.start, cycle.end + 1)
        phase = phase_of_time(
            part.time_s[frames], cycle.start_s, cycle.key_s, cycle.end_s, rule.key_phase.at
        )
        curves = resample_cycle(smooth[frames], phase, rule.points)
        if cycle.side is not None and cycle.side != shown_side:
            curves = mirror_q(curves)
        scored.append(ScoredCycle(cycle, cycle_quality(curves, reference, salient)))
    return scored


def _moved(cycle: Cycle, frames: int) -> Cycle:
    return replace(
        cycle, start=cycle.start + frames, key=cycle.key + frames, end=cycle.end + frames
    )


def _shifted(item: ScoredCycle, frames: int) -> ScoredCycle:
    return replace(item, cycle=_moved(item.cycle, frames))


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


def _checked_frame(constraint: Constraint, rule: Rule, cycle: Cycle, time_s: FloatArray) -> int:
    """Find the frame of the constraint's phase, or the key frame where it has none."""
    if constraint.check != "dynamic" or rule.kind == "hold":
        return cycle.key
    phases = phase_of_time(time_s, cycle.start_s, cycle.key_s, cycle.end_s, rule.key_phase.at)
    return int(np.argmin(np.abs(phases - rule.phase(constraint.phase).at)))


def _evidence(
    constraint: Constraint,
    side: str | None,
    values: dict[str, FloatArray],
    part: Motion,
    cycle: Cycle,
    frame: int,
    skeleton: Skeleton,
) -> Evidence:
    if constraint.check == "tempo":
        step_s = float(np.median(np.diff(part.time_s))) if len(part.time_s) > 1 else 0.0
        return Evidence(cycle.end_s - cycle.start_s, step_s, "measured", "")
    name = _full_name(constraint.measure, side)
    missing = _unobserved(name, part)
    if missing:
        return unmeasurable(f"{part.backend} does not observe {', '.join(missing)}")
    if not np.isfinite(part.q[frame]).all():
        return unmeasurable("the pose at the key frame is not a number")
    sigma = measure_sigma(name, part.q[frame], part.sigma_rad, skeleton, part.gravity)
    curve = values[name]
    if constraint.check == "static":
        return spread_over(
            curve, part.time_s, part.valid, part.confidence, sigma, constraint.target_high
        )
    hold = cycle.kind == "hold"
    from_s, to_s = (
        (cycle.start_s, cycle.end_s) if hold else key_window_s(float(part.time_s[frame]), cycle)
    )
    return value_at(
        curve, part.time_s, part.valid, part.confidence, sigma, from_s=from_s, to_s=to_s
    )
