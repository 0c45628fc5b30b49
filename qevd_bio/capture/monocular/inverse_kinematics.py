"""Joint positions to SKEL angles, in closed form.

T frames, D = 46 DoF, K = 14 joints of the stick body

Fourteen points show bones as lines. What a line cannot show is not made up: the pelvis' up axis
is put on the line hips to shoulders (less a share of the hips' bend, if asked), and a straight
limb keeps its neutral turn about its own axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS, JOINT
from qevd_bio.skeleton.bodies import BODY_AXES, generic_frames, generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_INDEX, N_DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import (
    axis_rotation,
    euler_angles,
    forward_kinematics,
    joint_rotations,
)

SIDES = ("r", "l")

_PART_FRAMES = 1024
"""Frames computed at once: their rotations take 4 kB each."""

# Below the first bend a limb's turn about its own axis is neutral, above the second it is read
# from the plane of the limb; in between one fades into the other.
_HINGE_FADES_IN_RAD = (np.deg2rad(15.0), np.deg2rad(30.0))

_MOST_LEG_TURN_RAD = np.deg2rad(140.0)
"""A thigh turned further than this means that the knee seems to bend the wrong way."""

_TOES_REST = np.array([0.60, -0.20, 0.0])
"""Ankle to toe joint of `bodies.scaled_skeleton`, forward and up, in foot lengths."""

OBSERVED: tuple[str, ...] = (
    "pelvis_tilt", "pelvis_list", "pelvis_rotation",
    *(f"{dof}_{side}" for side in SIDES for dof in (
        "hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle",
        "elbow_flexion",
    )),
    *(f"shoulder_{side}_{axis}" for side in SIDES for axis in "xyz"),
)  # fmt: skip
"""DoFs the backend measures: from the lines hips to shoulders and of the hips, of thighs, shanks,
feet (ankle to toes), upper arms and forearms. Hip rotation is read off the plane of the bent knee,
and neutral while the knee is straight; so are the shoulders' turns off the bent elbow.

The others stay at zero, the twists apart: hips and shoulders do not show where between them the
trunk bends or twists (the twist is shared evenly); no landmark shows the base of the neck or lies
between foot and toes; one line does not show the roll of a foot, one point no shoulder blade; the
turn of a forearm shows in the hand only, and hand landmarks are too coarse.
"""


def observed_mask() -> NDArray[np.bool_]:
    """Return which of the 46 DoFs are measured (46,)."""
    return np.array([dof.name in OBSERVED for dof in DOFS])


@dataclass(frozen=True, slots=True)
class _Limb:
    """Two bones joined by a hinge, in the frame of the upper bone's joint."""

    joint: str
    hinge: tuple[float, float, float]
    hinge_dof: str
    upper: tuple[str, str]
    lower: tuple[str, str]


def _limbs(side: str) -> tuple[_Limb, _Limb]:
    def axis(dof: str) -> tuple[float, float, float]:
        return DOFS[DOF_INDEX[dof]].axis

    knee, elbow = f"knee_angle_{side}", f"elbow_flexion_{side}"
    leg = _Limb(
        f"femur_{side}", axis(knee), knee,
        (f"hip_{side}", f"knee_{side}"), (f"knee_{side}", f"ankle_{side}"),
    )  # fmt: skip
    arm = _Limb(
        f"humerus_{side}", axis(elbow), elbow,
        (f"shoulder_{side}", f"elbow_{side}"), (f"elbow_{side}", f"wrist_{side}"),
    )  # fmt: skip
    return leg, arm


