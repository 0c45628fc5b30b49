"""Where a skeleton's sizes come from: published proportions or measured joints.

J = 24 joints
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import JOINT_INDEX, N_JOINTS
from qevd_bio.skeleton.kinematics import Skeleton

# Columns: forward, up and right of the person in the T-pose frame (x left, y up, z forward).
BODY_AXES: FloatArray = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

# Share of body height, after the figure of Drillis and Contini (1966) in Winter, Biomechanics and
# Motor Control of Human Movement; unverified: not compared with a copy of either.
PROPORTIONS: dict[str, float] = {
    "hip_height": 0.530,
    "knee_height": 0.285,
    "ankle_height": 0.039,
    "shoulder_height": 0.818,
    "chin_height": 0.870,
    "hip_width": 0.191,
    "shoulder_width": 0.259,
    "upper_arm": 0.186,
    "forearm": 0.146,
    "hand": 0.108,
    "foot": 0.152,
}

# Joint centres lie closer together than the trochanters and acromia that the widths name.
_CENTRE_SHARE = {"hip_width": 0.60, "shoulder_width": 0.85}

_CALCANEUS_TO_TOES = 0.75  # of the foot's length, in `scaled_skeleton`

_ARM_JOINTS = ("humerus", "ulna", "radius", "hand")


def segment_lengths_for_height(height_m: float) -> dict[str, float]:
    """Return the segment lengths of an average adult.

    Parameters
    ----------
    height_m : float
        Body height in metres.

    Returns
    -------
    dict of str to float
        thigh, shank, foot, trunk (hip to shoulder line), upper_arm, forearm, hip_width and
        shoulder_width between joint centres, in metres.
    """
    if not 0.5 < height_m < 2.6:
        raise ValueError(f"height_m = {height_m}: not the height of a person in metres")
    p = PROPORTIONS
    return {
        "thigh": (p["hip_height"] - p["knee_height"]) * height_m,
        "shank": (p["knee_height"] - p["ankle_height"]) * height_m,
        "foot": p["foot"] * height_m,
        "trunk": (p["shoulder_height"] - p["hip_height"]) * height_m,
        "upper_arm": p["upper_arm"] * height_m,
        "forearm": p["forearm"] * height_m,
        "hip_width": _CENTRE_SHARE["hip_width"] * p["hip_width"] * height_m,
        "shoulder_width": _CENTRE_SHARE["shoulder_width"] * p["shoulder_width"] * height_m,
    }


def scaled_skeleton(lengths_m: Mapping[str, float]) -> Skeleton:
    """Build a skeleton with given segment lengths.

    Parameters
    ----------
    lengths_m : mapping of str to float
        The keys of `segment_lengths_for_height`, in metres.

    Returns
    -------
    Skeleton
        Symmetric, standing straight in the T-pose with the pelvis at the origin.

    Notes
    -----
    Hips lie at the height of the pelvis, the scapulae on the shoulder line. Arm frames are the
    hanging arm's frame lifted into the T-pose, so that elbow flexion turns about the elbow's
    own hinge. The left ankle's frame is turned half about its long axis because SKEL writes the
    same ankle axis for both feet.
    """
    missing = sorted(set(segment_lengths_for_height(1.7)) - set(lengths_m))
    if missing:
        raise ValueError(f"segment lengths lack {', '.join(missing)}")
    size = lengths_m
    joints = np.zeros((N_JOINTS, 3))

    def place(name: str, x: float, y: float, z: float = 0.0) -> None:
        joints[JOINT_INDEX[name]] = (x, y, z)

    trunk = size["trunk"]
    place("lumbar_body", 0.0, 0.25 * trunk)
    place("thorax", 0.0, 0.60 * trunk)
    place("head", 0.0, 1.08 * trunk)
    for side, sign in (("r", -1.0), ("l", 1.0)):
        hip, shoulder = sign * size["hip_width"] / 2.0, sign * size["shoulder_width"] / 2.0
        knee_y = -size["thigh"]
        ankle_y = knee_y - size["shank"]
        place(f"femur_{side}", hip, 0.0)
        place(f"tibia_{side}", hip, knee_y)
        place(f"talus_{side}", hip, ankle_y)
        place(f"calcn_{side}", hip, ankle_y - 0.20 * size["foot"], -0.15 * size["foot"])
        place(f"toes_{side}", hip, ankle_y - 0.20 * size["foot"], 0.60 * size["foot"])
        place(f"scapula_{side}", 0.85 * shoulder, trunk)
        place(f"humerus_{side}", shoulder, trunk)
        elbow = shoulder + sign * size["upper_arm"]
        place(f"ulna_{side}", elbow, trunk)
        place(f"radius_{side}", elbow + sign * 0.08 * size["forearm"], trunk)
        place(f"hand_{side}", elbow + sign * size["forearm"], trunk)
    return Skeleton(joints_m=joints, frames=generic_frames())


def segment_lengths_between(joints_m: FloatArray) -> dict[str, float]:
    """Measure segment lengths between T-pose joints.

    Parameters
    ----------
    joints_m : ndarray (24, 3)
        In metres.

    Returns
    -------
    dict of str to float
        The keys of `segment_lengths_for_height`, in metres: the mean of both sides; trunk from
        mid-hips to mid-shoulders, foot with calcaneus and toes as in `scaled_skeleton`.
    """
    at = {name: joints_m[index] for name, index in JOINT_INDEX.items()}

    def both(first: str, second: str) -> float:
        return float(
            np.mean([np.linalg.norm(at[f"{first}_{s}"] - at[f"{second}_{s}"]) for s in "rl"])
        )

    def middle(joint: str) -> FloatArray:
        return np.asarray((at[f"{joint}_r"] + at[f"{joint}_l"]) / 2.0)

    return {
        "thigh": both("femur", "tibia"),
        "shank": both("tibia", "talus"),
        "foot": both("calcn", "toes") / _CALCANEUS_TO_TOES,
        "trunk": float(np.linalg.norm(middle("humerus") - middle("femur"))),
        "upper_arm": both("humerus", "ulna"),
        "forearm": both("ulna", "hand"),
        "hip_width": float(np.linalg.norm(at["femur_r"] - at["femur_l"])),
        "shoulder_width": float(np.linalg.norm(at["humerus_r"] - at["humerus_l"])),
    }


def generic_frames() -> FloatArray:
    """Return the joint frames (24, 3, 3) of a body that stands straight in the T-pose."""
    frames = np.tile(BODY_AXES, (N_JOINTS, 1, 1))
    lifted = {
        "r": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
        "l": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    }
    for side, turn in lifted.items():
        for name in _ARM_JOINTS:
            frames[JOINT_INDEX[f"{name}_{side}"]] = BODY_AXES @ turn
    frames[JOINT_INDEX["talus_l"]] = BODY_AXES @ np.diag([-1.0, -1.0, 1.0])
    return frames


def generic_skeleton(height_m: float = 1.75) -> Skeleton:
    """Build the skeleton of an average adult of a given height in metres."""
    return scaled_skeleton(segment_lengths_for_height(height_m))


def skeleton_from_joints(joints_m: FloatArray) -> Skeleton:
    """Build a skeleton on measured T-pose joint positions (24, 3), in metres.

    Segments must lie along the axes of `generic_frames`: legs straight down, arms sideways.
    """
    return Skeleton(joints_m=np.asarray(joints_m, dtype=np.float64), frames=generic_frames())


def resting_upper_arm(side: str) -> FloatArray:
    """Turn of the T-pose's upper arm against the hanging one, in the torso's axes (3, 3)."""
    return np.asarray(BODY_AXES.T @ generic_frames()[JOINT_INDEX[f"humerus_{side}"]])
