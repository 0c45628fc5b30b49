"""What is marked on each frame of a video: joints, angles, phase, cycle count, violations.

T frames
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.motion_parts import full_name
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.phase import cycle_phases
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import JOINT_INDEX
from qevd_bio.skeleton.measure_anchors import ANCHORS
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.views.analysed_video import AnalysedSegment
from qevd_bio.views.formatting import (
    counted,
    measure_words,
    number_words,
    target_words,
    unit_sign,
)
from qevd_bio.views.overlay.project_joints import joints_px
from qevd_bio.views.overlay.shown_measures import shown_measures

VIOLATION_SHOWN_S = 1.0
"""A violation stays marked this long after its key frame, so that it can be read."""

MOST_VIOLATIONS = 4

_AT_PHASE = 0.12


@dataclass(frozen=True, slots=True)
class Label:
    """A value beside a joint."""

    joint: int
    text: str
    is_violation: bool


@dataclass(frozen=True, slots=True)
class FrameMarks:
    """What is drawn on one frame.

    Attributes
    ----------
    joints_px : ndarray (24, 2)
        Joints on the picture; NaN when they lie behind the camera.
    valid : bool
        False: nobody was detected and the pose is the last valid one.
    in_place : bool
        False: the backend does not know where the person is, and the joints are a figure of
        its own in a corner.
    labels : tuple of Label
        Values and violations beside joints.
    lines : tuple of str
        Heading: exercise, count and phase, values.
    phase : float or None
        How far the cycle is, 0 to 1; None outside of cycles.
    violations : tuple of str
        Violated findings with number and target.
    """

    joints_px: FloatArray
    valid: bool
    in_place: bool
    labels: tuple[Label, ...] = ()
    lines: tuple[str, ...] = ()
    phase: float | None = None
    violations: tuple[str, ...] = ()


class VideoMarks:
    """The marks of every frame of a video.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    segments : sequence of AnalysedSegment
        Its exercises in time order; where two share frames, the later one is shown.
    size_px : tuple of int
        Width and height of the upright picture.
    """

    def __init__(
        self, motion: Motion, segments: Sequence[AnalysedSegment], size_px: tuple[int, int]
    ) -> None:
        self._motion = motion
        self._joints_px = joints_px(motion, size_px)
        skeleton = scaled_skeleton(motion.segment_lengths_m)
        self._segments: list[tuple[AnalysedSegment, Mapping[str, FloatArray]]] = []
        for one in segments:
            names = shown_measures(one.rule, motion) if one.rule else []
            q = motion.q[one.frame_start : one.frame_end]
            values = measure_values(names, q, skeleton, motion.gravity)
            self._segments.insert(0, (one, values))

    def on_frame(self, frame: int) -> FrameMarks:
        """Return what to draw on one frame."""
        motion = self._motion
        marks = FrameMarks(
            joints_px=self._joints_px[frame],
            valid=bool(motion.valid[frame]),
            in_place=motion.root_m is not None,
        )
        for segment, curves in self._segments:
            if segment.frame_start <= frame < segment.frame_end:
                return self._with_segment(marks, frame, segment, curves)
        return marks

    def _with_segment(
        self,
        marks: FrameMarks,
        frame: int,
        segment: AnalysedSegment,
        curves: Mapping[str, FloatArray],
    ) -> FrameMarks:
        time_s = self._motion.time_s
        lines, phase = [segment.exercise], None
        if segment.rule is not None:
            progress, phase = progress_words(segment.rule, segment.cycles, frame, time_s)
            lines.append(progress)
        shown = shown_violations(segment.findings, float(time_s[frame]))
        violated = {full_name(one.measure, one.side) for one in shown}
        marked = {JOINT_INDEX[ANCHORS[name]] for name in violated if name in ANCHORS}
        texts: dict[int, str] = {}
        for name, curve in curves.items() if marks.valid else ():
            value = float(curve[frame - segment.frame_start])
            if np.isfinite(value):
                in_degrees = CATALOGUE[name].unit == "deg"
                text = f"{value:.0f}{unit_sign('deg')}" if in_degrees else f"{value:.1f}"
                lines.append(f"{measure_words(name)} {text}")
                if in_degrees:
                    texts[JOINT_INDEX[ANCHORS[name]]] = text
        texts |= {joint: "" for joint in sorted(marked - set(texts))}
        return replace(
            marks,
            labels=tuple(Label(joint, text, joint in marked) for joint, text in texts.items()),
            lines=tuple(lines),
            phase=phase,
            violations=tuple(violation_words(one) for one in shown[:MOST_VIOLATIONS]),
        )


def progress_words(
    rule: Rule, cycles: Sequence[Cycle], frame: int, time_s: FloatArray
) -> tuple[str, float | None]:
    """Name the cycle a frame is in, such as ``cycle 2 of 5, bottom``, and give its phase.

    Cycles are in time order; `time_s` (T,) are the times of all frames. The phase, 0 to 1, is None
    between cycles.
    """
    for number, cycle in enumerate(cycles, start=1):
        if not cycle.start <= frame <= cycle.end:
            continue
        if cycle.kind == "hold":
            held_s = time_s[frame] - cycle.start_s
            return f"hold {number} of {len(cycles)}, {held_s:.1f} s", None
        side = {"r": " (right)", "l": " (left)", None: ""}[cycle.side]
        phase = float(cycle_phases(time_s[frame : frame + 1], cycle, rule.key_phase.at)[0])
        return f"cycle {number} of {len(cycles)}{side}, {phase_words(rule, phase)}", phase
    done = sum(cycle.end < frame for cycle in cycles)
    word = "hold" if rule.kind == "hold" else "cycle"
    return f"{done} of {counted(len(cycles), word)} done", None


def phase_words(rule: Rule, phase: float) -> str:
    """Name the phase a cycle is at, or the two it is between."""
    ordered = sorted(rule.phases, key=lambda one: one.at)
    away = {one.name: abs((phase - one.at + 0.5) % 1.0 - 0.5) for one in ordered}
    nearest = min(away, key=lambda name: away[name])
    if away[nearest] <= _AT_PHASE or len(ordered) == 1:
        return nearest.replace("_", " ")
    before = [one for one in ordered if one.at <= phase] or ordered[-1:]
    after = [one for one in ordered if one.at > phase] or ordered[:1]
    return f"{before[-1].name} to {after[0].name}".replace("_", " ")


def shown_violations(findings: Sequence[Finding], time_s: float) -> tuple[Finding, ...]:
    """Choose the violated findings with a key frame shortly before, the latest and worst first."""
    shown = [
        one for one in findings if one.violated and 0.0 <= time_s - one.key_s <= VIOLATION_SHOWN_S
    ]
    return tuple(sorted(shown, key=lambda one: (-one.key_s, -one.severity)))


def violation_words(finding: Finding) -> str:
    """Write a violated finding with its number and target."""
    name = measure_words(full_name(finding.measure, finding.side))
    number = number_words(finding.measured, finding.unit)
    target = target_words(finding.target_low, finding.target_high, finding.tolerance, finding.unit)
    return f"{name} {number}, target {target}"