def inverse_kinematics(joints_m: FloatArray, *, spine_share: float = 0.0) -> FloatArray:
    """Compute SKEL angles of a stick body.

    Parameters
    ----------
    joints_m : ndarray (T, K, 3)
        Joints in the order of `BODY_JOINTS`, camera frame, metres.
    spine_share : float
        How much the spine is assumed to bend with the hips; 0 keeps it straight.

    Returns
    -------
    ndarray (T, 46)
        Angles in rad, not unwrapped; unobserved DoFs are 0 except the two twists and, with a
        spine share, the two extensions, which share the bend.

    Notes
    -----
    NaN joints give NaN angles in what hangs on them. Knees and elbows lie in [0, pi]. The
    result is exact for a straight spine and resting shoulder blades: forward kinematics gives
    the same bone directions back. Source of the conventions: `skeleton.bodies`.
    """
    if joints_m.ndim != 3 or joints_m.shape[1:] != (len(BODY_JOINTS), 3):
        raise ValueError(f"joints_m has shape {joints_m.shape}, needs (T, {len(BODY_JOINTS)}, 3)")
    q = np.zeros((len(joints_m), N_DOFS))
    for first in range(0, len(q), _PART_FRAMES):
        part = slice(first, first + _PART_FRAMES)
        q[part] = _angles(joints_m[part], spine_share)
    return q


def _angles(joints_m: FloatArray, spine_share: float) -> FloatArray:
    """Compute the angles (T, 46) of some frames."""
    q = np.zeros((len(joints_m), N_DOFS))

    def line(tail: str, head: str) -> FloatArray:
        return _unit(joints_m[:, JOINT[head]] - joints_m[:, JOINT[tail]])

    middle = {
        name: (joints_m[:, JOINT[f"{name}_r"]] + joints_m[:, JOINT[f"{name}_l"]]) / 2.0
        for name in ("hip", "shoulder")
    }
    up = _unit(middle["shoulder"] - middle["hip"])
    trunk = _frame(up, line("hip_l", "hip_r"))
    thighs = [_into(trunk, line(f"hip_{side}", f"knee_{side}")) for side in SIDES]
    hips = np.mean([_direction(thigh[:, 0], -thigh[:, 1]) for thigh in thighs], axis=0)
    bend = np.maximum(hips, 0.0) * spine_share / (1.0 + spine_share)
    pelvis = trunk @ axis_rotation((0.0, 0.0, 1.0), bend)
    for dof in ("lumbar_extension", "thorax_extension"):
        q[:, DOF_INDEX[dof]] = -bend * _extension_per_bend() / 2.0
    q[:, list(joint_dofs("pelvis"))] = euler_angles("pelvis", BODY_AXES.T @ pelvis)

    girdle = _into(trunk, line("shoulder_l", "shoulder_r"))
    twist = _direction(girdle[:, 0], girdle[:, 2])
    q[:, DOF_INDEX["lumbar_twist"]] = q[:, DOF_INDEX["thorax_twist"]] = twist / 2.0
    spine = joint_rotations(q)
    thorax = pelvis @ spine[:, JOINT_INDEX["lumbar_body"]] @ spine[:, JOINT_INDEX["thorax"]]

    rest = generic_frames()
    for side in SIDES:
        for limb, base in zip(_limbs(side), (pelvis, thorax), strict=True):
            start = base @ BODY_AXES.T @ rest[JOINT_INDEX[limb.joint]]
            upper, lower = line(*limb.upper), line(*limb.lower)
            most = _MOST_LEG_TURN_RAD if limb.joint.startswith("femur") else np.pi
            turn, bend = _hinged(_into(start, upper), _into(start, lower), limb.hinge, most)
            q[:, list(joint_dofs(limb.joint))] = euler_angles(limb.joint, turn)
            q[:, DOF_INDEX[limb.hinge_dof]] = bend
            if limb.joint.startswith("femur"):
                shank = start @ turn @ axis_rotation(limb.hinge, bend)
                foot = line(f"ankle_{side}", f"toe_{side}")
                q[:, DOF_INDEX[f"ankle_angle_{side}"]] = _ankle(side, shank, foot)
    return q


@cache
def _extension_per_bend() -> float:
    """Degrees of spine flexion that bend the line hips to shoulders by one degree."""
    q = np.zeros((1, N_DOFS))
    q[0, [DOF_INDEX["lumbar_extension"], DOF_INDEX["thorax_extension"]]] = -0.1
    joints, _ = forward_kinematics(q, generic_skeleton())
    shoulders = joints[0, [JOINT_INDEX["humerus_r"], JOINT_INDEX["humerus_l"]]].mean(axis=0)
    hips = joints[0, [JOINT_INDEX["femur_r"], JOINT_INDEX["femur_l"]]].mean(axis=0)
    return 0.2 / float(np.arctan2(shoulders[2] - hips[2], shoulders[1] - hips[1]))


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, np.nan))


