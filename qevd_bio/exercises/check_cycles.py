"""The constraints of a rule, checked on cycles.

T frames, D = 46 DoF
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.exercises.motion_parts import (
    full_name,
    is_midline,
    moved,
    part_of,
    unobserved,
    with_seen_leg,
)
from qevd_bio.exercises.rule import OTHER_SIDE, SIDES, Rule
from qevd_bio.motion.constraints import THROUGHOUT, Constraint, Finding, judge
from qevd_bio.motion.measured_value import (
    MeasuredValue,
    difference,
    extreme_over,
    farthest_out,
    key_reach_s,
    key_window_s,
    median_smooth,
    spread_over,
    unmeasurable,
    value_at,
)
from qevd_bio.motion.medians import median
from qevd_bio.motion.phase import cycle_phases
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import measure_sigmas, measure_values


def segment_findings(
    motion: Motion,
    rule: Rule,
    cycles: Sequence[Cycle],
    skeleton: Skeleton,
) -> list[list[Finding]]:
    """Check all constraints of a rule on all cycles of a segment, in one pass over its poses.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    rule : Rule
        Of the segment's exercise.
    cycles : sequence of Cycle
        In frames of the video, in time order. The one before a cycle is the other half of an
        alternating movement.
    skeleton : Skeleton
        Body for the measures.

    Returns
    -------
    list of list of Finding
        For each cycle one per constraint and side, in the rule's order; those that could not be
        measured state why and are never violated.
    """
    if not cycles:
        return []
    first = min(cycle.start for cycle in cycles)
    part = part_of(motion, first, max(cycle.end for cycle in cycles) + 1)
    own = [moved(cycle, -first) for cycle in cycles]
    checks = [
        _Check(constraint, side, cycle, frames[constraint.phase])
        for cycle in own
        for frames in [_checked_frames(rule, cycle, part.time_s)]
        for constraint in rule.constraints
        for side in _constraint_sides(constraint, cycle)
    ]
    others = [_other_half(check, own, rule, part.time_s) for check in checks]
    read = [*checks, *(other for other in others if other is not None)]
    shown = (
        part if rule.kind == "alternating" or rule.posture == "standing" else with_seen_leg(part)
    )
    values = _checked_values(read, part, shown, skeleton)
    checks = [_at_extreme(check, values, part) for check in checks]
    sigmas = _sigmas([*checks, *read[len(checks) :]], part, shown, skeleton)
    found: dict[int, list[Finding]] = {cycle.start: [] for cycle in cycles}
    for check, other in zip(checks, others, strict=True):
        side, value = check.side, _measured_value(check, rule, values, part, sigmas)
        if check.constraint.check == "symmetry":
            rest = unmeasurable("no half of the other side comes before it")
            if other is not None:
                rest = _measured_value(other, rule, values, part, sigmas)
            side, value = _short_side(check, value, rest)
        finding = judge(
            check.constraint,
            _with_vertical(value, check, part),
            side=side,
            frame=check.frame + first,
            frame_s=float(part.time_s[check.frame]),
        )
        found[check.cycle.start + first].append(finding)
    return [found[cycle.start] for cycle in cycles]


def _with_vertical(value: MeasuredValue, check: _Check, part: Motion) -> MeasuredValue:
    """Widen the noise of a lean by that of its vertical; note where that is only the camera's.

    A constant offset does not spread, so how still a lean is stays as certain as it was.
    """
    constraint = check.constraint
    if constraint.measure not in LEANS or constraint.check == "static" or value.sigma is None:
        return value
    widened = replace(value, sigma=math.hypot(value.sigma, VERTICAL_SIGMA_DEG))
    if part.gravity_source == "camera" and value.status == "measured":
        return replace(widened, reason="measured from the camera's vertical")
    return widened


def _constraint_sides(constraint: Constraint, cycle: Cycle) -> tuple[str | None, ...]:
    if constraint.side == "none":
        return (None,)
    if constraint.side == "both":
        return SIDES[:1] if constraint.check == "symmetry" else SIDES
    if constraint.side in SIDES:
        return (constraint.side,)
    if cycle.side is None:
        return ()
    return (cycle.side if constraint.side == "lead" else OTHER_SIDE[cycle.side],)


UNSEEN_S = 0.1
"""When nobody is seen for this time beside a frame, the extreme may lie there."""

LEANS = ("trunk_forward_lean", "trunk_side_lean")
"""Measures against gravity."""

VERTICAL_SIGMA_DEG = 4.0
"""Constant offset of a trunk from what its lean is measured against (one standard deviation): a
tilted camera, a subject's build or markers. Unverified; correct executions of UI-PRMD need it, and
in noise of 2 degrees the guard band stays below 15 degrees with it."""


@dataclass(frozen=True, slots=True)
class _Check:
    """One constraint on one side of one cycle, and the frame it is checked at.

    `above`: whether a check of the whole cycle looks at the upper end of the target.
    """

    constraint: Constraint
    side: str | None
    cycle: Cycle
    frame: int
    above: bool = True

    @property
    def name(self) -> str:
        """Name of the measure in the catalogue."""
        return full_name(self.constraint.measure, self.side)

    @property
    def frames(self) -> slice:
        """Frames of the cycle."""
        return slice(self.cycle.start, self.cycle.end + 1)

    @property
    def reads_all(self) -> bool:
        """Whether every frame of the cycle is read."""
        return self.constraint.check == "static" or self.constraint.phase == THROUGHOUT

    def window_s(self, time_s: FloatArray) -> tuple[float, float]:
        """Find the time within which the value of a phase is taken."""
        if self.cycle.kind == "hold":
            return self.cycle.start_s, self.cycle.end_s
        return key_window_s(float(time_s[self.frame]), self.cycle)


def _checked_frames(rule: Rule, cycle: Cycle, time_s: FloatArray) -> dict[str, int]:
    """Find the frame of each phase that constraints name, the key frame where they name none."""
    frames = dict.fromkeys((constraint.phase for constraint in rule.constraints), cycle.key)
    if rule.kind == "hold":
        return frames
    inside = time_s[cycle.start : cycle.end + 1]
    phases = cycle_phases(inside, cycle, rule.key_phase.at)
    for name in frames.keys() - {"", THROUGHOUT, rule.key_phase.name}:
        frames[name] = cycle.start + int(np.argmin(np.abs(phases - rule.phase(name).at)))
    return frames


def _other_half(
    check: _Check, cycles: Sequence[Cycle], rule: Rule, time_s: FloatArray
) -> _Check | None:
    """Find what a symmetry compares with: the other side now, or in the half before."""
    if check.constraint.check != "symmetry" or check.side is None:
        return None
    side = OTHER_SIDE[check.side]
    if check.constraint.side == "both":
        return replace(check, side=side)
    place = cycles.index(check.cycle)
    before = cycles[place - 1] if place else check.cycle
    apart_s = check.cycle.start_s - before.end_s
    if before.side in (None, check.cycle.side) or apart_s > rule.tempo.longest_s:
        return None
    frame = _checked_frames(rule, before, time_s)[check.constraint.phase]
    return _Check(check.constraint, side, before, frame)


def _short_side(
    check: _Check, one: MeasuredValue, other: MeasuredValue
) -> tuple[str | None, MeasuredValue]:
    """Subtract the sides of a symmetry, first the one that falls short."""
    apart = difference(one, other)
    if apart.value is None or check.side is None:
        return check.side, apart
    less_is_short = check.constraint.target_high == 0
    if (apart.value <= 0) == less_is_short:
        return check.side, apart
    return OTHER_SIDE[check.side], difference(other, one)


def _at_extreme(check: _Check, values: dict[str, FloatArray], part: Motion) -> _Check:
    """Move the frame of a check of the whole cycle to where its measure is farthest out."""
    if check.constraint.phase != THROUGHOUT:
        return check
    extreme = farthest_out(
        _smooth(check, values, part), check.constraint.target_low, check.constraint.target_high
    )
    if extreme is None:
        return check
    return replace(check, frame=check.cycle.start + extreme.frame, above=extreme.above)


def _reach_frames(check: _Check, time_s: FloatArray) -> int:
    return round(key_reach_s(check.cycle) / float(np.median(np.diff(time_s[check.frames]))))


def _smooth(check: _Check, values: dict[str, FloatArray], part: Motion) -> FloatArray:
    reach = _reach_frames(check, part.time_s)
    return median_smooth(values[check.name][check.frames], part.valid[check.frames], reach)


def _is_cut_off(check: _Check, rule: Rule) -> bool:
    """Whether a check needs the end of the cycle that lies outside of the recording."""
    cut, kind = check.cycle.cut, check.constraint.check
    if cut is None or check.reads_all:
        return False
    if kind == "tempo" or check.cycle.rests_at_extreme:
        return kind == "tempo"
    return rule.phase(check.constraint.phase).at == {"start": 0.0, "end": 1.0}[cut]


def _borders_on_unseen(part: Motion, frame: int) -> bool:
    """Check whether nobody is seen just before or just after a frame: the extreme may be there."""
    at_s, time_s = part.time_s[frame], part.time_s
    sides = (_inside(time_s, at_s - UNSEEN_S, at_s), _inside(time_s, at_s, at_s + UNSEEN_S))
    before, after = part.valid[sides[0]][:-1], part.valid[sides[1]][1:]
    return any(len(side) > 1 and not side.any() for side in (before, after))


def _checked_values(
    checks: Sequence[_Check], part: Motion, shown: Motion, skeleton: Skeleton
) -> dict[str, FloatArray]:
    """Compute each measure on the frames that a check reads; NaN elsewhere.

    Those of the middle of the body are read from `shown`.
    """
    read: dict[str, BoolArray] = {}
    for check in checks:
        if check.constraint.check == "tempo":
            continue
        frames = read.setdefault(check.name, np.zeros(len(part.time_s), dtype=np.bool_))
        window = _inside(part.time_s, *check.window_s(part.time_s))
        frames[check.frames if check.reads_all else window] = True
    values = {name: np.full(len(part.time_s), np.nan) for name in read}
    sources = {name: (shown if is_midline(name) else part).q for name in read}
    groups: dict[tuple[bytes, int], list[str]] = {}
    for name, frames in read.items():
        groups.setdefault((frames.tobytes(), id(sources[name])), []).append(name)
    for names in groups.values():
        frames = read[names[0]]
        computed = measure_values(names, sources[names[0]][frames], skeleton, part.gravity)
        for name in names:
            values[name][frames] = computed[name]
    return values


def _sigmas(
    checks: Sequence[_Check], part: Motion, shown: Motion, skeleton: Skeleton
) -> dict[tuple[str, int], float]:
    """Propagate the noise of the angles to each check's measure at its frame."""
    known = [
        check
        for check in checks
        if check.constraint.check != "tempo" and np.isfinite(part.q[check.frame]).all()
    ]
    sigmas: dict[tuple[str, int], float] = {}
    for source in (part,) if shown is part else (part, shown):
        wanted = [
            (check.name, check.frame)
            for check in known
            if shown is part or is_midline(check.name) == (source is shown)
        ]
        noise = measure_sigmas(wanted, source.q, source.noise_rad(), skeleton, part.gravity)
        sigmas |= {at: float(sigma) for at, sigma in zip(wanted, noise, strict=True)}
    return sigmas


