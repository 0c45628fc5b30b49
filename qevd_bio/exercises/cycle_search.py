"""The cycles of an exercise segment, found and scored by its rule.

T frames, D = 46 DoF, P phase points
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.exercises.motion_parts import full_name, moved, part_of, unobserved
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference, leading_side
from qevd_bio.exercises.rule import SIDES, Rule
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.cycle_score import CycleScore, cycle_scores, moving_curves
from qevd_bio.motion.phase import phase_of_time, resample_cycle
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import PROMINENCE_RAD, Cycle, CycleSettings
from qevd_bio.motion.repetitions.detection import detect_alternating, detect_cycles
from qevd_bio.motion.repetitions.holds import HoldSettings, detect_holds
from qevd_bio.motion.smoothing import gaussian_smooth, smooth_pose
from qevd_bio.skeleton.dofs import joint_dofs, mirror_q
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import measure_values

RANGE_SHARE = 0.2
"""A repetition moves the representative measure by this share of the reference's range."""

HOLD_SHARE = 0.5
"""A hold reaches at least this share of the reference's representative measure: a limb that hangs
still is held, too, but is no stretch."""

PRONE_LEAN_DEG = 30.0
"""A trunk nearer to vertical than this is not prone, however coarse the view."""

POSTURE_SIGMA_S = 0.2
"""Smoothing of the lean, so that noise about the bound ends no hold."""

JUST_AFTER_S = 1 / 3
"""A sentence may come this long before the end of its cycle: the extreme is past by then."""


