"""Forward kinematics of the SKEL skeleton: angles to joint positions and segment orientations.

T frames, D = 46 DoF, J = 24 joints

The resting pose (q = 0) is a T-pose in a frame with x to the person's left, y up and z forward.
The pelvis turns the whole body from there into the camera frame (x right, y down, z away): a
person upright and facing the camera has pelvis_tilt = +-pi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qevd_bio.skeleton.dofs import (
    DOFS,
    JOINT_INDEX,
    JOINT_NAMES,
    N_DOFS,
    N_JOINTS,
    PARENTS,
    joint_dofs,
)

FloatArray = NDArray[np.float64]

_SPINE = tuple(JOINT_INDEX[name] for name in ("lumbar_body", "thorax", "head"))
_SCAPULAE = (("r", -1.0), ("l", 1.0))


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Joint positions and frames of one body in the resting pose.

    Attributes
    ----------
    joints_m : ndarray (24, 3)
        Joint positions of the T-pose in metres.
    frames : ndarray (24, 3, 3)
        Columns are each joint's X, Y, Z axes in the T-pose; its DoFs turn about them.
    """

    joints_m: FloatArray
    frames: FloatArray

    def __post_init__(self) -> None:
        if self.joints_m.shape != (N_JOINTS, 3):
            raise ValueError(f"joints_m has shape {self.joints_m.shape}, needs {(N_JOINTS, 3)}")
        if self.frames.shape != (N_JOINTS, 3, 3):
            raise ValueError(f"frames has shape {self.frames.shape}, needs {(N_JOINTS, 3, 3)}")

    def offsets_m(self) -> FloatArray:
        """Return each joint's place relative to its parent in the T-pose (24, 3), in metres."""
        offsets = self.joints_m.copy()
        offsets[1:] -= self.joints_m[list(PARENTS[1:])]
        return offsets


def axis_rotation(axis: tuple[float, float, float], angle: FloatArray) -> FloatArray:
    """Turn about a unit axis (Rodrigues).

    Parameters
    ----------
    axis : tuple of 3 floats
        Unit vector.
    angle : ndarray (...)
        rad, right-handed.

    Returns
    -------
    ndarray (..., 3, 3)
        Rotation matrices acting on column vectors.
    """
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    basis = np.stack([np.eye(3), cross, cross @ cross]).reshape(3, 9)
    weights = np.stack([np.ones_like(angle), np.sin(angle), 1.0 - np.cos(angle)], axis=-1)
    return np.asarray((weights @ basis).reshape(*np.shape(angle), 3, 3))


def joint_rotations(q: FloatArray) -> FloatArray:
    """Turn angles into one rotation per joint, in the joint's own frame.

    Parameters
    ----------
    q : ndarray (T, 46)
        Angles in rad.

    Returns
    -------
    ndarray (T, 24, 3, 3)
        Products of the DoF turns; the first DoF of a joint is applied first.
    """
    if q.ndim != 2 or q.shape[1] != N_DOFS:
        raise ValueError(f"q has shape {q.shape}, needs (T, {N_DOFS})")
    rotations = np.tile(np.eye(3), (len(q), N_JOINTS, 1, 1))
    turned: set[int] = set()
    for dof in DOFS:
        joint = JOINT_INDEX[dof.joint]
        turn = axis_rotation(dof.axis, q[:, dof.index])
        rotations[:, joint] = turn @ rotations[:, joint] if joint in turned else turn
        turned.add(joint)
    return rotations


def _arc(length: float, angle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Chord of a circular arc of fixed length: sideways and along, in metres."""
    small = np.abs(angle) < 1e-5
    safe = np.where(small, 1.0, angle)
    sideways = np.where(small, length * angle / 2.0, length * (1.0 - np.cos(safe)) / safe)
    along = np.where(small, length * (1.0 - angle**2 / 6.0), length * np.sin(safe) / safe)
    return sideways, along


def _spine_shift(skeleton: Skeleton, q: FloatArray, joint: int) -> FloatArray:
    """Move a spine joint along the constant-curvature arc of SKEL (T, 3)."""
    bend, extend, _ = joint_dofs(JOINT_NAMES[joint])
    length = abs(skeleton.joints_m[joint, 1] - skeleton.joints_m[PARENTS[joint], 1])
    side_x, side_y = _arc(length, q[:, bend])
    front_x, front_y = _arc(length, q[:, extend])
    return np.stack([-side_x, side_y + front_y - 2.0 * length, -front_x], axis=-1)


def _scapula_shift(skeleton: Skeleton, q: FloatArray, side: str, sign: float) -> FloatArray:
    """Slide a scapula over SKEL's thorax ellipsoid (T, 3)."""
    joints = skeleton.joints_m
    width = np.linalg.norm(joints[JOINT_INDEX["scapula_l"]] - joints[JOINT_INDEX["scapula_r"]])
    height = np.linalg.norm(joints[JOINT_INDEX["thorax"]] - joints[JOINT_INDEX["lumbar_body"]])
    index = {dof.name: dof.index for dof in DOFS}

    def place(abduction: FloatArray, elevation: FloatArray) -> FloatArray:
        lifted = elevation - math.pi / 4.0
        return np.stack(
            [
                sign * width / 4.0 * np.cos(lifted) * np.cos(abduction),
                -(height / 2.0) * np.sin(lifted),
                width / 4.0 * np.sin(abduction),
            ],
            axis=-1,
        )

    abduction = -sign * q[:, index[f"scapula_abduction_{side}"]]
    elevation = -sign * q[:, index[f"scapula_elevation_{side}"]]
    rest = np.zeros(1)
    return place(abduction, elevation) - place(rest, rest)


def forward_kinematics(q: FloatArray, skeleton: Skeleton) -> tuple[FloatArray, FloatArray]:
    """Pose a skeleton.

    Parameters
    ----------
    q : ndarray (T, 46)
        Angles in rad, SKEL order.
    skeleton : Skeleton
        The body.

    Returns
    -------
    joints_m : ndarray (T, 24, 3)
        Joint positions in metres; the pelvis stays at its T-pose position.
    orientations : ndarray (T, 24, 3, 3)
        How each segment is turned from the T-pose.

    Notes
    -----
    NaN angles give NaN for that joint and all below it. Source: SKEL (2023), section 3; the
    spine bends on constant-curvature arcs and the scapula slides on an ellipsoid.
    """
    frames = skeleton.frames
    local = frames @ joint_rotations(q) @ np.swapaxes(frames, -1, -2)
    shifts = np.tile(skeleton.offsets_m(), (len(q), 1, 1))
    for joint in _SPINE:
        shifts[:, joint] += _spine_shift(skeleton, q, joint)
    for side, sign in _SCAPULAE:
        shifts[:, JOINT_INDEX[f"scapula_{side}"]] += _scapula_shift(skeleton, q, side, sign)

    joints = np.empty((len(q), N_JOINTS, 3))
    orientations = np.empty((len(q), N_JOINTS, 3, 3))
    joints[:, 0], orientations[:, 0] = shifts[:, 0], local[:, 0]
    for joint in range(1, N_JOINTS):
        parent = PARENTS[joint]
        turned = np.einsum("tij,tj->ti", orientations[:, parent], shifts[:, joint])
        joints[:, joint] = joints[:, parent] + turned
        orientations[:, joint] = orientations[:, parent] @ local[:, joint]
    return joints, orientations
