"""The body as a chain of turning segments: where its landmarks are, and how each turn moves them.

T frames, K = 14 landmarks, N = 27 unknowns a frame, L = 8 lengths

Segment frames have columns X forward, Y up, Z right of the person, as in `inverse_kinematics`;
positions are in the camera frame (x right, y down, z away), metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS, JOINT, LENGTH, LENGTH_NAMES, K
from qevd_bio.skeleton.bodies import BODY_AXES, generic_frames
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_INDEX
from qevd_bio.skeleton.kinematics import axis_rotation, joint_rotations

SIDES = ("l", "r")
RIGHTWARDS = {"l": -1.0, "r": 1.0}

_TURNING = (
    "pelvis", "spine", "hip_l", "hip_r", "shoulder_l", "shoulder_r",
)  # fmt: skip
HINGES: tuple[str, ...] = (
    "knee_l", "knee_r", "ankle_l", "ankle_r", "elbow_l", "elbow_r",
)  # fmt: skip
TURN = {name: slice(3 + 3 * i, 6 + 3 * i) for i, name in enumerate(_TURNING)}
HINGE = {name: 3 + 3 * len(_TURNING) + i for i, name in enumerate(HINGES)}
N = 3 + 3 * len(_TURNING) + len(HINGES)
"""Unknowns of a frame: place of mid-hips, small turns of six ball joints, six hinge angles."""

SPINE_SHARE = 0.30
"""How far up the trunk it bends, as a share of the way from hips to shoulders."""

_TOES_REST = np.array([0.60, -0.20, 0.0]) / np.hypot(0.60, 0.20)

OFFSET: dict[str, tuple[float, float, float]] = {
    "shoulder": (0.004, 0.032, -0.012),
    "hip": (0.032, 0.001, -0.011),
    "knee": (-0.006, -0.004, 0.0),
    "ankle": (-0.003, 0.029, 0.0),
    "toe": (0.026, -0.002, -0.036),
}
"""Where MediaPipe puts its landmark, seen from the joint centre: forward, up and outwards of the
segment above (of the thigh for the hip, whose landmark lies in the fold before it), in leg lengths
(thigh + shank). Measured on rendered people of three builds in four exercises from three sides;
the builds agree to 0.015."""


def _offset(name: str, side: str, leg_m: float) -> FloatArray:
    forward, up, outwards = OFFSET[name]
    return np.array([forward, up, outwards * RIGHTWARDS[side]]) * leg_m


def _arm_rest(side: str) -> FloatArray:
    return np.asarray(BODY_AXES.T @ generic_frames()[JOINT_INDEX[f"humerus_{side}"]])


def _axis(dof: str) -> FloatArray:
    return np.array(DOFS[DOF_INDEX[dof]].axis)


def _ankle_axis(side: str) -> FloatArray:
    frame = BODY_AXES.T @ generic_frames()[JOINT_INDEX[f"talus_{side}"]]
    return np.asarray(frame @ _axis(f"ankle_angle_{side}"))


KNEE_AXIS = _axis("knee_angle_r")
_ELBOW_AXIS = {side: _axis(f"elbow_flexion_{side}") for side in SIDES}
_ANKLE_AXIS = {side: _ankle_axis(side) for side in SIDES}
_ARM_REST = {side: _arm_rest(side) for side in SIDES}


@dataclass(frozen=True, slots=True)
class ChainState:
    """Postures of T frames.

    Attributes
    ----------
    place_m : ndarray (T, 3)
        Middle of the hip joints.
    turns : dict of str to ndarray (T, 3, 3)
        Pelvis in the camera frame; spine and hips in the pelvis, shoulders in the thorax.
    hinges_rad : dict of str to ndarray (T,)
        Knees, ankles, elbows; positive as in SKEL.
    """

    place_m: FloatArray
    turns: dict[str, FloatArray]
    hinges_rad: dict[str, FloatArray]

    def moved(self, step: FloatArray) -> ChainState:
        """Add small unknowns (T, N): turns act in the frame above the joint."""
        turns = {name: _rotation(step[:, TURN[name]]) @ turn for name, turn in self.turns.items()}
        hinges = {name: angle + step[:, HINGE[name]] for name, angle in self.hinges_rad.items()}
        return ChainState(self.place_m + step[:, :3], turns, hinges)

    def taken(self, frames: NDArray[np.int64]) -> ChainState:
        """Pick frames."""
        return ChainState(
            self.place_m[frames],
            {name: turn[frames] for name, turn in self.turns.items()},
            {name: angle[frames] for name, angle in self.hinges_rad.items()},
        )


def joined(states: list[ChainState]) -> ChainState:
    """Put postures one after the other."""
    return ChainState(
        np.concatenate([one.place_m for one in states]),
        {name: np.concatenate([one.turns[name] for one in states]) for name in _TURNING},
        {name: np.concatenate([one.hinges_rad[name] for one in states]) for name in HINGES},
    )


def _rotation(vectors: FloatArray) -> FloatArray:
    """Rotation matrices (T, 3, 3) of rotation vectors (T, 3)."""
    angle = np.linalg.norm(vectors, axis=-1)
    small = angle < 1e-8
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 1.0, np.sin(safe) / safe)
    second = np.where(small, 0.5, (1.0 - np.cos(safe)) / safe**2)
    cross = np.zeros((len(vectors), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = (
        -vectors[:, 2], vectors[:, 1], -vectors[:, 0],
    )  # fmt: skip
    cross -= np.swapaxes(cross, 1, 2)
    return np.asarray(
        np.eye(3) + first[:, None, None] * cross + second[:, None, None] * (cross @ cross)
    )


def state_from_angles(q: FloatArray, place_m: FloatArray) -> ChainState:
    """Build postures from SKEL angles (T, 46); the two twists of the spine are added up."""
    local = joint_rotations(q)
    twist = q[:, DOF_INDEX["lumbar_twist"]] + q[:, DOF_INDEX["thorax_twist"]]
    turns = {
        "pelvis": BODY_AXES @ local[:, JOINT_INDEX["pelvis"]],
        "spine": axis_rotation((0.0, 1.0, 0.0), twist),
    }
    hinges = {}
    for side in SIDES:
        turns[f"hip_{side}"] = local[:, JOINT_INDEX[f"femur_{side}"]]
        arm = _ARM_REST[side] @ local[:, JOINT_INDEX[f"humerus_{side}"]]
        turns[f"shoulder_{side}"] = arm
        hinges[f"knee_{side}"] = q[:, DOF_INDEX[f"knee_angle_{side}"]].copy()
        hinges[f"ankle_{side}"] = q[:, DOF_INDEX[f"ankle_angle_{side}"]].copy()
        hinges[f"elbow_{side}"] = q[:, DOF_INDEX[f"elbow_flexion_{side}"]].copy()
    return ChainState(
        place_m.copy(), {name: turns[name] for name in _TURNING},
        {name: hinges[name] for name in HINGES},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Posed:
    """A posed chain.

    Attributes
    ----------
    joints_m, landmarks_m : ndarray (T, K, 3)
        Joint centres, and where MediaPipe would put its landmarks.
    by_unknown : ndarray (T, K, 3, N)
        How the landmarks move with each unknown.
    by_length : ndarray (T, K, 3, L)
        How they move with each length.
    pelvis, thorax : ndarray (T, 3, 3)
        Segment frames.
    upper_arm, thigh : dict of str to ndarray (T, 3, 3)
        Segment frames by side.
    """

    joints_m: FloatArray
    landmarks_m: FloatArray
    by_unknown: FloatArray
    by_length: FloatArray
    pelvis: FloatArray
    thorax: FloatArray
    upper_arm: dict[str, FloatArray]
    thigh: dict[str, FloatArray]


def posed_joints(state: ChainState, lengths_m: FloatArray) -> FloatArray:
    """Give the joint centres (T, K, 3) alone."""
    return pose_chain(state, lengths_m, 1.0).joints_m


def _moved_by(name: str) -> list[int]:
    """Landmarks that hang on a joint."""
    if name in ("pelvis", "spine"):
        wanted = ("shoulder", "elbow", "wrist") if name == "spine" else None
        return [JOINT[j] for j in BODY_JOINTS if wanted is None or j[:-2] in wanted]
    below = {
        "hip": ("hip", "knee", "ankle", "toe"), "knee": ("ankle", "toe"), "ankle": ("toe",),
        "shoulder": ("elbow", "wrist"), "elbow": ("wrist",),
    }  # fmt: skip
    return [JOINT[f"{joint}_{name[-1]}"] for joint in below[name[:-2]]]


def pose_chain(state: ChainState, lengths_m: FloatArray, leg_m: float) -> Posed:
    """Pose the chain.

    Parameters
    ----------
    state : ChainState
        Postures of T frames.
    lengths_m : ndarray (L,)
        In the order of `LENGTH_NAMES`.
    leg_m : float
        Scale of the landmarks' offsets.

    Returns
    -------
    Posed
        Positions and their derivatives.
    """
    frames = len(state.place_m)
    size = dict(zip(LENGTH_NAMES, lengths_m, strict=True))
    joints = np.zeros((frames, K, 3))
    marks = np.zeros((frames, K, 3))
    by_length = np.zeros((frames, K, 3, len(LENGTH_NAMES)))
    down = np.array([0.0, -1.0, 0.0])
    pelvis = state.turns["pelvis"]
    thorax = pelvis @ state.turns["spine"]
    pivots: dict[str, tuple[FloatArray, FloatArray]] = {}
    upper_arm, thigh = {}, {}

    def put(joint: str, place: FloatArray, frame: FloatArray, offset: FloatArray) -> None:
        joints[:, JOINT[joint]] = place
        marks[:, JOINT[joint]] = place + frame @ offset

    def lengthen(name: str, direction: FloatArray, moved: list[int]) -> None:
        by_length[:, moved, :, LENGTH[name]] += direction

    waist = state.place_m + pelvis[:, :, 1] * (SPINE_SHARE * size["trunk"])
    top = waist + thorax[:, :, 1] * ((1.0 - SPINE_SHARE) * size["trunk"])
    pivots["pelvis"], pivots["spine"] = (
        (state.place_m, np.tile(np.eye(3), (frames, 1, 1))),
        (waist, pelvis),
    )
    lengthen(
        "trunk", SPINE_SHARE * pelvis[:, :, 1] + (1.0 - SPINE_SHARE) * thorax[:, :, 1],
        _moved_by("spine"),
    )  # fmt: skip
    none = np.zeros(3)
    for side in SIDES:
        right = RIGHTWARDS[side] / 2.0
        hip = state.place_m + pelvis[:, :, 2] * (right * size["hip_width"])
        upper = pelvis @ state.turns[f"hip_{side}"]
        knee = hip + upper @ down * size["thigh"]
        lower = upper @ _about(KNEE_AXIS, state.hinges_rad[f"knee_{side}"])
        ankle = knee + lower @ down * size["shank"]
        foot = lower @ _about(_ANKLE_AXIS[side], state.hinges_rad[f"ankle_{side}"])
        toe = ankle + foot @ _TOES_REST * size["foot"]
        put(f"hip_{side}", hip, upper, _offset("hip", side, leg_m))
        put(f"knee_{side}", knee, upper, _offset("knee", side, leg_m))
        put(f"ankle_{side}", ankle, lower, _offset("ankle", side, leg_m))
        put(f"toe_{side}", toe, foot, _offset("toe", side, leg_m))
        below = _moved_by(f"hip_{side}")
        lengthen("hip_width", right * pelvis[:, :, 2], below)
        lengthen("thigh", upper @ down, below[1:])
        lengthen("shank", lower @ down, below[2:])
        lengthen("foot", foot @ _TOES_REST, below[3:])
        pivots[f"hip_{side}"] = (hip, pelvis)
        pivots[f"knee_{side}"] = (knee, (upper @ KNEE_AXIS)[:, :, None])
        pivots[f"ankle_{side}"] = (ankle, (lower @ _ANKLE_AXIS[side])[:, :, None])
        thigh[side] = upper

        shoulder = top + thorax[:, :, 2] * (right * size["shoulder_width"])
        arm = thorax @ state.turns[f"shoulder_{side}"]
        elbow = shoulder + arm @ down * size["upper_arm"]
        forearm = arm @ _about(_ELBOW_AXIS[side], state.hinges_rad[f"elbow_{side}"])
        wrist = elbow + forearm @ down * size["forearm"]
        put(f"shoulder_{side}", shoulder, thorax, _offset("shoulder", side, leg_m))
        put(f"elbow_{side}", elbow, arm, none)
        put(f"wrist_{side}", wrist, forearm, none)
        below = _moved_by(f"shoulder_{side}")
        lengthen("shoulder_width", right * thorax[:, :, 2], [JOINT[f"shoulder_{side}"], *below])
        lengthen("upper_arm", arm @ down, below)
        lengthen("forearm", forearm @ down, below[1:])
        pivots[f"shoulder_{side}"] = (shoulder, thorax)
        pivots[f"elbow_{side}"] = (elbow, (arm @ _ELBOW_AXIS[side])[:, :, None])
        upper_arm[side] = arm

    by_unknown = np.zeros((frames, K, 3, N))
    by_unknown[:, :, [0, 1, 2], [0, 1, 2]] = 1.0
    for name, (pivot, axes) in pivots.items():
        moved = _moved_by(name)
        arm_of_turn = marks[:, moved] - pivot[:, None]
        turned = np.cross(np.swapaxes(axes, 1, 2)[:, None], arm_of_turn[:, :, None])
        columns = TURN[name] if name in TURN else slice(HINGE[name], HINGE[name] + 1)
        by_unknown[:, moved, :, columns] = np.swapaxes(turned, 2, 3)
    return Posed(joints, marks, by_unknown, by_length, pelvis, thorax, upper_arm, thigh)


def _about(axis: FloatArray, angle: FloatArray) -> FloatArray:
    x, y, z = (float(value) for value in axis / np.linalg.norm(axis))
    return axis_rotation((x, y, z), angle)
