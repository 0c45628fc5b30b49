"""The cycles of an exercise segment, found and scored by its rule.

T frames, D = 46 DoF, P phase points
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.exercises.motion_parts import full_name, is_in_view, moved, part_of, unobserved
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference, leading_side
from qevd_bio.exercises.rule import SIDES, Rule
from qevd_bio.exercises.whole_pose import (
    AS_ASKED,
    MOVING_RAD,
    PoseWay,
    leading_curve,
    pose_way,
    posed_side,
)
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.cycle_score import CycleScore, cycle_scores, moving_curves
from qevd_bio.motion.medians import medians_of_known
from qevd_bio.motion.phase import cycle_phases, resample_cycle
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import COUNTED, PROMINENCE_RAD, Cycle, CycleSettings
from qevd_bio.motion.repetitions.detection import detect_alternating, detect_cycles
from qevd_bio.motion.repetitions.holds import HoldSettings, detect_holds
from qevd_bio.motion.repetitions.sets import LEAST_CYCLES
from qevd_bio.motion.smoothing import gaussian_smooth, smooth_pose
from qevd_bio.skeleton.dofs import joint_dofs, mirror_q
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import measure_values

RANGE_SHARE, FAULTY_SHARE = 0.2, 0.5
"""A repetition moves the representative measure by this share of the reference's range; or else
most angles by the second: the one that does not is its fault."""

SHORTEST_S, LONGEST_S = 0.3, 15.0
"""Bounds of a repetition of any exercise: one outside of its rule's tempo is a repetition with a
finding."""

PELVIS = joint_dofs("pelvis")

VERY_SHORT_S, VERY_LONG_S = 0.1, 120.0
"""The same to tell why there are none."""

HOLD_SHARE = 0.5
"""A hold reaches at least this share of the reference's representative measure: a limb that hangs
still is held, too, but is no stretch."""

PRONE_LEAN_DEG = 30.0
"""A trunk nearer to vertical than this is not prone, however coarse the view."""

POSTURE_SIGMA_S = 0.2
"""Smoothing of the lean, so that noise about the bound ends no hold."""


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
    motion: Motion,
    rule: Rule,
    frame_start: int,
    frame_end: int,
    skeleton: Skeleton,
    *,
    counted: str = COUNTED,
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
    counted : str
        Convention for repetitions that the segment cuts, see `CycleSettings`.

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
    part, reference = part_of(motion, frame_start, frame_end), build_reference(rule)
    found, cause = find_cycles(part, rule, reference, skeleton, counted=counted)
    if not found:
        return SegmentCycles((), cause)
    scored = scored_cycles(found, part, rule, reference)
    shifted = (replace(item, cycle=moved(item.cycle, frame_start)) for item in scored)
    return SegmentCycles(tuple(shifted), "")


def find_cycles(
    part: Motion,
    rule: Rule,
    reference: FloatArray,
    skeleton: Skeleton,
    *,
    counted: str = COUNTED,
) -> tuple[list[Cycle], str]:
    """Find the cycles of an exercise in some frames, and say why there are none.

    Parameters
    ----------
    part : Motion
        Frames of one segment, from `qevd_bio.exercises.motion_parts.part_of`.
    rule, skeleton, counted
        As in `segment_cycles`.
    reference : ndarray (P, 46)
        One cycle as the rule asks, from `build_reference`.

    Returns
    -------
    list of Cycle, str
        In time order, frames counted from the first of `part`; empty with a cause.
    """
    sides = observed_sides(part, rule)
    if not sides:
        return [], f"{rule.representative.measure} is not observed by {part.backend}"
    if not part.valid.any():
        return [], "nobody is seen in this segment"
    measure = rule.representative.measure
    in_view = [side for side in sides if is_in_view(full_name(measure, side), part)]
    if in_view and rule.kind != "alternating":
        sides = in_view
    posed = in_posture(part, rule, skeleton)
    found = _detected(part, rule, reference, sides, skeleton, posed, counted)
    kept = [c for c in found if np.mean(posed[c.start : c.end + 1]) >= 0.5]
    if kept and rule.kind != "hold":
        small = _too_small(kept, part, rule, reference, sides, skeleton)
        if small:
            return [], small
    if kept:
        return kept, ""
    if found or not posed.any():
        return [], f"not in {rule.posture} posture"
    return [], _why_none(part, rule, reference, sides, skeleton)


def _too_small(
    cycles: Sequence[Cycle],
    part: Motion,
    rule: Rule,
    reference: FloatArray,
    sides: Sequence[str | None],
    skeleton: Skeleton,
) -> str:
    """Say that a set moves its measure by less than any repetition does; empty: it does not."""
    curves = representative_curves(part.q, rule, sides, skeleton, part.gravity)
    smooth = gaussian_smooth(curves.T, part.time_s, part.valid)
    swings = _swings(cycles, smooth)
    model = representative_curves(reference, rule, sides, skeleton, WORLD_GRAVITY)
    least, usual = least_swing_rad(model), float(np.median(swings.max(axis=1)))
    if not usual < least or _moves_as_asked(cycles, part, rule, reference):
        return ""
    return (
        f"{_measure_words(rule)} moves by {np.rad2deg(usual):.0f} degrees only, a repetition "
        f"by {np.rad2deg(least):.0f} at least"
    )


def _swings(cycles: Sequence[Cycle], curves: FloatArray) -> FloatArray:
    """Measure how far each curve (T, K) goes in each cycle (C, K); NaN where it is unknown."""
    spans = [curves[c.start : c.end + 1] for c in cycles]
    return np.array([span.max(axis=0) - span.min(axis=0) for span in spans])


def _moves_as_asked(
    cycles: Sequence[Cycle], part: Motion, rule: Rule, reference: FloatArray
) -> bool:
    """Check that most of what the exercise moves, moves by half as much as the rule asks."""
    dofs = _observed_dofs(rule.dynamic_joints, part)
    asked = np.ptp(np.unwrap(reference[:, dofs], axis=0), axis=0)
    moving = asked >= MOVING_RAD
    smooth = gaussian_smooth(unwrap_angles(part.q[:, dofs], part.valid), part.time_s, part.valid)
    done = np.median(_swings(cycles, smooth), axis=0)
    return bool(moving.any() and np.median(done[moving] / asked[moving]) >= FAULTY_SHARE)


def _why_none(
    part: Motion,
    rule: Rule,
    reference: FloatArray,
    sides: Sequence[str | None],
    skeleton: Skeleton,
) -> str:
    """Say what was seen instead of a cycle."""
    curves = representative_curves(part.q, rule, sides, skeleton, part.gravity)
    joined = gaussian_smooth(joined_sides(curves, rule), part.time_s, part.valid)
    known = joined[np.isfinite(joined)]
    moves = float(np.ptp(known)) if len(known) else 0.0
    model = representative_curves(reference, rule, sides, skeleton, WORLD_GRAVITY)
    words = _measure_words(rule)
    if rule.kind == "hold":
        return f"no hold found: {words} moves by {np.rad2deg(moves):.0f} degrees"
    if moves < least_swing_rad(model):
        return f"no {rule.kind} movement found: {words} moves by {np.rad2deg(moves):.0f} degrees"
    wide = CycleSettings(shortest_s=VERY_SHORT_S, longest_s=VERY_LONG_S)
    other = detect_cycles(joined, part.time_s, part.valid, settings=wide)
    if other:
        usual_s = float(np.median([cycle.end_s - cycle.start_s for cycle in other]))
        way = "slower" if usual_s > LONGEST_S else "quicker"
        bound = LONGEST_S if usual_s > LONGEST_S else SHORTEST_S
        return f"movements of {usual_s:.1f} s: {way} than the {bound:g} s that are sought"
    return (
        f"{words} moves by {np.rad2deg(moves):.0f} degrees, but no repetition of it is seen whole"
    )


def _measure_words(rule: Rule) -> str:
    return rule.representative.measure.replace("_", " ")


def observed_sides(part: Motion, rule: Rule) -> list[str | None]:
    """List the sides whose representative measure is observed; none where one does not do."""
    measure, side = rule.representative.measure, rule.representative.side
    wanted: tuple[str | None, ...] = SIDES if side in ("mean", "max") else (side,)
    wanted = (None,) if side == "none" else wanted
    seen = [one for one in wanted if not unobserved(full_name(measure, one), part)]
    return seen if rule.kind != "alternating" or len(seen) == len(SIDES) else []


def representative_curves(
    q: FloatArray, rule: Rule, sides: Sequence[str | None], skeleton: Skeleton, gravity: FloatArray
) -> FloatArray:
    """Compute the representative measure (sides, T) in rad, its extreme turned upwards."""
    names = [full_name(rule.representative.measure, side) for side in sides]
    values = measure_values(names, q, skeleton, gravity)
    sign = 1.0 if rule.representative.extreme == "max" else -1.0
    return sign * np.deg2rad(np.stack([values[name] for name in names]))


def joined_sides(curves: FloatArray, rule: Rule) -> FloatArray:
    """Join the sides of a representative measure (sides, T) to one curve (T,)."""
    if rule.representative.side == "mean":
        return np.asarray(curves.mean(axis=0))
    return np.asarray(np.fmax.reduce(curves, axis=0))


def least_swing_rad(model: FloatArray) -> float:
    """Return the least swing of a set, given the reference's curves (sides, P)."""
    return max(PROMINENCE_RAD, RANGE_SHARE * float(np.ptp(model, axis=1).max()))


