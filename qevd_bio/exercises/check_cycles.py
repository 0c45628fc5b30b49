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
    seen_since,
    unobserved,
    with_seen_leg,
)
from qevd_bio.exercises.rule import OTHER_SIDE, SIDES, Rule
from qevd_bio.motion.constraints import THROUGHOUT, Constraint, Finding, judge
from qevd_bio.motion.measured_value import (
    KEY_REACH_S,
    MeasuredValue,
    difference,
    extreme_over,
    farthest_out,
    in_passage,
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
    *,
    frame_start: int = 0,
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
    frame_start : int
        First frame of the segment; no frame before it is read.

    Returns
    -------
    list of list of Finding
        For each cycle one per constraint and side, in the rule's order; those that could not be
        measured state why and are never violated.
    """
    if not cycles:
        return []
    starts_s = motion.time_s[min(cycle.start for cycle in cycles)]
    first = max(frame_start, int(motion.time_s.searchsorted(starts_s - READ_BEFORE_S)))
    part = part_of(motion, first, max(cycle.end for cycle in cycles) + 1)
    ends = [0, *(cycle.end - first for cycle in cycles[:-1])]
    spans = [
        _Span.of(place, moved(cycle, -first), part, rule, ends[place])
        for place, cycle in enumerate(cycles)
    ]
    checks = [
        _Check.of(constraint, side, span)
        for span in spans
        for constraint in rule.constraints
        for side in _constraint_sides(constraint, span.cycle)
    ]
    others = [_other_half(check, spans, rule) for check in checks]
    read = [*checks, *(other for other in others if other is not None)]
    shown = (
        part if rule.kind == "alternating" or rule.posture == "standing" else with_seen_leg(part)
    )
    values = _checked_values(read, part, shown, skeleton)
    checks = [_at_extreme(check, values) for check in checks]
    read = [*checks, *read[len(checks) :]]
    known = _Known(rule, part, values, _sigmas(read, part, shown, skeleton), _unseen(read, part))
    found: dict[int, list[Finding]] = {cycle.start: [] for cycle in cycles}
    for check, other in zip(checks, others, strict=True):
        side, value = check.side, _measured_value(check, known)
        if check.constraint.check == "symmetry":
            rest = unmeasurable("no half of the other side comes before it")
            if other is not None:
                rest = _measured_value(other, known)
            side, value = _short_side(check, value, rest)
        finding = judge(
            check.constraint,
            _with_vertical(value, check, part),
            side=side,
            frame=check.frame + first,
            frame_s=float(part.time_s[check.frame]),
        )
        found[check.span.cycle.start + first].append(finding)
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


READ_BEFORE_S = 2 * KEY_REACH_S
"""The checks of a cycle read no more before its start."""

UNSEEN_S = 0.1
"""When nobody is seen for this time beside a frame, the extreme may lie there."""

LEANS = ("trunk_forward_lean", "trunk_side_lean")
"""Measures against gravity."""

VERTICAL_SIGMA_DEG = 4.0
"""Constant offset of a trunk from what its lean is measured against (one standard deviation): a
tilted camera, a subject's build or markers. Unverified; correct executions of UI-PRMD need it, and
in noise of 2 degrees the guard band stays below 15 degrees with it."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A cycle, what is known of its frames, and how far the median of a value reaches.

    `place`: in the segment; `moments`: for each phase that constraints name, its frame and the
    frames of its value.
    """

    place: int
    cycle: Cycle
    frames: slice
    time_s: FloatArray
    valid: BoolArray
    confidence: FloatArray
    step_s: float
    reach_frames: int
    moments: Mapping[str, tuple[int, slice]]

    @classmethod
    def of(cls, place: int, cycle: Cycle, part: Motion, rule: Rule, free: int) -> _Span:
        """Prepare a cycle; the frame `free` ends the one before it."""
        frames = slice(cycle.start, cycle.end + 1)
        time_s = part.time_s[frames]
        step_s = median(time_s[1:] - time_s[:-1]) if len(time_s) > 1 else 0.0
        reach = round(key_reach_s(cycle) / step_s) if step_s else 0
        valid, confidence = part.valid[frames], part.confidence[frames]
        free = seen_since(part, free, cycle.start)
        moments = {
            name: (frame, _window(cycle, frame, part.time_s, free))
            for name, frame in _checked_frames(rule, cycle, time_s).items()
        }
        return cls(place, cycle, frames, time_s, valid, confidence, step_s, reach, moments)


def _window(cycle: Cycle, frame: int, time_s: FloatArray, free: int) -> slice:
    """Find the frames that the value at a frame is taken from, all of a hold.

    They lie in the cycle. Those of its start lie in the rest before it, where there is any after
    the frame `free`: the start itself is the last moment before the rise is seen.
    """
    if cycle.kind == "hold":
        return slice(cycle.start, cycle.end + 1)
    from_s, to_s = key_window_s(float(time_s[frame]), cycle)
    first = cycle.start
    if frame == cycle.start and free < cycle.start:
        first, from_s, to_s = free, cycle.start_s - 2 * key_reach_s(cycle), cycle.start_s
    start, stop = int(time_s.searchsorted(from_s)), int(time_s.searchsorted(to_s, "right"))
    return slice(max(start, first), min(stop, cycle.end + 1))


@dataclass(frozen=True, slots=True)
class _Check:
    """One constraint on one side of one cycle, and the frame it is checked at.

    `name`: of the measure in the catalogue; `window`: the frames that the value of a phase is
    taken from; `reads_all`: whether every frame of the cycle is read instead; `above`: whether a
    check of the whole cycle looks at the upper end of the target.
    """

    constraint: Constraint
    side: str | None
    span: _Span
    frame: int
    name: str
    window: slice
    reads_all: bool
    above: bool = True

    @classmethod
    def of(cls, constraint: Constraint, side: str | None, span: _Span) -> _Check:
        frame, window = span.moments[constraint.phase]
        reads_all = constraint.check == "static" or constraint.phase == THROUGHOUT
        name = full_name(constraint.measure, side)
        return cls(constraint, side, span, frame, name, window, reads_all)


@dataclass(frozen=True, slots=True)
class _Known:
    """What all checks of a segment read: curves, noise at a frame, frames beside unseen ones."""

    rule: Rule
    part: Motion
    values: Mapping[str, FloatArray]
    sigmas: Mapping[tuple[str, int], float]
    unseen: frozenset[int]


def _checked_frames(rule: Rule, cycle: Cycle, inside_s: FloatArray) -> dict[str, int]:
    """Find the frame of each phase that constraints name, the key frame where they name none."""
    frames = dict.fromkeys((constraint.phase for constraint in rule.constraints), cycle.key)
    if rule.kind == "hold":
        return frames
    others = frames.keys() - {"", THROUGHOUT, rule.key_phase.name}
    phases = cycle_phases(inside_s, cycle, rule.key_phase.at) if others else inside_s
    for name in others:
        frames[name] = cycle.start + int(np.abs(phases - rule.phase(name).at).argmin())
    return frames


def _other_half(check: _Check, spans: Sequence[_Span], rule: Rule) -> _Check | None:
    """Find what a symmetry compares with: the other side now, or in the half before."""
    constraint, span = check.constraint, check.span
    if constraint.check != "symmetry" or check.side is None:
        return None
    side = OTHER_SIDE[check.side]
    if constraint.side == "both":
        return _Check.of(constraint, side, span)
    before = spans[max(0, span.place - 1)]
    apart_s = span.cycle.start_s - before.cycle.end_s
    if before.cycle.side in (None, span.cycle.side) or apart_s > rule.tempo.longest_s:
        return None
    return _Check.of(constraint, side, before)


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


def _at_extreme(check: _Check, values: Mapping[str, FloatArray]) -> _Check:
    """Move the frame of a check of the whole cycle to where its measure is farthest out."""
    if check.constraint.phase != THROUGHOUT:
        return check
    extreme = farthest_out(
        _smooth(check, values), check.constraint.target_low, check.constraint.target_high
    )
    if extreme is None:
        return check
    return replace(check, frame=check.span.cycle.start + extreme.frame, above=extreme.above)


def _smooth(check: _Check, values: Mapping[str, FloatArray]) -> FloatArray:
    span = check.span
    return median_smooth(values[check.name][span.frames], span.valid, span.reach_frames)


def _is_cut_off(check: _Check, rule: Rule) -> bool:
    """Whether a check needs the end of the cycle that lies outside of the recording."""
    cycle, kind = check.span.cycle, check.constraint.check
    if cycle.cut is None or check.reads_all:
        return False
    if kind == "tempo" or cycle.rests_at_extreme:
        return kind == "tempo"
    return rule.phase(check.constraint.phase).at == {"start": 0.0, "end": 1.0}[cycle.cut]


def _unseen(checks: Sequence[_Check], part: Motion) -> frozenset[int]:
    """Find checked frames just before or after which nobody is seen: the extreme may be there."""
    frames = np.unique([check.frame for check in checks])
    time_s, seen = part.time_s, np.concatenate([[0], np.cumsum(part.valid)])
    first = time_s.searchsorted(time_s[frames] - UNSEEN_S)
    last = time_s.searchsorted(time_s[frames] + UNSEEN_S, "right") - 1
    before = (frames - first > 1) & (seen[frames] == seen[first])
    after = (last - frames > 1) & (seen[last + 1] == seen[frames + 1])
    return frozenset(frames[before | after].tolist())


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
        frames[check.span.frames if check.reads_all else check.window] = True
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
    finite = np.asarray(np.isfinite(part.q).all(axis=1))
    known = [
        check for check in checks if check.constraint.check != "tempo" and finite[check.frame]
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


def _is_extreme(constraint: Constraint, rule: Rule) -> bool:
    return rule.kind != "hold" and constraint.phase in (THROUGHOUT, rule.key_phase.name)


def _measured_value(check: _Check, known: _Known) -> MeasuredValue:
    constraint, span, rule, part = check.constraint, check.span, known.rule, known.part
    if _is_cut_off(check, rule):
        return unmeasurable(f"the {span.cycle.cut} of this repetition is not seen")
    if constraint.check == "tempo":
        lasts_s = span.cycle.end_s - span.cycle.start_s
        return MeasuredValue(lasts_s, span.step_s, "measured", "")
    missing = unobserved(check.name, part)
    if missing:
        return unmeasurable(f"{part.backend} does not observe {', '.join(missing)}")
    if (check.name, check.frame) not in known.sigmas:
        return unmeasurable("the pose at the key frame is not a number")
    sigma = known.sigmas[check.name, check.frame]
    curve = known.values[check.name]
    if constraint.check == "static":
        inside, limit = curve[span.frames], constraint.target_high
        return spread_over(inside, span.time_s, span.valid, span.confidence, sigma, limit)
    if check.frame in known.unseen and _is_extreme(constraint, rule):
        return unmeasurable("the person is not seen around the extreme")
    if constraint.phase == THROUGHOUT:
        return extreme_over(
            _smooth(check, known.values),
            span.confidence,
            sigma,
            above=check.above,
            reach_frames=span.reach_frames,
        )
    near = check.window
    if span.cycle.kind != "hold":
        sigma = in_passage(np.where(part.valid[near], curve[near], np.nan), sigma)
    return value_at(curve[near], part.valid[near], part.confidence[near], sigma)