@dataclass(frozen=True, slots=True)
class ScoredCycle:
    """A cycle with its score against the reference; None where no salient DoF is measured."""

    cycle: Cycle
    score: CycleScore | None


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
        Frames count from the first of the video. Without a cycle, `reason` gives the cause.

    Raises
    ------
    ValueError
        The frames are no stretch of the motion.
    """
    if not 0 <= frame_start < frame_end <= len(motion.time_s):
        raise ValueError(f"frames {frame_start} to {frame_end} of {len(motion.time_s)}")
    part = part_of(motion, frame_start, frame_end)
    measure = rule.representative.measure
    sides = [s for s in _representative_sides(rule) if not unobserved(full_name(measure, s), part)]
    if not sides or (rule.kind == "alternating" and len(sides) < 2):
        return SegmentCycles((), f"{measure} is not observed by {motion.backend}")
    if not part.valid.any():
        return SegmentCycles((), "nobody is seen in this segment")

    reference = build_reference(rule)
    posed = _in_posture(part, rule, skeleton)
    found = _detected(part, rule, reference, sides, skeleton, posed)
    kept = [c for c in found if np.mean(posed[c.start : c.end + 1]) >= 0.5]
    if not kept:
        elsewhere = found or not posed.any()
        cause = f"not in {rule.posture} posture" if elsewhere else f"no {rule.kind} movement found"
        return SegmentCycles((), cause)
    scored = _scored(kept, part, rule, reference)
    shifted = (replace(item, cycle=moved(item.cycle, frame_start)) for item in scored)
    return SegmentCycles(tuple(shifted), "")


def choose_cycle(cycles: Sequence[ScoredCycle], time_s: float) -> ScoredCycle | None:
    """Choose the cycle of its segment that a sentence at some time is about.

    The most recently completed one, or one whose extreme is past and whose end is at most
    `JUST_AFTER_S` away; a hold that continues then counts as completed just then. The better score
    breaks ties. None before the first.
    """
    ended = [
        item
        for item in cycles
        if item.cycle.end_s <= time_s
        or (item.cycle.key_s <= time_s and item.cycle.end_s <= time_s + JUST_AFTER_S)
        or (item.cycle.kind == "hold" and item.cycle.start_s < time_s)
    ]

    def recency(item: ScoredCycle) -> tuple[float, float]:
        score = item.score.total if item.score is not None else -1.0
        return min(item.cycle.end_s, time_s), score

    return max(ended, key=recency, default=None)


def _representative_sides(rule: Rule) -> tuple[str | None, ...]:
    side = rule.representative.side
    if side == "none":
        return (None,)
    return SIDES if side in ("mean", "max") else (side,)


def _representative(
    q: FloatArray, rule: Rule, sides: Sequence[str | None], skeleton: Skeleton, gravity: FloatArray
) -> FloatArray:
    """Compute the representative measure (sides, T) in rad, its extreme turned upwards."""
    names = [full_name(rule.representative.measure, side) for side in sides]
    values = measure_values(names, q, skeleton, gravity)
    sign = 1.0 if rule.representative.extreme == "max" else -1.0
    return sign * np.deg2rad(np.stack([values[name] for name in names]))


def _detected(
    part: Motion,
    rule: Rule,
    reference: FloatArray,
    sides: Sequence[str | None],
    skeleton: Skeleton,
    posed: BoolArray,
) -> list[Cycle]:
    curves = _representative(part.q, rule, sides, skeleton, part.gravity)
    mean = rule.representative.side == "mean"
    joined = curves.mean(axis=0) if mean else np.fmax.reduce(curves, axis=0)
    shortest_s, longest_s = rule.tempo.shortest_s, rule.tempo.longest_s
    model = _representative(reference, rule, sides, skeleton, WORLD_GRAVITY)
    if rule.kind == "hold":
        still = HoldSettings(shortest_s=shortest_s, longest_s=longest_s)
        holds = detect_holds(joined, part.time_s, part.valid & posed, settings=still)
        return _in_the_pose(holds, curves, HOLD_SHARE * float(np.nanmax(model)))
    angles = unwrap_angles(part.q[:, _observed_dofs(rule.dynamic_joints, part)], part.valid)
    least = max(PROMINENCE_RAD, RANGE_SHARE * float(np.ptp(model, axis=1).max()))
    settings = CycleSettings(shortest_s=shortest_s, longest_s=longest_s, prominence_rad=least)
    if rule.kind == "alternating":
        right, left = curves
        return detect_alternating(
            right, left, part.time_s, part.valid, settings=settings, angles=angles
        )
    return detect_cycles(joined, part.time_s, part.valid, settings=settings, angles=angles)


def _observed_dofs(joints: Sequence[str], part: Motion) -> list[int]:
    """List the observed DoFs of joints; the pelvis only turns the body in the camera frame."""
    inner = (joint for joint in joints if joint != "pelvis")
    return [dof for joint in inner for dof in joint_dofs(joint) if part.observed[dof]]


def _in_the_pose(holds: Sequence[Cycle], curves: FloatArray, least_rad: float) -> list[Cycle]:
    """Keep the holds with a high enough measure; name the side where both were compared."""
    kept = []
    for hold in holds:
        here = curves[:, hold.start : hold.end + 1]
        known = np.isfinite(here).any(axis=1)
        levels = [
            float(np.nanmedian(row)) if is_known else -np.inf
            for row, is_known in zip(here, known, strict=True)
        ]
        if max(levels) >= least_rad:
            side = SIDES[int(np.argmax(levels))] if len(levels) > 1 else None
            kept.append(replace(hold, side=side))
    return kept


def _in_posture(part: Motion, rule: Rule, skeleton: Skeleton) -> BoolArray:
    """Mark the frames (T,) in the rule's posture; an unknown lean rejects nothing.

    A standing body is as straight as a plank, and the way down to the floor looks like a
    repetition.
    """
    if rule.posture != "prone" or unobserved("trunk_forward_lean", part):
        return np.ones(len(part.time_s), dtype=np.bool_)
    leans = measure_values(("trunk_forward_lean",), part.q, skeleton, part.gravity)
    lean = np.abs(leans["trunk_forward_lean"])
    smooth = gaussian_smooth(lean, part.time_s, part.valid, POSTURE_SIGMA_S)
    return ~(smooth < PRONE_LEAN_DEG)


def _scored(
    cycles: Sequence[Cycle], part: Motion, rule: Rule, reference: FloatArray
) -> list[ScoredCycle]:
    moving = moving_curves(reference) | moving_curves(mirror_q(reference))
    joints = [
        joint
        for joint in rule.dynamic_joints
        if joint != "pelvis" and moving[list(joint_dofs(joint))].any()
    ]
    salient = _observed_dofs(joints, part)
    shown_side = leading_side(rule, reference)
    smooth = smooth_pose(part.q, part.time_s, part.valid, joints)
    as_shown, mirrored = smooth[:, salient], mirror_q(smooth)[:, salient]
    curves = []
    for cycle in cycles:
        frames = slice(cycle.start, cycle.end + 1)
        phase = phase_of_time(
            part.time_s[frames], cycle.start_s, cycle.key_s, cycle.end_s, rule.key_phase.at
        )
        same_side = cycle.side is None or cycle.side == shown_side
        angles = as_shown if same_side else mirrored
        curves.append(resample_cycle(angles[frames], phase, rule.points))
    scores = cycle_scores(np.stack(curves), reference[:, salient], salient)
    return [ScoredCycle(*pair) for pair in zip(cycles, scores, strict=True)]
