"""What a captured frame is marked with: skeleton, angles, phase, count of cycles, faults.

T frames, D = 46 DoF, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.motion_parts import full_name, unobserved
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.phase import phase_of_time
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import JOINT_INDEX, N_JOINTS
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.views.formatting import measure_words, number_words, target_words, unit_sign

FAULT_SHOWN_S = 1.0
"""A fault stays marked this long after its key frame, so that it can be read."""

MOST_FAULTS = 4

INSET_SHARE = 0.45
"""Side of the corner for a figure without a place, as a share of the picture's shorter side."""

_INSET_PER_M = 0.42
_AT_PHASE = 0.12
_CHUNK_FRAMES = 1000

_SIDED_ANCHORS = {
    "knee_flexion": "tibia",
    "knee_valgus": "tibia",
    "hip_flexion": "femur",
    "hip_abduction": "femur",
    "thigh_split": "femur",
    "ankle_dorsiflexion": "talus",
    "elbow_flexion": "ulna",
    "shoulder_elevation": "humerus",
    "shoulder_horizontal_adduction": "humerus",
}
ANCHORS: dict[str, str] = {
    **{
        f"{measure}_{side}": f"{joint}_{side}"
        for measure, joint in _SIDED_ANCHORS.items()
        for side in "rl"
    },
    "trunk_forward_lean": "thorax",
    "trunk_side_lean": "thorax",
    "lumbar_flexion": "lumbar_body",
    "thorax_flexion": "thorax",
    "head_flexion": "head",
    "body_line": "pelvis",
    "stance_width": "pelvis",
}
"""The joint beside which a measure is written."""