def _detected(
    part: Motion,
    rule: Rule,
    reference: FloatArray,
    sides: Sequence[str | None],
    skeleton: Skeleton,
    posed: BoolArray,
    counted: str,
) -> list[Cycle]:
    curves = representative_curves(part.q, rule, sides, skeleton, part.gravity)
    shortest_s, longest_s = rule.tempo.shortest_s, rule.tempo.longest_s
    model = representative_curves(reference, rule, sides, skeleton, WORLD_GRAVITY)
    if rule.kind == "hold":
        still = HoldSettings(shortest_s=shortest_s, longest_s=longest_s)
        joined = joined_sides(curves, rule)
        holds = detect_holds(joined, part.time_s, part.valid & posed, settings=still)
        held = _in_the_pose(holds, curves, HOLD_SHARE * float(np.nanmax(model)))
        if len(sides) == 1:
            return held
        return [replace(one, side=posed_side(one, part, rule, reference)) for one in held]
    settings = CycleSettings(
        shortest_s=min(SHORTEST_S, shortest_s),
        longest_s=max(LONGEST_S, longest_s),
        counted=counted,
    )
    way = pose_way(part, rule, reference)
    lead = None
    if rule.kind == "alternating":
        key = round(rule.key_phase.at * (rule.points - 1))
        right, left = curves
        lead = leading_curve(right, left, float(abs(model[0, key] - model[1, key])), way)
    found = _moved(part, rule, curves, lead, settings)
    if way is None or not _is_told_by_pose(found, way, rule, curves, model):
        return found
    other = _moved(part, rule, way.curves, lead, settings)
    as_asked = len(other) >= LEAST_CYCLES and way.share(other) >= AS_ASKED
    takes_turns = rule.kind != "alternating" or way.takes_turns(other, part)
    return other if as_asked and takes_turns else found


