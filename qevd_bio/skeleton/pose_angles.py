"""The geometry behind the measures: functions of a pose that return values (T,).

T frames, D = 46 DoF; directions and positions are (3, T), a row a coordinate

Results are in degrees, or a plain ratio for the stance. The catalogue of measures defines each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import PosedSkeleton

_SHORT = 0.15


@dataclass(frozen=True)
class Pose:
    """The input of a measure.

    Attributes
    ----------
    posed : PosedSkeleton
        T poses.
    up : ndarray (3, 1)
        Unit vector against gravity, in the camera frame.
    """

    posed: PosedSkeleton
    up: FloatArray

    def angle_deg(self, dof: str) -> FloatArray:
        """Return one degree of freedom (T,) in degrees."""
        return np.asarray(np.rad2deg(self.posed.q[:, DOF_INDEX[dof]]))

    def joint(self, name: str) -> FloatArray:
        """Return the positions (3, T) of one joint in the camera frame, in metres."""
        return self.posed.place(name)

    def middle(self, name: str) -> FloatArray:
        """Return the midpoint (3, T) between the right and left joint of a pair."""
        return (self.joint(f"{name}_r") + self.joint(f"{name}_l")) / 2.0

    def arm(self, side: str) -> FloatArray:
        """Return the unit direction (3, T) from shoulder to elbow."""
        return _unit(self.joint(f"ulna_{side}") - self.joint(f"humerus_{side}"))

    @cached_property
    def left(self) -> FloatArray:
        """The unit direction (3, T) from the right hip to the left hip."""
        return _unit(self.joint("femur_l") - self.joint("femur_r"))

    @cached_property
    def trunk(self) -> FloatArray:
        """The unit direction (3, T) from mid-hips to mid-shoulders."""
        return _unit(self.middle("humerus") - self.middle("femur"))


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    (ax, ay, az), (bx, by, bz) = a, b
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def _unit(vectors: FloatArray, longer_than: float = 0.0) -> FloatArray:
    """Normalise vectors; NaN where they are not longer than `longer_than`."""
    length = np.sqrt(_dot(vectors, vectors))
    return np.asarray(vectors / np.where(length > longer_than, length, np.nan))


def _horizontal(pose: Pose, direction: FloatArray) -> FloatArray:
    """Project on the floor; NaN where the direction is nearly vertical."""
    return _unit(direction - _dot(direction, pose.up) * pose.up, _SHORT)


def joint_coordinate(dof: str, sign: float = 1.0) -> Callable[[Pose], FloatArray]:
    """Read a degree of freedom in degrees."""
    return lambda pose: sign * pose.angle_deg(dof)


def shoulder_elevation(side: str) -> Callable[[Pose], FloatArray]:
    """Measure the angle between upper arm and the trunk's downward direction."""

    def compute(pose: Pose) -> FloatArray:
        along = np.clip(-_dot(pose.arm(side), pose.trunk), -1.0, 1.0)
        return np.asarray(np.rad2deg(np.arccos(along)))

    return compute


def shoulder_horizontal_adduction(side: str) -> Callable[[Pose], FloatArray]:
    """Measure how far the upper arm is drawn across the chest."""
    to_the_side = -1.0 if side == "r" else 1.0

    def compute(pose: Pose) -> FloatArray:
        trunk, arm = pose.trunk, pose.arm(side)
        shoulders = pose.joint("humerus_l") - pose.joint("humerus_r")
        outwards = _unit(to_the_side * (shoulders - _dot(shoulders, trunk) * trunk))
        front = _cross(trunk, outwards) * -to_the_side
        forward, sideways = _dot(arm, front), _dot(arm, outwards)
        turned = np.mod(np.rad2deg(np.arctan2(forward, sideways)) + 90.0, 360.0) - 90.0
        return np.where(np.hypot(forward, sideways) > _SHORT, turned, np.nan)

    return compute


def thigh_split(side: str) -> Callable[[Pose], FloatArray]:
    """Measure how far a thigh is in front of the other."""
    other = "l" if side == "r" else "r"
    front, back = f"hip_flexion_{side}", f"hip_flexion_{other}"
    return lambda pose: pose.angle_deg(front) - pose.angle_deg(back)


def forward_lean(pose: Pose) -> FloatArray:
    """Measure the lean of the trunk to the front."""
    forward = _cross(_horizontal(pose, pose.left), pose.up)
    trunk = pose.trunk
    return np.asarray(np.rad2deg(np.arctan2(_dot(trunk, forward), _dot(trunk, pose.up))))


def side_lean(pose: Pose) -> FloatArray:
    """Measure the lean of the trunk to the person's right."""
    right = -_horizontal(pose, pose.left)
    return np.asarray(np.rad2deg(np.arcsin(np.clip(_dot(pose.trunk, right), -1.0, 1.0))))


def body_line(pose: Pose) -> FloatArray:
    """Measure the angle shoulders-hips-ankles on the front of the body."""
    trunk = pose.trunk
    front = _unit(_cross(pose.left, trunk))
    legs = pose.middle("talus") - pose.middle("femur")
    turned = np.rad2deg(np.arctan2(_dot(legs, front), _dot(legs, trunk)))
    return np.asarray(np.mod(turned, 360.0))


def stance_width(pose: Pose) -> FloatArray:
    """Measure the distance of the ankles in hip widths."""
    hips = _dot(pose.joint("femur_l") - pose.joint("femur_r"), pose.left)
    feet = _dot(pose.joint("talus_l") - pose.joint("talus_r"), pose.left)
    return feet / hips


def knee_valgus(side: str) -> Callable[[Pose], FloatArray]:
    """Measure the inward inclination of the thigh minus that of the shank."""
    medial_sign = 1.0 if side == "r" else -1.0

    def compute(pose: Pose) -> FloatArray:
        left = pose.left
        hip, knee, ankle = (pose.joint(f"{n}_{side}") for n in ("femur", "tibia", "talus"))

        def inclination(bone: FloatArray) -> FloatArray:
            return np.arcsin(np.clip(medial_sign * _dot(_unit(bone), left), -1.0, 1.0))

        return np.asarray(np.rad2deg(inclination(knee - hip) - inclination(ankle - knee)))

    return compute
