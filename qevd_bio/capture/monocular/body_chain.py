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
from qevd_bio.capture.monocular.config import LandmarkConfig
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS, JOINT, LENGTH, LENGTH_NAMES, K
from qevd_bio.skeleton.bodies import BODY_AXES, generic_frames, resting_upper_arm
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_INDEX
from qevd_bio.skeleton.kinematics import axis_rotation, joint_rotations

SIDES = ("l", "r")
_RIGHTWARDS = {"l": -1.0, "r": 1.0}

_TURNING = ("pelvis", "spine", "hip_l", "hip_r", "shoulder_l", "shoulder_r")
_HINGES = ("knee_l", "knee_r", "ankle_l", "ankle_r", "elbow_l", "elbow_r")
TURN = {name: slice(3 + 3 * i, 6 + 3 * i) for i, name in enumerate(_TURNING)}
HINGE = {name: 3 + 3 * len(_TURNING) + i for i, name in enumerate(_HINGES)}
N = 3 + 3 * len(_TURNING) + len(_HINGES)
"""Unknowns of a frame: place of mid-hips, small turns of six ball joints, six hinge angles."""

_WAIST_SHARE = 0.30
"""How far up the trunk it bends, as a share of the way from hips to shoulders."""

_DOWN = np.array([0.0, -1.0, 0.0])
_TOES_REST = np.array([0.60, -0.20, 0.0]) / np.hypot(0.60, 0.20)


def landmark_offsets(config: LandmarkConfig, leg_m: float) -> FloatArray:
    """Where MediaPipe puts its landmarks (K, 3), seen from the joint centres, in metres."""
    offsets = np.zeros((K, 3))
    for name in ("shoulder", "hip", "knee", "ankle", "toe"):
        forward, up, outwards = getattr(config, name)
        for side in SIDES:
            seen = np.array([forward, up, outwards * _RIGHTWARDS[side]])
            offsets[JOINT[f"{name}_{side}"]] = seen * leg_m
    return offsets


def _axis(dof: str) -> FloatArray:
    return np.array(DOFS[DOF_INDEX[dof]].axis)


def _ankle_axis(side: str) -> FloatArray:
    frame = BODY_AXES.T @ generic_frames()[JOINT_INDEX[f"talus_{side}"]]
    return np.asarray(frame @ _axis(f"ankle_angle_{side}"))


_KNEE_AXIS = _axis("knee_angle_r")
_ELBOW_AXIS = {side: _axis(f"elbow_flexion_{side}") for side in SIDES}
_ANKLE_AXIS = {side: _ankle_axis(side) for side in SIDES}
_ARM_REST = {side: resting_upper_arm(side) for side in SIDES}


@dataclass(frozen=True, slots=True)
class ChainState:
    """Postures of T frames.

    place_m (T, 3) is the middle of the hip joints; turns (T, 3, 3) are those of the pelvis in
    the camera frame, spine and hips in the pelvis, shoulders in the thorax; hinges_rad (T,) those
    of knees, ankles and elbows, positive as in SKEL.
    """

    place_m: FloatArray
    turns: dict[str, FloatArray]
    hinges_rad: dict[str, FloatArray]

    def moved(self, step: FloatArray) -> ChainState:
        """Add small unknowns (T, N): turns act in the frame above the joint."""
        turns = {name: _rotation(step[:, TURN[name]]) @ turn for name, turn in self.turns.items()}
        hinges = {name: angle + step[:, HINGE[name]] for name, angle in self.hinges_rad.items()}
        return ChainState(self.place_m + step[:, :3], turns, hinges)

    def select(self, frames: NDArray[np.int64]) -> ChainState:
        """Pick frames."""
        return ChainState(
            self.place_m[frames],
            {name: turn[frames] for name, turn in self.turns.items()},
            {name: angle[frames] for name, angle in self.hinges_rad.items()},
        )


def concatenate(states: list[ChainState]) -> ChainState:
    """Put postures one after the other."""
    return ChainState(
        np.concatenate([one.place_m for one in states]),
        {name: np.concatenate([one.turns[name] for one in states]) for name in _TURNING},
        {name: np.concatenate([one.hinges_rad[name] for one in states]) for name in _HINGES},
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
        {name: hinges[name] for name in _HINGES},
    )  # fmt: skip