def _inside(time_s: FloatArray, from_s: float, to_s: float) -> slice:
    return slice(int(time_s.searchsorted(from_s)), int(time_s.searchsorted(to_s, "right")))


def _measured_value(
    check: _Check,
    rule: Rule,
    values: dict[str, FloatArray],
    part: Motion,
    sigmas: Mapping[tuple[str, int], float],
) -> MeasuredValue:
    constraint, frames = check.constraint, check.frames
    if _is_cut_off(check, rule):
        return unmeasurable(f"the {check.cycle.cut} of this repetition is not seen")
    time_s = part.time_s[frames]
    if constraint.check == "tempo":
        step_s = median(np.diff(time_s)) if len(time_s) > 1 else 0.0
        return MeasuredValue(check.cycle.end_s - check.cycle.start_s, step_s, "measured", "")
    missing = unobserved(check.name, part)
    if missing:
        return unmeasurable(f"{part.backend} does not observe {', '.join(missing)}")
    if (check.name, check.frame) not in sigmas:
        return unmeasurable("the pose at the key frame is not a number")
    sigma = sigmas[check.name, check.frame]
    curve, valid, confidence = values[check.name], part.valid, part.confidence
    if constraint.check == "static":
        return spread_over(
            curve[frames], time_s, valid[frames], confidence[frames], sigma, constraint.target_high
        )
    is_extreme = constraint.phase in (THROUGHOUT, rule.key_phase.name) and rule.kind != "hold"
    if is_extreme and _borders_on_unseen(part, check.frame):
        return unmeasurable("the person is not seen around the extreme")
    if constraint.phase == THROUGHOUT:
        return extreme_over(
            _smooth(check, values, part),
            confidence[frames],
            sigma,
            above=check.above,
            reach_frames=_reach_frames(check, part.time_s),
        )
    from_s, to_s = check.window_s(part.time_s)
    near = _inside(time_s, from_s, to_s)
    return value_at(
        curve[frames][near],
        time_s[near],
        valid[frames][near],
        confidence[frames][near],
        sigma,
        from_s=from_s,
        to_s=to_s,
    )
