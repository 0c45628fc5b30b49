"""Recordings of people with the exercise that they do, for recognition.

The counted recordings with their labels, and beside them those of the same sets that nobody
counted: other exercises, and movement that is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import counted_recordings as counted
from benchmarks.counted_recordings import in_development
from qevd_bio.arrays import FloatArray
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import DOF_INDEX

NONE = ""
LABELS: dict[str, str] = {
    "squat": "squat", "Squat": "squat", "m01": "squat", "m02": "hurdle_step",
    "m03": "walking_lunges|split_squat", "m04": "lateral_lunge", "m05": "sit_to_stand",
    "m08": NONE, "m09": NONE, "push_up": "pushup", "jumping_jack": "jumping_jack",
    "JumpJack": "jumping_jack", "do_two_jumping_jacks": "jumping_jack", "pull_up": "pull_up",
    "sit_up": "sit_up", "front_raise": "front_raise", "kick_front_left": "standing_kicks",
    "do_a_forward_lunge": "walking_lunges|split_squat", "touch_your_toes": "floor_touches",
    "bicep_curl": "biceps_curl", "shoulder_press": "overhead_press", "plank": "plank",
    "shoulder_shrug": NONE, "russian_twist": NONE, "bench_press": NONE,
    **dict.fromkeys(
        ("raise_your_hand", "raise_your_other_hand", "bow", "raise_your_arm_to_one_side",
         "raise_your_arm_to_the_other_side", "put_your_hands_on_your_hips_and_twist",
         "put_your_hands_on_your_hips_and_lean_to_the_side", "walk_in_place",
         "put_your_hands_on_your_hips_and_lean_to_the_other_side", "lift_your_leg_to_one_side",
         "lift_your_leg_to_the_other_side", "deposit_floor_right", "grab_high_right", "lie_down",
         "jog_circle", "throw_basketball", "rotate_arms_both_backward", "sneak",
         "elbow_to_knee"), NONE),
}  # fmt: skip
"""Family of rules by the set's own name; two where a lunge may be either. An exercise that is not
here is left out: it is near one of the rules, and neither answer would be wrong."""

ALLOWED = ("hdm05_cut", "CMU")
"""Groups whose licences allow a model that is trained on them to ship."""

RAISED_ANYWHERE = "front_raise|lateral_raise"
"""What a raise is where only the angle between arm and trunk is known, not its direction."""

_STEADY = tuple(
    f"{name}_{side}" if "{}" not in name else name.format(side)
    for side in "rl"
    for name in ("shoulder_{}_y", "shoulder_{}_z", "hip_adduction", "hip_rotation")
)
"""DoFs that the readers of angles set to 0 for want of better."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One recording: whose, of which group, what is done (`NONE`: no exercise), its motion."""

    name: str
    group: str
    subject: str
    label: str
    motion: Motion

    @property
    def is_development(self) -> bool:
        """Whether the recording is of the half that values may be chosen on."""
        return in_development(self.subject)

    def is_right(self, answer: str) -> bool:
        """Whether an answer is the label, or one of two."""
        return answer in self.label.split("|")


def read_labelled(data: Path, cache: Path) -> list[Labelled]:
    """Read every recording that has a label; the counted ones come from `cache`."""
    known = [
        _labelled(one.name, one.group, one.subject, one.exercise, one.motion)
        for one in counted.read_recordings(data, cache)
        if one.exercise in LABELS
    ]
    return known + list(_uncounted(data))


def _labelled(name: str, group: str, subject: str, exercise: str, motion: Motion) -> Labelled:
    seen = _as_observed(motion)
    label = LABELS[exercise]
    if label == "front_raise" and not seen.observed[DOF_INDEX["shoulder_r_y"]]:
        label = RAISED_ANYWHERE
    return Labelled(name, group, subject, label, seen)


def _as_observed(motion: Motion) -> Motion:
    """Call unobserved what a reader of interior angles has set to 0."""
    observed = motion.observed.copy()
    for name in _STEADY:
        column = DOF_INDEX[name]
        observed[column] &= bool(np.ptp(motion.q[:, column]) > 0)
    return replace(
        motion, observed=observed, sigma_rad=np.where(observed, motion.sigma_rad, np.inf)
    )


def _uncounted(data: Path) -> Iterator[Labelled]:
    """Read what `counted_recordings` leaves out: nobody counted it, or it has no rule."""
    for row in json.loads((data / "more" / "manifest.json").read_text()):
        exercise = row["exercise"]
        is_counted = counted.RULE_OF.get(exercise) is not None and row["group"] != "pose_trainer"
        if exercise not in LABELS or is_counted:
            continue
        reader = _READERS.get(row["group"])
        if reader is None:
            continue
        with np.load(data / "more" / row["path"]) as file:
            motion = reader(file, row["group"])
        name, subject = row["id"].split("/")[1], str(row.get("subject") or row["id"])
        if motion is not None:
            yield _labelled(name, row["group"], subject, exercise, motion)


def _named_points(file: Any, group: str) -> Motion:
    names = [str(n) for n in file["point_names"]]
    points = file["points"].astype(float)
    joints = {
        f"{name}_{side}": points[
            :, names.index(f"{long}_{'foot_index' if name == 'toe' else name}")
        ]
        for name in counted.MEDIAPIPE
        for side, long in counted.SIDES.items()
    }
    valid = np.isfinite(points).all(axis=(1, 2))
    return counted.of_points(joints, file["time_s"], valid, counted.DOWN_IN_ROOM, group)


def _landmarks(file: Any, group: str) -> Motion | None:
    points = file["points"].astype(float)
    valid = np.isfinite(points).all(axis=(1, 2))
    if valid.sum() < 5:
        return None
    joints = counted.mediapipe(points)
    return counted.of_points(joints, file["time_s"], valid, counted.DOWN_IN_IMAGE, group)


def _flat_angles(file: Any, group: str) -> Motion:
    """Read interior angles of 2-D points; a joint that is mostly missing is not observed."""
    names, angles = [str(n) for n in file["names"]], file["angles_deg"].astype(float)
    filled = np.column_stack([_filled(column) for column in angles.T])
    valid = np.isfinite(angles).any(axis=1)
    motion = counted.of_columns(counted.interior(names, filled), file["time_s"], valid, group)
    observed = motion.observed.copy()
    for name, column in zip(names, angles.T, strict=True):
        if 2 * np.isfinite(column).sum() < len(column):
            joint, side = name.rsplit("_", 1)
            start = f"shoulder_{side}" if joint == "shoulder" else f"{joint}_"
            for dof, index in DOF_INDEX.items():
                is_it = dof.startswith(start) and (joint == "shoulder" or dof.endswith(side))
                observed[index] &= not is_it
    return replace(motion, observed=observed)


def _filled(column: FloatArray) -> FloatArray:
    known = np.isfinite(column)
    if not known.any():
        return np.full(len(column), 170.0)
    frames = np.arange(len(column))
    return np.interp(frames, frames[known], column[known])


_READERS = {
    "hdm05_cut": _named_points, "kinder_gator": _named_points, "web_videos": _landmarks,
    "pose_trainer": _flat_angles,
}  # fmt: skip