_PART_FRAMES = 512
"""How points move takes 12 kB a frame, which is not held for a whole video."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A posed chain.

    joints_m and landmarks_m (T, K, 3) are joint centres and where MediaPipe would put its
    landmarks; by_unknown (T, K, 3, N) and by_length (T, K, 3, L) how the landmarks move with
    each unknown and each length; thorax (T, 3, 3) is its frame.
    """

    joints_m: FloatArray
    landmarks_m: FloatArray
    by_unknown: FloatArray
    by_length: FloatArray
    thorax: FloatArray


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


class _Chain:
    """A chain while it is posed, segment by segment."""

    def __init__(self, state: ChainState, lengths_m: FloatArray, offsets_m: FloatArray) -> None:
        frames = len(state.place_m)
        self.state, self.offsets_m = state, offsets_m
        self.size = dict(zip(LENGTH_NAMES, lengths_m, strict=True))
        self.joints = np.zeros((frames, K, 3))
        self.landmarks = np.zeros((frames, K, 3))
        self.by_length = np.zeros((frames, K, 3, len(LENGTH_NAMES)))
        self.pivots: dict[str, tuple[FloatArray, FloatArray]] = {}

    def put(self, joint: str, place: FloatArray, frame: FloatArray) -> None:
        """Put a joint somewhere; its landmark is beside it in the frame of a segment."""
        self.joints[:, JOINT[joint]] = place
        self.landmarks[:, JOINT[joint]] = place + frame @ self.offsets_m[JOINT[joint]]

    def lengthen(self, name: str, direction: FloatArray, moved: list[int]) -> None:
        """Note where landmarks move when a length grows."""
        self.by_length[:, moved, :, LENGTH[name]] += direction

    def hinge(
        self, name: str, place: FloatArray, frame: FloatArray, axis: FloatArray
    ) -> FloatArray:
        """Bend a hinge at a place; return the frame of the segment below."""
        self.pivots[name] = (place, (frame @ axis)[:, :, None])
        return np.asarray(frame @ _about(axis, self.state.hinges_rad[name]))

    def trunk(self) -> tuple[FloatArray, FloatArray]:
        """Pose the trunk; return the frame of the thorax and the middle of the shoulders."""
        place, pelvis = self.state.place_m, self.state.turns["pelvis"]
        thorax = pelvis @ self.state.turns["spine"]
        waist = place + pelvis[:, :, 1] * (_WAIST_SHARE * self.size["trunk"])
        top = waist + thorax[:, :, 1] * ((1.0 - _WAIST_SHARE) * self.size["trunk"])
        self.pivots["pelvis"] = (place, np.tile(np.eye(3), (len(place), 1, 1)))
        self.pivots["spine"] = (waist, pelvis)
        upwards = _WAIST_SHARE * pelvis[:, :, 1] + (1.0 - _WAIST_SHARE) * thorax[:, :, 1]
        self.lengthen("trunk", upwards, _moved_by("spine"))
        return thorax, top

    def leg(self, side: str) -> None:
        """Pose hip, knee, ankle and toes of a side."""
        pelvis, half = self.state.turns["pelvis"], _RIGHTWARDS[side] / 2.0
        hip = self.state.place_m + pelvis[:, :, 2] * (half * self.size["hip_width"])
        self.pivots[f"hip_{side}"] = (hip, pelvis)
        thigh = pelvis @ self.state.turns[f"hip_{side}"]
        knee = hip + thigh @ _DOWN * self.size["thigh"]
        shank = self.hinge(f"knee_{side}", knee, thigh, _KNEE_AXIS)
        ankle = knee + shank @ _DOWN * self.size["shank"]
        foot = self.hinge(f"ankle_{side}", ankle, shank, _ANKLE_AXIS[side])
        self.put(f"hip_{side}", hip, thigh)
        self.put(f"knee_{side}", knee, thigh)
        self.put(f"ankle_{side}", ankle, shank)
        self.put(f"toe_{side}", ankle + foot @ _TOES_REST * self.size["foot"], foot)
        below = _moved_by(f"hip_{side}")
        self.lengthen("hip_width", half * pelvis[:, :, 2], below)
        self.lengthen("thigh", thigh @ _DOWN, below[1:])
        self.lengthen("shank", shank @ _DOWN, below[2:])
        self.lengthen("foot", foot @ _TOES_REST, below[3:])

    def arm(self, side: str, thorax: FloatArray, top: FloatArray) -> None:
        """Pose shoulder, elbow and wrist of a side."""
        half = _RIGHTWARDS[side] / 2.0
        shoulder = top + thorax[:, :, 2] * (half * self.size["shoulder_width"])
        self.pivots[f"shoulder_{side}"] = (shoulder, thorax)
        upper = thorax @ self.state.turns[f"shoulder_{side}"]
        elbow = shoulder + upper @ _DOWN * self.size["upper_arm"]
        forearm = self.hinge(f"elbow_{side}", elbow, upper, _ELBOW_AXIS[side])
        self.put(f"shoulder_{side}", shoulder, thorax)
        self.put(f"elbow_{side}", elbow, upper)
        self.put(f"wrist_{side}", elbow + forearm @ _DOWN * self.size["forearm"], forearm)
        below = _moved_by(f"shoulder_{side}")
        own = [JOINT[f"shoulder_{side}"], *below]
        self.lengthen("shoulder_width", half * thorax[:, :, 2], own)
        self.lengthen("upper_arm", upper @ _DOWN, below)
        self.lengthen("forearm", forearm @ _DOWN, below[1:])

    def by_unknown(self) -> FloatArray:
        """How the landmarks move with each unknown (T, K, 3, N)."""
        moves = np.zeros((*self.landmarks.shape, N))
        moves[:, :, [0, 1, 2], [0, 1, 2]] = 1.0
        for name, (pivot, axes) in self.pivots.items():
            moved = _moved_by(name)
            lever = self.landmarks[:, moved] - pivot[:, None]
            turned = np.cross(np.swapaxes(axes, 1, 2)[:, None], lever[:, :, None])
            columns = TURN[name] if name in TURN else slice(HINGE[name], HINGE[name] + 1)
            moves[:, moved, :, columns] = np.swapaxes(turned, 2, 3)
        return moves


