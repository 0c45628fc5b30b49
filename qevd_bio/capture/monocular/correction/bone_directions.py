"""The stick body as directions of thirteen bones, and back.

T frames, K = 14 joints, B = 13 bones, L = 8 lengths

Directions are unit vectors in the camera frame (x right, y down, z away).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS, JOINT

TRUNK, HIP_LINE, SHOULDER_LINE = 0, 1, 2
LIMB_BONES: tuple[tuple[str, str, str], ...] = tuple(
    (f"{start}_{side}", f"{end}_{side}", length)
    for side in ("l", "r")
    for start, end, length in (
        ("hip", "knee", "thigh"), ("knee", "ankle", "shank"), ("ankle", "toe", "foot"),
        ("shoulder", "elbow", "upper_arm"), ("elbow", "wrist", "forearm"),
    )
)  # fmt: skip
"""Bones 3 to 12: joints at their ends, and the name of their length; a parent comes first."""

BONE_NAMES: tuple[str, ...] = (
    "trunk", "hip_line", "shoulder_line", *(f"{length}_{a[-1]}" for a, _, length in LIMB_BONES),
)  # fmt: skip
B = len(BONE_NAMES)
BONE = {name: i for i, name in enumerate(BONE_NAMES)}


def directions(joints_m: FloatArray) -> FloatArray:
    """Read the directions (T, B, 3) of the bones of joints (T, K, 3).

    The trunk points from mid-hips to mid-shoulders, hip and shoulder line from left to right.
    """
    hip = [joints_m[:, JOINT[f"hip_{side}"]] for side in "lr"]
    shoulder = [joints_m[:, JOINT[f"shoulder_{side}"]] for side in "lr"]
    bones = [
        (shoulder[0] + shoulder[1] - hip[0] - hip[1]) / 2.0,
        hip[1] - hip[0],
        shoulder[1] - shoulder[0],
        *(joints_m[:, JOINT[end]] - joints_m[:, JOINT[start]] for start, end, _ in LIMB_BONES),
    ]
    stacked = np.stack(bones, axis=1)
    return np.asarray(stacked / np.maximum(np.linalg.norm(stacked, axis=-1, keepdims=True), 1e-9))


def joints_from_directions(
    bones: FloatArray, lengths_m: Mapping[str, float], root_m: FloatArray
) -> FloatArray:
    """Build joints (T, K, 3) from directions (T, B, 3), lengths and mid-hips (T, 3).

    `lengths_m` names trunk, hip_width, shoulder_width, thigh, shank, foot, upper_arm, forearm.
    """
    joints = np.empty((len(bones), len(BODY_JOINTS), 3))
    top = root_m + bones[:, TRUNK] * lengths_m["trunk"]
    for name, middle, line, width in (
        ("hip", root_m, HIP_LINE, "hip_width"),
        ("shoulder", top, SHOULDER_LINE, "shoulder_width"),
    ):
        half = bones[:, line] * (lengths_m[width] / 2.0)
        joints[:, JOINT[f"{name}_l"]], joints[:, JOINT[f"{name}_r"]] = middle - half, middle + half
    for nth, (start, end, length) in enumerate(LIMB_BONES, start=3):
        joints[:, JOINT[end]] = joints[:, JOINT[start]] + bones[:, nth] * lengths_m[length]
    return joints


_MIRRORED = np.array([
    BONE[name[:-1] + {"l": "r", "r": "l"}[name[-1]]] if name[-2:] in ("_l", "_r") else nth
    for nth, name in enumerate(BONE_NAMES)
])  # fmt: skip
_LEFT_TO_RIGHT = np.where(np.isin(BONE_NAMES, ("hip_line", "shoulder_line")), -1.0, 1.0)


def mirrored_directions(bones: FloatArray) -> FloatArray:
    """Mirror directions, or steps of them (T, B, 3): left becomes right; twice gives them back."""
    return np.asarray(bones[:, _MIRRORED] * _LEFT_TO_RIGHT[:, None] * np.array([-1.0, 1.0, 1.0]))