@dataclass(frozen=True, slots=True)
class Part:
    """One exercise of a video with what was found in it.

    Attributes
    ----------
    exercise : str
        In words.
    frame_start, frame_end : int
        First frame, and the one after the last.
    rule : Rule or None
        None: the exercise has no rule, and nothing was looked for.
    cycles : tuple of Cycle
        In time order, in frames of the video.
    findings : tuple of Finding
        Of these cycles.
    """

    exercise: str
    frame_start: int
    frame_end: int
    rule: Rule | None
    cycles: tuple[Cycle, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A value beside a joint."""

    joint: int
    text: str
    is_fault: bool


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn on one frame.

    Attributes
    ----------
    joints_px : ndarray (24, 2)
        Joints on the picture; NaN when they lie behind the camera.
    seen : bool
        False: nobody was seen and the pose is the last valid one.
    in_place : bool
        False: the backend does not say where the person is, and the joints are a figure of
        its own in a corner.
    labels : tuple of Label
        Values and faults beside joints.
    lines : tuple of str
        Heading: exercise, count and phase, values.
    phase : float or None
        How far the cycle is, 0 to 1; None outside of cycles.
    faults : tuple of str
        Violated findings in words.
    """

    joints_px: FloatArray
    seen: bool
    in_place: bool
    labels: tuple[Label, ...]
    lines: tuple[str, ...]
    phase: float | None
    faults: tuple[str, ...]


class Story:
    """The marks of every frame of a video.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    parts : sequence of Part
        Its exercises in time order; where two share frames, the later one is shown.
    size_px : tuple of int
        Width and height of the upright picture.
    """

    def __init__(self, motion: Motion, parts: Sequence[Part], size_px: tuple[int, int]) -> None:
        self._motion = motion
        self._parts = tuple(parts)
        self._joints_px = figure_px(motion, size_px)
        skeleton = scaled_skeleton(motion.segment_lengths_m)
        self._values = [
            measure_values(
                shown_measures(part.rule, motion),
                motion.q[part.frame_start : part.frame_end],
                skeleton,
                motion.gravity,
            )
            if part.rule
            else {}
            for part in self._parts
        ]

    def marks(self, frame: int) -> Marks:
        """Tell what to draw on one frame."""
        seen = bool(self._motion.valid[frame])
        labels: list[Label] = []
        lines: list[str] = []
        faults: tuple[Finding, ...] = ()
        phase = None
        for part, values in zip(reversed(self._parts), reversed(self._values), strict=True):
            if not part.frame_start <= frame < part.frame_end:
                continue
            time_s = self._motion.time_s
            lines.append(part.exercise)
            if part.rule is not None:
                counted, phase = progress_words(part.rule, part.cycles, frame, time_s)
                lines.append(counted)
            faults = shown_faults(part.findings, float(time_s[frame]))
            faulty = {full_name(one.measure, one.side) for one in faults}
            for name, curve in values.items() if seen else ():
                value = float(curve[frame - part.frame_start])
                if np.isfinite(value):
                    unit = CATALOGUE[name].unit
                    text = f"{value:.0f}{unit_sign(unit)}" if unit == "deg" else f"{value:.1f}"
                    if unit == "deg":
                        labels.append(Label(JOINT_INDEX[ANCHORS[name]], text, name in faulty))
                    lines.append(f"{measure_words(name)} {text}")
            written = {label.joint for label in labels}
            marked = {JOINT_INDEX[ANCHORS[name]] for name in faulty if name in ANCHORS}
            labels += [Label(joint, "", True) for joint in sorted(marked - written)]
            labels = [
                Label(one.joint, one.text, one.is_fault or one.joint in marked) for one in labels
            ]
            break
        return Marks(
            joints_px=self._joints_px[frame],
            seen=seen,
            in_place=self._motion.root_m is not None,
            labels=tuple(labels),
            lines=tuple(lines),
            phase=phase,
            faults=tuple(fault_words(one) for one in faults[:MOST_FAULTS]),
        )


def figure_px(motion: Motion, size_px: tuple[int, int]) -> FloatArray:
    """Place the joints on the picture.

    Parameters
    ----------
    motion : Motion
        T frames.
    size_px : tuple of int
        Width and height of the upright picture.

    Returns
    -------
    ndarray (T, 24, 2)
        Pixels, x right and y down. Through a pinhole camera when the motion says where the
        body is; NaN behind it. Otherwise a small figure without perspective, seen by the same
        camera, in the lower right corner.
    """
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    placed = np.empty((len(motion.q), N_JOINTS, 2))
    for first in range(0, len(motion.q), _CHUNK_FRAMES):
        some = slice(first, first + _CHUNK_FRAMES)
        joints = forward_kinematics(motion.q[some], skeleton)[0]
        if motion.root_m is None or motion.focal_share is None:
            placed[some] = _inset(joints, size_px)
        else:
            joints = joints + motion.root_m[some, None]
            placed[some] = pinhole_px(joints, motion.focal_share, size_px)
    return placed


def pinhole_px(joints_m: FloatArray, focal_share: float, size_px: tuple[int, int]) -> FloatArray:
    """Project camera-frame points (..., 3) onto a picture (..., 2); NaN behind the camera."""
    centre = np.array(size_px) / 2.0
    depth = joints_m[..., 2:]
    depth = np.where(depth > 0.0, depth, np.nan)
    return np.asarray(joints_m[..., :2] / depth * focal_share * max(size_px) + centre)


def _inset(joints_m: FloatArray, size_px: tuple[int, int]) -> FloatArray:
    side = INSET_SHARE * min(size_px)
    centre = np.array(size_px) - side / 2.0
    return np.asarray(joints_m[..., :2] * side * _INSET_PER_M + centre)


def shown_measures(rule: Rule, motion: Motion) -> list[str]:
    """Choose the measures to write on a picture: observed, and one a joint.

    Parameters
    ----------
    rule : Rule
        Its representative measure comes first, then its dynamic constraints in their order.
    motion : Motion
        Says what is observed.

    Returns
    -------
    list of str
        Keys of the catalogue of measures.
    """
    named = [(rule.representative.measure, rule.representative.side)]
    named += [(one.measure, one.side) for one in rule.constraints if one.check == "dynamic"]
    chosen: dict[str, str] = {}
    for measure, side in named:
        own = [measure] if measure in CATALOGUE else [f"{measure}_r", f"{measure}_l"]
        if side in ("r", "l"):
            own = [full_name(measure, side)]
        for name in own:
            if not unobserved(name, motion):
                chosen.setdefault(ANCHORS[name], name)
    return list(chosen.values())


def progress_words(
    rule: Rule, cycles: Sequence[Cycle], frame: int, time_s: FloatArray
) -> tuple[str, float | None]:
    """Say which cycle a frame is in and at which phase.

    Parameters
    ----------
    rule : Rule
        Of the exercise.
    cycles : sequence of Cycle
        In time order.
    frame : int
        Frame of the video.
    time_s : ndarray (T,)
        Frame times.

    Returns
    -------
    text : str
        Such as ``cycle 2 of 5, bottom``.
    phase : float or None
        0 to 1; None between cycles.
    """
    for number, cycle in enumerate(cycles, start=1):
        if not cycle.start <= frame <= cycle.end:
            continue
        if cycle.kind == "hold":
            held_s = time_s[frame] - cycle.start_s
            return f"hold {number} of {len(cycles)}, {held_s:.1f} s", None
        side = {"r": " (right)", "l": " (left)", None: ""}[cycle.side]
        phase = float(
            phase_of_time(
                time_s[frame : frame + 1],
                cycle.start_s,
                cycle.key_s,
                cycle.end_s,
                rule.key_phase.at,
            )[0]
        )
        return f"cycle {number} of {len(cycles)}{side}, {phase_words(rule, phase)}", phase
    word = "hold" if rule.kind == "hold" else "cycle"
    done = sum(cycle.end < frame for cycle in cycles)
    return f"{done} of {len(cycles)} {word}{'' if len(cycles) == 1 else 's'} done", None


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


def shown_faults(findings: Sequence[Finding], time_s: float) -> tuple[Finding, ...]:
    """Pick the violated findings whose key frame has just been, gravest first."""
    shown = [
        one for one in findings if one.violated and 0.0 <= time_s - one.key_s <= FAULT_SHOWN_S
    ]
    return tuple(sorted(shown, key=lambda one: (-one.key_s, -one.severity)))


def fault_words(finding: Finding) -> str:
    """Write a violated finding with its number and target."""
    name = measure_words(full_name(finding.measure, finding.side))
    number = number_words(finding.measured, finding.unit)
    target = target_words(finding.target_low, finding.target_high, finding.tolerance, finding.unit)
    return f"{name} {number}, target {target}"