def pose_chain(
    state: ChainState, lengths_m: FloatArray, offsets_m: FloatArray | None = None
) -> Posed:
    """Pose the chain with lengths (L,) in the order of `LENGTH_NAMES`.

    `offsets_m` (K, 3) lead from joint centres to landmarks, as `landmark_offsets` gives them;
    without them landmarks are at the joints.
    """
    chain, thorax = _posed(state, lengths_m, offsets_m)
    return Posed(chain.joints, chain.landmarks, chain.by_unknown(), chain.by_length, thorax)


def posed_points(
    state: ChainState, lengths_m: FloatArray, offsets_m: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Pose only joints and landmarks (T, K, 3), as `pose_chain`, of any number of frames."""
    joints, landmarks = [], []
    frames = len(state.place_m)
    for start in range(0, frames, _PART_FRAMES):
        part = state.select(np.arange(start, min(start + _PART_FRAMES, frames)))
        chain, _ = _posed(part, lengths_m, offsets_m)
        joints.append(chain.joints)
        landmarks.append(chain.landmarks)
    return np.concatenate(joints), np.concatenate(landmarks)


def _posed(
    state: ChainState, lengths_m: FloatArray, offsets_m: FloatArray | None
) -> tuple[_Chain, FloatArray]:
    chain = _Chain(state, lengths_m, np.zeros((K, 3)) if offsets_m is None else offsets_m)
    thorax, top = chain.trunk()
    for side in SIDES:
        chain.leg(side)
        chain.arm(side, thorax, top)
    return chain, thorax


def _about(axis: FloatArray, angle: FloatArray) -> FloatArray:
    x, y, z = (float(value) for value in axis / np.linalg.norm(axis))
    return axis_rotation((x, y, z), angle)
