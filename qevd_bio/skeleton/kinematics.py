"""Forward kinematics of the SKEL skeleton: angles to joint positions and segment orientations.

T frames, D = 46 DoF, J = 24 joints

The resting pose (q = 0) is a T-pose in a frame with x to the person's left, y up and z forward.
The pelvis turns the whole body from there into the camera frame (x right, y down, z away): a
person upright and facing the camera has pelvis_tilt = +-pi.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import (
    DOFS,
    JOINT_INDEX,
    JOINT_NAMES,
    N_DOFS,
    N_JOINTS,
    PARENTS,
    joint_dofs,
)

_SPINE = ("lumbar_body", "thorax", "head")
_DOFS_OF = {name: [DOFS[i] for i in joint_dofs(name)] for name in JOINT_NAMES}


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
    _bases: dict[str, list[FloatArray]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _offsets_m: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.joints_m.shape != (N_JOINTS, 3):
            raise ValueError(f"joints_m has shape {self.joints_m.shape}, needs {(N_JOINTS, 3)}")
        if self.frames.shape != (N_JOINTS, 3, 3):
            raise ValueError(f"frames has shape {self.frames.shape}, needs {(N_JOINTS, 3, 3)}")
        offsets = self.joints_m.copy()
        offsets[1:] -= self.joints_m[list(PARENTS[1:])]
        object.__setattr__(self, "_offsets_m", offsets)

    def offsets_m(self) -> FloatArray:
        """Return each joint's position relative to its parent in the T-pose (24, 3), in metres."""
        return self._offsets_m

    def turn_bases(self, joint: str) -> list[FloatArray]:
        """Return what each DoF of a joint turns by, (9, 3) each, in the frame of the T-pose."""
        if joint not in self._bases:
            frame = self.frames[JOINT_INDEX[joint]]
            bases = [_turn_basis(dof.axis) for dof in _DOFS_OF[joint]]
            bases[0] = bases[0] @ frame.T
            bases[-1] = frame @ bases[-1]
            self._bases[joint] = [basis.reshape(3, 9).T for basis in bases]
        return self._bases[joint]


def axis_rotation(axis: tuple[float, float, float], angle: FloatArray) -> FloatArray:
    """Rotate about a unit axis by right-handed angles (...) in rad: matrices (..., 3, 3)."""
    basis = _turn_basis(axis).reshape(3, 9)
    weights = np.moveaxis(_turn_weights(angle), 0, -1)
    return np.asarray((weights @ basis).reshape(*np.shape(angle), 3, 3))


@cache
def _turn_basis(axis: tuple[float, float, float]) -> FloatArray:
    """Return the matrices (3, 3, 3) of Rodrigues' formula, a rotation as their weighted sum."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.stack([np.eye(3), cross, cross @ cross])


def _turn_weights(angle: FloatArray) -> FloatArray:
    weights = np.empty((3, *np.shape(angle)))
    weights[0] = 1.0
    np.sin(angle, out=weights[1, ...])
    np.subtract(1.0, np.cos(angle), out=weights[2, ...])
    return weights


def joint_turn(joint: str, angles: FloatArray) -> FloatArray:
    """Convert the n angles (T, n) of a joint in rad to rotations (3, 3, T) in its own frame.

    The first DoF is applied first.
    """
    bases = [_turn_basis(dof.axis).reshape(3, 9).T for dof in _DOFS_OF[joint]]
    return _turned_by(bases, angles)


def _turned_by(bases: Sequence[FloatArray], angles: FloatArray) -> FloatArray:
    """Turn by the angles (T, n) of n DoFs with their bases (9, 3): (3, 3, T), the first first."""
    turns = [
        (basis @ _turn_weights(angle)).reshape(3, 3, -1)
        for basis, angle in zip(bases, angles.T, strict=True)
    ]
    turn = turns[-1]
    for earlier in turns[-2::-1]:
        turn = matrix_product(turn, earlier)
    return turn


def matrix_product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Multiply 3x3 matrices frame by frame, frames along the last axis: (3, 3, T).

    Long runs along the frames are several times faster than many small products.
    """
    return np.asarray(a[:, 0, None] * b[0] + a[:, 1, None] * b[1] + a[:, 2, None] * b[2])


def joint_rotations(q: FloatArray) -> FloatArray:
    """Convert angles (T, 46) in rad to one rotation a joint (T, 24, 3, 3), in its own frame.

    The first DoF of a joint is applied first.
    """
    _check_shape(q)
    turns = [joint_turn(joint, q[:, joint_dofs(joint)]) for joint in JOINT_NAMES]
    return np.ascontiguousarray(np.moveaxis(np.stack(turns), -1, 0))


def _check_shape(q: FloatArray) -> None:
    if q.ndim != 2 or q.shape[1] != N_DOFS:
        raise ValueError(f"q has shape {q.shape}, needs (T, {N_DOFS})")


