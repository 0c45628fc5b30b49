"""The geometry behind the measures: each function turns a pose into values, (T,) a frame.

T frames, D = 46 DoF, J = 24 joints

Results are in degrees, or a plain ratio for the stance. What each one means, and what a larger
value stands for, is said in the catalogue of measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX

FloatArray = NDArray[np.float64]

_SHORT = 0.15


@dataclass(frozen=True, slots=True)
class Pose:
    """What a measure is computed from.

    Attributes
    ----------
    q : ndarray (T, 46)
        Angles in rad.
    joints_m : ndarray (T, 24, 3)
        Joint positions in the camera frame, in metres.
    up : ndarray (3,)
        Unit vector against gravity, in the camera frame.
    """

    q: FloatArray
    joints_m: FloatArray
    up: FloatArray

    def joint(self, name: str) -> FloatArray:
        """Return the positions (T, 3) of one joint."""
        return self.joints_m[:, JOINT_INDEX[name]]

    def middle(self, name: str) -> FloatArray:
        """Return the midpoint (T, 3) between the right and left joint of a pair."""
        return (self.joint(f"{name}_r") + self.joint(f"{name}_l")) / 2.0

    def left(self) -> FloatArray:
        """Return the unit direction (T, 3) from the right hip to the left hip."""
        return _unit(self.joint("femur_l") - self.joint("femur_r"))

    def trunk(self) -> FloatArray:
        """Return the unit direction (T, 3) from mid-hips to mid-shoulders."""
        return _unit(self.middle("humerus") - self.middle("femur"))


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, np.nan))


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.sum(a * b, axis=-1))


def _horizontal(pose: Pose, direction: FloatArray) -> FloatArray:
    """Project on the floor; NaN where the direction is nearly vertical."""
    flat = direction - _dot(direction, pose.up)[:, None] * pose.up
    length = np.linalg.norm(flat, axis=-1, keepdims=True)
    return np.asarray(flat / np.where(length > _SHORT, length, np.nan))


def joint_coordinate(dof: str, sign: float = 1.0) -> Callable[[Pose], FloatArray]:
    """Read a degree of freedom in degrees."""
    index = DOF_INDEX[dof]
    return lambda pose: np.asarray(sign * np.rad2deg(pose.q[:, index]))


def shoulder_elevation(side: str) -> Callable[[Pose], FloatArray]:
    """Measure the angle between upper arm and the trunk's downward direction."""

    def compute(pose: Pose) -> FloatArray:
        arm = _unit(pose.joint(f"ulna_{side}") - pose.joint(f"humerus_{side}"))
        along = np.clip(-_dot(arm, pose.trunk()), -1.0, 1.0)
        return np.asarray(np.rad2deg(np.arccos(along)))

    return compute


def across_the_chest(side: str) -> Callable[[Pose], FloatArray]:
    """Measure how far the upper arm is drawn across the chest."""
    to_the_side = -1.0 if side == "r" else 1.0

    def compute(pose: Pose) -> FloatArray:
        trunk = pose.trunk()
        arm = _unit(pose.joint(f"ulna_{side}") - pose.joint(f"humerus_{side}"))
        shoulders = pose.joint("humerus_l") - pose.joint("humerus_r")
        outwards = _unit(to_the_side * (shoulders - _dot(shoulders, trunk)[:, None] * trunk))
        front = np.cross(trunk, outwards) * -to_the_side
        ahead, aside = _dot(arm, front), _dot(arm, outwards)
        turned = np.mod(np.rad2deg(np.arctan2(ahead, aside)) + 90.0, 360.0) - 90.0
        return np.where(np.hypot(ahead, aside) > _SHORT, turned, np.nan)

    return compute


def thigh_split(side: str) -> Callable[[Pose], FloatArray]:
    """Measure how far a thigh is in front of the other."""
    other = "l" if side == "r" else "r"
    ahead, behind = DOF_INDEX[f"hip_flexion_{side}"], DOF_INDEX[f"hip_flexion_{other}"]
    return lambda pose: np.asarray(np.rad2deg(pose.q[:, ahead] - pose.q[:, behind]))


def forward_lean(pose: Pose) -> FloatArray:
    """Measure the lean of the trunk to the front."""
    forward = np.cross(_horizontal(pose, pose.left()), pose.up)
    trunk = pose.trunk()
    return np.asarray(np.rad2deg(np.arctan2(_dot(trunk, forward), _dot(trunk, pose.up))))


def side_lean(pose: Pose) -> FloatArray:
    """Measure the lean of the trunk to the person's right."""
    right = -_horizontal(pose, pose.left())
    return np.asarray(np.rad2deg(np.arcsin(np.clip(_dot(pose.trunk(), right), -1.0, 1.0))))


def body_line(pose: Pose) -> FloatArray:
    """Measure the angle shoulders-hips-ankles on the front of the body."""
    trunk = pose.trunk()
    front = _unit(np.cross(pose.left(), trunk))
    legs = pose.middle("talus") - pose.middle("femur")
    turned = np.rad2deg(np.arctan2(_dot(legs, front), _dot(legs, trunk)))
    return np.asarray(np.mod(turned, 360.0))


def stance_width(pose: Pose) -> FloatArray:
    """Measure the distance of the ankles in hip widths."""
    hips = np.linalg.norm(pose.joint("femur_l") - pose.joint("femur_r"), axis=-1)
    feet = _dot(pose.joint("talus_l") - pose.joint("talus_r"), pose.left())
    return np.asarray(feet / hips)


def knee_valgus(side: str) -> Callable[[Pose], FloatArray]:
    """Measure the inward inclination of the thigh minus that of the shank."""
    medial_sign = 1.0 if side == "r" else -1.0

    def compute(pose: Pose) -> FloatArray:
        left = pose.left()
        hip, knee, ankle = (pose.joint(f"{n}_{side}") for n in ("femur", "tibia", "talus"))

        def inclination(bone: FloatArray) -> FloatArray:
            return np.arcsin(np.clip(medial_sign * _dot(_unit(bone), left), -1.0, 1.0))

        return np.asarray(np.rad2deg(inclination(knee - hip) - inclination(ankle - knee)))

    return compute
