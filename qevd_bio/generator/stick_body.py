"""A body of sticks and points of LaiUhlrich's proportions, as long as its leg.

N coordinates; arrays end in (..., N), points in (..., 3): x forward, y up, z to the right

Pelvis, trunk with head, arms with bent elbows, legs, feet that turn about the model's own axes of
ankle and subtalar joint. Differentiable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_LEG_M = 0.81
"""Hip to ankle of the body that the lengths below belong to."""
_HIP, _BACK, _SHOULDER = (-0.056, -0.078, 0.077), (-0.101, 0.082, 0.0), (0.003, 0.372, 0.17)
"""Right hip and back from the pelvis, right shoulder from the back, in metres."""
_PELVIS, _PELVIS_KG = (-0.071, 0.0, 0.0), 11.78
_TRUNK, _TRUNK_M, _TRUNK_KG = (-0.03, 0.32, 0.0), 0.23, 26.83
"""Centre of mass from the back; how far above and below it halves of the mass turn alike."""
_Segment = tuple[float, float, float, float]
_THIGH: _Segment = (0.41, 0.17, 0.12, 9.39)
_SHANK: _Segment = (0.40, 0.187, 0.12, 3.71)
_UPPER_ARM: _Segment = (0.286, 0.165, 0.0, 2.03)
_FOREARM: _Segment = (0.25, 0.175, 0.0, 1.67)
"""Length, centre of mass below the upper end, how far halves of the mass are from it, kg; the
hand belongs to the forearm."""
_ANKLE_AXIS, _SUBTALAR_AXIS = (-0.105, -0.174, 0.979), (0.787, 0.605, -0.121)
_SUBTALAR, _SOLE, _FOOT, _FOOT_KG = (
    (-0.049, -0.042, 0.008),
    (0.1, -0.03, 0.0),
    (0.1, 0.03, 0),
    1.57,
)
"""Of the right foot: joint from the ankle; from that joint the middle of the sole, the mass."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg: points (..., 3), turns (..., 3, 3) of pelvis, thigh, shank and foot.

    `sole` is its middle; points (5, ..., 3), two of thigh and shank each and one of the foot, with
    masses kg (5,).
    """

    hip: Tensor
    knee: Tensor
    ankle: Tensor
    sole: Tensor
    turns: tuple[Tensor, Tensor, Tensor, Tensor]
    points: Tensor
    kg: Tensor


@dataclass(frozen=True, slots=True)
class StickBody:
    """Points (P, ..., 3) with their masses (P,) in kg, and both legs, right first."""

    points: Tensor
    kg: Tensor
    legs: tuple[Leg, Leg]


def stick_body(angles: Mapping[str, Tensor], leg_m: float, mass_kg: float) -> StickBody:
    """Place the parts of a body.

    Parameters
    ----------
    angles : mapping of str to Tensor (...,)
        Coordinates by the names of LaiUhlrich's model; rad and metres.
    leg_m, mass_kg : float
        Hip to ankle, and body mass.

    Raises
    ------
    ValueError
        A coordinate of pelvis, back, legs or arms is not among them.
    """
    size = leg_m / _LEG_M
    pelvis = _turned(angles, "pelvis_tilt", "pelvis_list", "pelvis_rotation")
    trunk = pelvis @ _turned(angles, "lumbar_extension", "lumbar_bending", "lumbar_rotation")
    at = torch.stack([_angle(angles, f"pelvis_t{axis}") for axis in "xyz"], dim=-1) / size
    back = at + _along(pelvis, *_BACK)
    centre = back + _along(trunk, *_TRUNK)
    rise = _along(trunk, 0.0, _TRUNK_M, 0.0)
    points = [at + _along(pelvis, *_PELVIS), centre + rise, centre - rise]
    kg = [_PELVIS_KG, _TRUNK_KG / 2, _TRUNK_KG / 2]
    legs = []
    for side, out in (("_r", 1.0), ("_l", -1.0)):
        leg = _leg(angles, side, at, pelvis)
        legs.append(leg)
        upper = trunk @ _turned(angles, "arm_flex", "arm_add", "arm_rot", side)
        fore = upper @ _about((0.0, 0.0, 1.0), _angle(angles, f"elbow_flex{side}"))
        shoulder = back + _along(trunk, _SHOULDER[0], _SHOULDER[1], out * _SHOULDER[2])
        arm, arm_kg, elbow = _hung(shoulder, upper, _UPPER_ARM)
        hand, hand_kg, _ = _hung(elbow, fore, _FOREARM)
        points += [*arm, *hand, *leg.points]
        kg += [*arm_kg, *hand_kg, *leg.kg.tolist()]
    weighs = torch.tensor(kg, dtype=at.dtype)
    share = mass_kg / float(weighs.sum())
    grown = [_grown(leg, size, share) for leg in legs]
    return StickBody(size * torch.stack(points), share * weighs, (grown[0], grown[1]))


def centre_and_ankles(coordinates: Sequence[str], q: Tensor, leg_m: float) -> Tensor:
    """Place the centre of mass, the right and the left ankle (..., 3, 3), metres.

    Parameters
    ----------
    coordinates : sequence of str
        The N coordinates, by the names of LaiUhlrich's model.
    q : Tensor (..., N)
        rad and metres.
    leg_m : float
        Hip to ankle.

    Raises
    ------
    ValueError
        A coordinate of pelvis, back, legs or arms is not among them.
    """
    body = stick_body(dict(zip(coordinates, q.unbind(-1), strict=True)), leg_m, 1.0)
    centre = (body.kg.reshape(-1, *[1] * q.dim()) * body.points).sum(0)
    return torch.stack([centre, *(leg.ankle for leg in body.legs)], dim=-2)


def _leg(angles: Mapping[str, Tensor], side: str, at: Tensor, pelvis: Tensor) -> Leg:
    """Hang a leg from the pelvis."""
    out = -1.0 if side == "_l" else 1.0
    thigh = pelvis @ _turned(angles, "hip_flexion", "hip_adduction", "hip_rotation", side)
    shank = thigh @ _about((0.0, 0.0, 1.0), -_angle(angles, f"knee_angle{side}"))
    talus = shank @ _about(_sided(_ANKLE_AXIS, out), _angle(angles, f"ankle_angle{side}"))
    foot = talus @ _about(_sided(_SUBTALAR_AXIS, out), _angle(angles, f"subtalar_angle{side}"))
    hip = at + _along(pelvis, _HIP[0], _HIP[1], out * _HIP[2])
    upper, upper_kg, knee = _hung(hip, thigh, _THIGH)
    lower, lower_kg, ankle = _hung(knee, shank, _SHANK)
    joint = ankle + _along(talus, _SUBTALAR[0], _SUBTALAR[1], out * _SUBTALAR[2])
    points = torch.stack([*upper, *lower, joint + _along(foot, *_FOOT)])
    kg = torch.tensor([*upper_kg, *lower_kg, _FOOT_KG], dtype=at.dtype)
    sole, turns = joint + _along(foot, *_SOLE), (pelvis, thigh, shank, foot)
    return Leg(hip, knee, ankle, sole, turns, points, kg)


def _grown(leg: Leg, size: float, share: float) -> Leg:
    return Leg(size * leg.hip, size * leg.knee, size * leg.ankle, size * leg.sole, leg.turns,
               size * leg.points, share * leg.kg)  # fmt: skip


def _hung(at: Tensor, turn: Tensor, segment: _Segment) -> tuple[list[Tensor], list[float], Tensor]:
    """Hang a segment from a point: its points of mass with kg, and its lower end."""
    length_m, centre_m, apart_m, kg = segment
    low = at + _along(turn, 0.0, -length_m, 0.0)
    if not apart_m:
        return [at + _along(turn, 0.0, -centre_m, 0.0)], [kg], low
    ends = [at + _along(turn, 0.0, -centre_m + way * apart_m, 0.0) for way in (1.0, -1.0)]
    return ends, [kg / 2, kg / 2], low


def _along(turn: Tensor, x: float, y: float, z: float) -> Tensor:
    return turn @ turn.new_tensor([x, y, z])


def _angle(angles: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in angles:
        raise ValueError(f"{name} is not among the coordinates: no balance without it")
    return angles[name]


def _turned(angles: Mapping[str, Tensor], z: str, x: str, y: str, side: str = "") -> Tensor:
    """Turn about z, then x, then y, as the model's joints do (..., 3, 3).

    The left limbs' x and y are the right ones' in a mirror.
    """
    out = -1.0 if side == "_l" else 1.0
    about_x, about_y = out * _angle(angles, x + side), out * _angle(angles, y + side)
    (cx, sx), (cy, sy) = ((torch.cos(one), torch.sin(one)) for one in (about_x, about_y))
    none = torch.zeros_like(cx)
    rows = [cy, none, sy, sx * sy, cx, -sx * cy, -cx * sy, sx, cx * cy]
    return _about((0.0, 0.0, 1.0), _angle(angles, z + side)) @ _square(rows)


def _sided(axis: tuple[float, float, float], out: float) -> tuple[float, float, float]:
    return out * axis[0], out * axis[1], axis[2]


def _about(axis: tuple[float, float, float], angle: Tensor) -> Tensor:
    """Turn about a fixed axis (..., 3, 3), by Rodrigues' formula."""
    x, y, z = axis
    cross = angle.new_tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sine, cosine = torch.sin(angle)[..., None, None], torch.cos(angle)[..., None, None]
    one = torch.eye(3, dtype=angle.dtype)
    return one + sine * cross + (1.0 - cosine) * (cross @ cross)


def _square(entries: list[Tensor]) -> Tensor:
    return torch.stack(entries, dim=-1).reshape(*entries[0].shape, 3, 3)