def _direction(y: FloatArray, x: FloatArray) -> FloatArray:
    """Angle of (T,) directions; numpy's arctan2 of strided arrays varies in the last bit."""
    return np.asarray(np.arctan2(np.ascontiguousarray(y), np.ascontiguousarray(x)))


def _into(frames: FloatArray, vectors: FloatArray) -> FloatArray:
    """Express camera-frame vectors (T, 3) in frames (T, 3, 3) with axes as columns."""
    return np.asarray(np.einsum("tij,ti->tj", frames, vectors))


def _frame(up: FloatArray, right: FloatArray) -> FloatArray:
    """Columns X forward, Y up, Z right (T, 3, 3); Z is as near to `right` as Y allows."""
    flat = _unit(right - np.sum(right * up, axis=-1, keepdims=True) * up)
    return np.stack([np.cross(up, flat), up, flat], axis=-1)


def _hinged(
    upper: FloatArray, lower: FloatArray, hinge: tuple[float, float, float], most_turn: float
) -> tuple[FloatArray, FloatArray]:
    """Turn of the upper bone (T, 3, 3) and bend of the hinge (T,) from two bone directions.

    Both bones rest along -Y. The hinge may be a little askew (the elbow's carrying angle).
    """
    down = np.array([0.0, -1.0, 0.0])
    cosine = np.clip(np.sum(upper * lower, axis=-1), -1.0, 1.0)
    angle = np.arctan2(np.linalg.norm(np.cross(upper, lower), axis=-1), cosine)
    along = hinge[1] ** 2
    bend = np.arccos(np.clip((np.cos(angle) - along) / (1.0 - along), -1.0, 1.0))
    swing = _smallest_turn(down, upper)
    seen = _into(swing, lower)
    expected = axis_rotation(hinge, bend) @ down
    turn = _direction(seen[:, 0], seen[:, 2]) - _direction(expected[:, 0], expected[:, 2])
    turn = np.clip(np.angle(np.exp(1j * turn)), -most_turn, most_turn)
    begin, full = _HINGE_FADES_IN_RAD
    share = np.clip((angle - begin) / (full - begin), 0.0, 1.0)
    turn = turn * share**2 * (3.0 - 2.0 * share)
    return swing @ axis_rotation((0.0, 1.0, 0.0), turn), bend


def _smallest_turn(source: FloatArray, targets: FloatArray) -> FloatArray:
    """Rotate one direction onto others by the shortest way (T, 3, 3).

    Exactly opposite directions have no shortest way; a half turn about X is taken, which no
    human joint reaches.
    """
    axis = np.cross(source, targets)
    cosine = targets @ source
    cross = np.zeros((len(targets), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    cross -= np.swapaxes(cross, 1, 2)
    opposite = cosine < -1.0 + 1e-12
    share = 1.0 / np.where(opposite, 1.0, 1.0 + cosine)
    turn = np.eye(3) + cross + cross @ cross * share[:, None, None]
    turn[opposite] = np.diag([1.0, -1.0, -1.0])
    return turn


def _ankle(side: str, shank: FloatArray, foot: FloatArray) -> FloatArray:
    """Angle (T,) of the foot's line about SKEL's ankle axis."""
    frame = generic_frames()[JOINT_INDEX[f"talus_{side}"]]
    # shank columns are the shank's axes; the ankle's frame may be turned against them
    local = _into(shank @ BODY_AXES.T @ frame, foot)
    rest = frame.T @ BODY_AXES @ _TOES_REST
    axis = np.array(DOFS[DOF_INDEX[f"ankle_angle_{side}"]].axis)
    across = np.cross(axis, rest)
    flat = rest - (rest @ axis) * axis
    return np.asarray(np.arctan2(local @ across, local @ flat))
