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
from qevd_bio.motion.record import BoolArray, FloatArray, Motion
from qevd_bio.motion.smoothing import smooth_pose
from qevd_bio.skeleton.dofs import DOF_INDEX, joint_dofs, mirror_q
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_sigmas, measure_values

RANGE_SHARE = 0.2
"""A repetition moves the representative measure by this share of the reference's range."""

PRONE_LEAN_DEG = 30.0
"""A trunk nearer to vertical than this is not prone, however coarse the view."""

POSTURE_SAMPLES = 21
"""Frames of a cycle, evenly spread, whose lean is looked at."""


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

    reference = build_reference(rule)
    found = _detected(part, rule, reference, sides, skeleton)
    kept = _in_posture(found, part, rule, skeleton)
    if not kept:
        cause = f"not in {rule.posture} posture" if found else f"no {rule.kind} movement found"
        return SegmentCycles((), cause)
    scored = _scored(kept, part, rule, reference)
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
    part = _part(motion, first, max(cycle.end for cycle in cycles) + 1)
    checks = [
        _Check(constraint, side, local, _checked_frame(constraint, rule, local, part.time_s))
        for local in (_moved(cycle, -first) for cycle in cycles)
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
            _evidence(check, values, part, sigmas.get((check.name, check.frame))),
            side=check.side,
            frame=check.frame + first,
            frame_s=float(part.time_s[check.frame]),
            guard=guard,
        )
        found[check.cycle.start + first].append(finding)
    return [found[cycle.start] for cycle in cycles]


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
    part: Motion,
    rule: Rule,
    reference: FloatArray,
    sides: Sequence[str | None],
    skeleton: Skeleton,
) -> list[Cycle]:
    curves = _representative(part.q, rule, sides, skeleton, part.gravity)
    joined = curves.mean(axis=0) if rule.representative.side == "mean" else curves.max(axis=0)
    shortest_s, longest_s = rule.tempo.shortest_s, rule.tempo.longest_s
    if rule.kind == "hold":
        still = HoldSettings(shortest_s=shortest_s, longest_s=longest_s)
        return detect_holds(joined, part.time_s, part.valid, settings=still)
    model = _representative(reference, rule, sides, skeleton, WORLD_GRAVITY)
    least = max(PROMINENCE_RAD, RANGE_SHARE * float(np.ptp(model, axis=1).max()))
    settings = CycleSettings(shortest_s=shortest_s, longest_s=longest_s, prominence_rad=least)
    if rule.kind == "alternating":
        return detect_alternating(curves[0], curves[1], part.time_s, part.valid, settings=settings)
    return detect_cycles(joined, part.time_s, part.valid, settings=settings)


def _in_posture(
    cycles: Sequence[Cycle], part: Motion, rule: Rule, skeleton: Skeleton
) -> list[Cycle]:
    """Leave out what happens on the way to the floor; an unknown lean rejects nothing."""
    if rule.posture != "prone" or not cycles or _unobserved("trunk_forward_lean", part):
        return list(cycles)
    frames = [
        np.linspace(cycle.start, cycle.end, POSTURE_SAMPLES).astype(np.int64) for cycle in cycles
    ]
    rows = np.concatenate(frames)
    measured = measure_values(("trunk_forward_lean",), part.q[rows], skeleton, part.gravity)
    lean = np.where(part.valid[rows], np.abs(measured["trunk_forward_lean"]), np.nan)
    kept = []
    for cycle, leans in zip(cycles, lean.reshape(len(cycles), -1), strict=True):
        known = leans[np.isfinite(leans)]
        if len(known) == 0 or float(np.median(known)) >= PRONE_LEAN_DEG:
            kept.append(cycle)
    return kept


def _scored(
    cycles: Sequence[Cycle], part: Motion, rule: Rule, reference: FloatArray
) -> list[ScoredCycle]:
    joints = [joint for joint in rule.dynamic_joints if joint != "pelvis"]
    salient = [dof for joint in joints for dof in joint_dofs(joint) if part.observed[dof]]
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
        return _full_name(self.constraint.measure, self.side)

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
    start = np.searchsorted(time_s, window_s[0], side="left")
    return int(start), int(np.searchsorted(time_s, window_s[1], side="right"))


def _evidence(
    check: _Check, values: dict[str, FloatArray], part: Motion, sigma: float | None
) -> Evidence:
    constraint, frames = check.constraint, check.frames
    time_s = part.time_s[frames]
    if constraint.check == "tempo":
        step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
        return Evidence(check.cycle.end_s - check.cycle.start_s, step_s, "measured", "")
    missing = _unobserved(check.name, part)
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