def _arc(length: FloatArray, angle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Chord of a circular arc of fixed length: sideways and along, in metres."""
    small = np.abs(angle) < 1e-5
    safe = np.where(small, 1.0, angle)
    sideways = np.where(small, length * angle / 2.0, length * (1.0 - np.cos(safe)) / safe)
    along = np.where(small, length * (1.0 - angle**2 / 6.0), length * np.sin(safe) / safe)
    return sideways, along


def pose_shift(joints_m: FloatArray, q: FloatArray, joint: str) -> FloatArray | None:
    """Compute how a pose (T, 46) moves a joint in its parent's frame (3, T), in metres.

    `joints_m` (24, 3) or (T, 24, 3) are the joints of the T-pose, of one body or of each frame's
    own. None: only the joints of the spine and the scapulae move.
    """
    if joint in _SPINE:
        return _spine_shift(joints_m, q, joint)
    if joint.startswith("scapula"):
        return _scapula_shift(joints_m, q, joint)
    return None


def _spine_shift(joints_m: FloatArray, q: FloatArray, joint: str) -> FloatArray:
    """Move a spine joint along the constant-curvature arc of SKEL (3, T)."""
    bend, extend, _ = joint_dofs(joint)
    index = JOINT_INDEX[joint]
    length = np.abs(joints_m[..., index, 1] - joints_m[..., PARENTS[index], 1])
    side_x, side_y = _arc(length, q[:, bend])
    front_x, front_y = _arc(length, q[:, extend])
    return np.stack([-side_x, side_y + front_y - 2.0 * length, -front_x])


def _scapula_shift(joints_m: FloatArray, q: FloatArray, joint: str) -> FloatArray:
    """Slide a scapula over SKEL's thorax ellipsoid (3, T)."""
    right, left, thorax, lumbar = (
        joints_m[..., JOINT_INDEX[name], :]
        for name in ("scapula_r", "scapula_l", "thorax", "lumbar_body")
    )
    width = np.linalg.norm(left - right, axis=-1)
    height = np.linalg.norm(thorax - lumbar, axis=-1)
    sign = -1.0 if joint == "scapula_r" else 1.0

    def place(abduction: FloatArray, elevation: FloatArray) -> FloatArray:
        lifted = elevation - math.pi / 4.0
        return np.stack(
            [
                sign * width / 4.0 * np.cos(lifted) * np.cos(abduction),
                -(height / 2.0) * np.sin(lifted),
                width / 4.0 * np.sin(abduction),
            ]
        )

    abduction, elevation, _ = joint_dofs(joint)
    rest = np.zeros(1)
    return place(-sign * q[:, abduction], -sign * q[:, elevation]) - place(rest, rest)


@dataclass(frozen=True, slots=True)
class PosedSkeleton:
    """A skeleton in T poses q (T, 46) in rad; a joint is computed when first requested."""

    q: FloatArray
    skeleton: Skeleton
    _places: dict[str, FloatArray] = field(default_factory=dict, init=False, repr=False)
    _turns: dict[str, FloatArray] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        _check_shape(self.q)

    def place(self, joint: str) -> FloatArray:
        """Return the positions (3, T) of a joint in metres; (3, 1) of the pelvis, which stays."""
        if joint not in self._places:
            shift, parent = self._shift(joint), PARENTS[JOINT_INDEX[joint]]
            if parent >= 0:
                x, y, z = shift
                turn = self.turn(JOINT_NAMES[parent])
                carried = turn[:, 0] * x + turn[:, 1] * y + turn[:, 2] * z
                shift = self.place(JOINT_NAMES[parent]) + carried
            self._places[joint] = shift
        return self._places[joint]

    def turn(self, joint: str) -> FloatArray:
        """Return how a segment is turned from the T-pose (3, 3, T)."""
        if joint not in self._turns:
            index = JOINT_INDEX[joint]
            turn = _turned_by(self.skeleton.turn_bases(joint), self.q[:, joint_dofs(joint)])
            if PARENTS[index] >= 0:
                turn = matrix_product(self.turn(JOINT_NAMES[PARENTS[index]]), turn)
            self._turns[joint] = turn
        return self._turns[joint]

    def _shift(self, joint: str) -> FloatArray:
        """Return a joint's position (3, 1) or (3, T) relative to its parent, in its frame."""
        index = JOINT_INDEX[joint]
        offset: FloatArray = self.skeleton.offsets_m()[index][:, None]
        moved = pose_shift(self.skeleton.joints_m, self.q, joint)
        return offset if moved is None else offset + moved


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
    posed = PosedSkeleton(q, skeleton)
    places = np.empty((N_JOINTS, 3, len(q)))
    for index, joint in enumerate(JOINT_NAMES):
        places[index] = posed.place(joint)
    turns = np.stack([posed.turn(joint) for joint in JOINT_NAMES])
    return (
        np.ascontiguousarray(np.moveaxis(places, -1, 0)),
        np.ascontiguousarray(np.moveaxis(turns, -1, 0)),
    )


def euler_angles(joint: str, rotation: FloatArray) -> FloatArray:
    """Split rotations (T, 3, 3) in a joint's frame into its three DoFs (T, 3) in rad.

    The joint turns about the coordinate axes. The outer angles are in (-pi, pi], the middle one
    in [-pi/2, pi/2]; at +-90 degrees only a combination of the outer two is defined.
    """
    axes = np.array([DOFS[i].axis for i in joint_dofs(joint)])
    a, b, c = (int(i) for i in np.argmax(np.abs(axes), axis=1))
    signs = axes[range(3), [a, b, c]]
    even = 1.0 if b == (a + 1) % 3 else -1.0
    # numpy's arctan2 of strided arrays depends in the last bit on where they lie in memory
    element = np.ascontiguousarray(np.moveaxis(rotation, 0, 2))
    first = np.arctan2(even * element[c, b], element[c, c])
    second = np.arcsin(np.clip(-even * element[c, a], -1.0, 1.0))
    third = np.arctan2(even * element[b, a], element[a, a])
    return np.asarray(np.stack([first, second, third], axis=1) * signs)