def _moved(
    part: Motion, rule: Rule, curves: FloatArray, lead: FloatArray | None, settings: CycleSettings
) -> list[Cycle]:
    """Find the repetitions in curves (S, T) of one measure in rad, its extreme upwards."""
    angles = unwrap_angles(part.q[:, _observed_dofs(rule.dynamic_joints, part)], part.valid)
    own = (part.time_s, part.valid)
    if rule.kind == "alternating":
        right, left = curves
        return detect_alternating(right, left, *own, settings=settings, angles=angles, lead=lead)
    joined = joined_sides(curves, rule)
    return detect_cycles(joined, *own, settings=settings, angles=angles, sides=curves)


def _is_told_by_pose(
    found: Sequence[Cycle], way: PoseWay, rule: Rule, curves: FloatArray, model: FloatArray
) -> bool:
    """Whether the measure, given as it is and as the rule asks (S, T), hides what the pose shows.

    It shows nothing, or no second side, or the rest of the pose moves the other way.
    """
    if not found or _takes_no_turns(found, rule):
        return True
    asked_rad = float(np.ptp(model, axis=1).max())
    return way.contradicts(found, curves, asked_rad)


def _takes_no_turns(cycles: Sequence[Cycle], rule: Rule) -> bool:
    """Whether an alternating movement shows one side only, or too few halves to tell."""
    is_short = len(cycles) < LEAST_CYCLES or len({one.side for one in cycles}) == 1
    return rule.kind == "alternating" and is_short


def _observed_dofs(joints: Sequence[str], part: Motion) -> list[int]:
    """List the observed DoFs of joints; the pelvis only turns the body in the camera frame."""
    inner = (joint for joint in joints if joint != "pelvis")
    return [dof for joint in inner for dof in joint_dofs(joint) if part.observed[dof]]


def _in_the_pose(holds: Sequence[Cycle], curves: FloatArray, least_rad: float) -> list[Cycle]:
    """Keep the holds with a high enough measure of any side."""
    spans = [curves[:, hold.start : hold.end + 1] for hold in holds]
    levels = [float(np.fmax.reduce(medians_of_known(span))) for span in spans]
    return [hold for hold, level in zip(holds, levels, strict=True) if level >= least_rad]


def in_posture(part: Motion, rule: Rule, skeleton: Skeleton) -> BoolArray:
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


def scored_cycles(
    cycles: Sequence[Cycle], part: Motion, rule: Rule, reference: FloatArray
) -> list[ScoredCycle]:
    """Score the cycles that `find_cycles` found in the same part by the same reference."""
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
        phase = cycle_phases(part.time_s[frames], cycle, rule.key_phase.at)
        order = np.argsort(phase, kind="stable")
        same_side = cycle.side is None or cycle.side == shown_side
        angles = as_shown if same_side else mirrored
        curves.append(resample_cycle(angles[frames][order], phase[order], rule.points))
    scores = cycle_scores(np.stack(curves), reference[:, salient], salient)
    return [ScoredCycle(*pair) for pair in zip(cycles, scores, strict=True)]
