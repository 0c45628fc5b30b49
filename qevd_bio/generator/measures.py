"""What can be asked of a motion: measures of coordinates and muscles, differentiable.

n motions, L frames

Table 1 of BIGE (Maheshwari et al.): tilt, asymmetry, angular speed, speed and acceleration of the
centre of mass, sliding, activation of vastus medialis; and how deep a squat is. Where its
formulas mislead, the corrected form of `motion.motion_sets` counts: the centre of mass is not the
pelvis, and the point that was lowest is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

VASTI = ("vasmed_r", "vasmed_l")
_FLEXIONS = ("hip_flexion", "knee_angle", "ankle_angle")
_UP, _LEVEL = 1, [0, 2]


def _depth(motion: Mapping[str, Tensor]) -> Tensor:
    return torch.rad2deg((motion["knee_angle_r"] + motion["knee_angle_l"]) / 2).amax(dim=1)


def _vastus(motion: Mapping[str, Tensor]) -> Tensor:
    return motion["vastus"].amax(dim=(1, 2))


def _tilt(motion: Mapping[str, Tensor]) -> Tensor:
    return torch.rad2deg(motion["pelvis_tilt"]).amin(dim=1)


def _asymmetry(motion: Mapping[str, Tensor]) -> Tensor:
    apart = [(motion[f"{name}_r"] - motion[f"{name}_l"]).abs() for name in _FLEXIONS]
    return torch.rad2deg(torch.stack(apart).mean(dim=(0, 2)))


def _speed(motion: Mapping[str, Tensor]) -> Tensor:
    turning = [motion[f"{name}_{side} speed"].abs() for name in _FLEXIONS for side in "rl"]
    return torch.rad2deg(torch.stack(turning).mean(dim=(0, 2)))


def _com_speed(motion: Mapping[str, Tensor]) -> Tensor:
    velocity = motion["centre"].diff(dim=1) / motion["step_s"]
    return _length(velocity).mean(dim=1)


def _com_acceleration(motion: Mapping[str, Tensor]) -> Tensor:
    change = motion["centre"].diff(n=2, dim=1) / motion["step_s"].square()
    return _length(change).mean(dim=1)


def _sliding(motion: Mapping[str, Tensor]) -> Tensor:
    """Follow the ankle that is lower to the next frame: in a foot at rest it rests."""
    ankles = motion["ankles"]
    lower = ankles[:, :-1, :, _UP].argmin(dim=2)[..., None, None]
    steps = ankles.diff(dim=1)[..., _LEVEL].take_along_dim(lower, dim=2)[:, :, 0]
    return _length(steps / motion["step_s"]).mean(dim=1)


def _length(vectors: Tensor) -> Tensor:
    found: Tensor = torch.linalg.vector_norm(vectors, dim=-1)
    return found


MEASURES: Mapping[str, tuple[str, Callable[[Mapping[str, Tensor]], Tensor]]] = {
    "depth": ("deg", _depth),
    "vastus_medialis": ("activation", _vastus),
    "tilt": ("deg", _tilt),
    "asymmetry": ("deg", _asymmetry),
    "angular_speed": ("deg/s", _speed),
    "com_speed": ("m/s", _com_speed),
    "com_acceleration": ("m/s2", _com_acceleration),
    "sliding": ("m/s", _sliding),
}
"""Unit of each measure, and how it is computed (n,): peaks of depth and vastus medialis (the
larger side), the furthest tilt (forward is negative), means of asymmetry, of angular speed, of
speed and acceleration of the centre of mass, and of the speed along the floor of what is lowest.

They take coordinates (n, L) by name in rad, the same with " speed", "vastus" (n, L, 2),
"centre" (n, L, 3) and "ankles" (n, L, 2, 3) in metres, y up, and "step_s" (n, 1, 1), the seconds
between two frames."""

SCALES = {"depth": 10.0, "vastus_medialis": 0.05, "tilt": 5.0, "asymmetry": 1.0,
          "angular_speed": 10.0, "com_speed": 0.02, "com_acceleration": 0.1,
          "sliding": 0.02}  # fmt: skip
"""A miss of this size costs one."""
