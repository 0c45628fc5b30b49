"""What a motion asks of two legs: where the load is between the soles, and each joint's moment.

N coordinates; arrays end in (..., N), points in (..., 3): x forward, y up, z to the right

How two legs share a load follows from a few centimetres in a difference of many angles, and what
feet that roll or bend add to those differences means nothing. So a stick body (`stick_body`) is
moved: its masses, weighed and accelerated, give the force of the ground and where it acts; the
force is shared between the soles, and its moments about knees, hips and ankles are what muscles
have to make. Directions are those of the pelvis' hips, seen from above. Differentiable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qevd_bio.generator.stick_body import Leg, StickBody, stick_body

BALANCE = (
    "rightward share", "rightward centre", "forward centre", "rightward pressure",
    "forward pressure", "upward force", "forward force", "rightward force", "stance width",
    "rightward step", "rightward rise",
    *(f"{name}_{side}" for side in "rl"
      for name in ("sole pitch", "sole roll", "knee demand", "hip demand", "hip side demand",
                   "ankle demand")),
)  # fmt: skip
"""Of the centre of pressure: how far from the middle of the soles towards the right one, as a
share of the stance; the centre of mass and the centre of pressure from that middle, metres; the
force of the ground in body weights; the right sole from the left one sideways, forward and up,
metres; how far each sole is off level, as sines; moments that unbend knee and hip, move the
thigh outwards and point the foot, in shares of weight times leg."""

_G_M_S2 = 9.80665
_STEP_S = 0.01
_LEAST_WIDTH_M = 0.08
"""Of a narrower stance the share is that of this width."""
_MOST_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class _Pushed:
    """The body, and what pushes it, in newtons and metres.

    legs_n (5, ..., 3) on the points of each leg; the middle of the soles, the force of the ground
    and where it acts from there, forward and rightward (..., 3), which are level.
    """

    body: StickBody
    legs_n: tuple[Tensor, Tensor]
    middle: Tensor
    force_n: Tensor
    pressure: Tensor
    forward: Tensor
    rightward: Tensor


def balance_features(
    coordinates: Sequence[str], q: Tensor, dq: Tensor, ddq: Tensor, leg_m: float, mass_kg: float
) -> Tensor:
    """Compute what `BALANCE` names (..., 23).

    Parameters
    ----------
    coordinates : sequence of str
        The N coordinates, by the names of LaiUhlrich's model.
    q, dq, ddq : Tensor (..., N)
        rad and metres, and their derivatives.
    leg_m, mass_kg : float
        Hip to ankle, and body mass.

    Raises
    ------
    ValueError
        A coordinate of pelvis, back, legs or arms is not among them.
    """
    pushed = _pushed(coordinates, (q, dq, ddq), leg_m, mass_kg)
    right, left = pushed.body.legs
    across = right.sole - left.sole
    line = _level(across)
    width = torch.linalg.vector_norm(line, dim=-1)
    least = _LEAST_WIDTH_M * leg_m
    share = _dot(pushed.pressure, line) / width.clamp_min(least).square()
    share = share.clamp(-_MOST_SHARE, _MOST_SHARE)
    weighed = (pushed.body.kg.reshape(-1, *[1] * q.dim()) * pushed.body.points).sum(0)
    centre = weighed / mass_kg - pushed.middle
    ways = (pushed.rightward, pushed.forward)
    told = [share, *(_dot(one, way) for one in (centre, pushed.pressure) for way in ways)]
    force = pushed.force_n / (mass_kg * _G_M_S2)
    told += [force[..., 1], _dot(force, pushed.forward), _dot(force, pushed.rightward)]
    told += [_dot(across, pushed.rightward), _dot(across, pushed.forward), across[..., 1]]
    loads = torch.stack([0.5 + share, 0.5 - share])
    carried = pushed.pressure - share[..., None] * line
    for number, out in ((0, 1.0), (1, -1.0)):
        leg = pushed.body.legs[number]
        force_n = loads[number][..., None] * pushed.force_n
        told += [leg.turns[3][..., 1, 0], out * leg.turns[3][..., 1, 2]]
        moments = _demands(leg, pushed.legs_n[number], force_n, leg.sole + carried, out)
        told += [one / (mass_kg * _G_M_S2 * leg_m) for one in moments]
    return torch.stack(told, dim=-1)


def _pushed(
    coordinates: Sequence[str], moved: tuple[Tensor, Tensor, Tensor], leg_m: float, mass_kg: float
) -> _Pushed:
    """Weigh and accelerate the points, and find the force of the ground that this asks."""
    q, dq, ddq = moved
    bow = 0.5 * _STEP_S**2 * ddq
    near = torch.stack([q, q + _STEP_S * dq + bow, q - _STEP_S * dq + bow])
    bodies = stick_body(dict(zip(coordinates, near.unbind(-1), strict=True)), leg_m, mass_kg)
    up = q.new_tensor([0.0, _G_M_S2, 0.0])

    def pushed(points: Tensor, kg: Tensor) -> Tensor:
        gain = (points[:, 1] + points[:, 2] - 2.0 * points[:, 0]) / _STEP_S**2
        return kg.reshape(-1, *[1] * q.dim()) * (gain + up)

    points_n = pushed(bodies.points, bodies.kg)
    right, left = (pushed(leg.points, leg.kg) for leg in bodies.legs)
    body = StickBody(bodies.points[:, 0], bodies.kg,
                     (_now(bodies.legs[0]), _now(bodies.legs[1])))  # fmt: skip
    middle = (body.legs[0].sole + body.legs[1].sole) / 2.0
    force = points_n.sum(0)
    moment = torch.linalg.cross(body.points - middle, points_n).sum(0)
    upward = force[..., 1].clamp_min(0.1 * mass_kg * _G_M_S2)
    level = torch.zeros_like(upward)
    pressure = torch.stack([moment[..., 2] / upward, level, -moment[..., 0] / upward], dim=-1)
    hips = _level(body.legs[0].turns[0][..., 2])
    rightward = hips / torch.linalg.vector_norm(hips, dim=-1, keepdim=True).clamp_min(1e-6)
    forward = torch.stack([rightward[..., 2], level, -rightward[..., 0]], dim=-1)
    return _Pushed(body, (right, left), middle, force, pressure, forward, rightward)


def _now(leg: Leg) -> Leg:
    """Take the first of three moments."""
    pelvis, thigh, shank, foot = leg.turns
    turns = pelvis[0], thigh[0], shank[0], foot[0]
    at = leg.hip[0], leg.knee[0], leg.ankle[0], leg.sole[0]
    return Leg(*at, turns, leg.points[:, 0], leg.kg)


def _demands(leg: Leg, legs_n: Tensor, force_n: Tensor, at: Tensor, out: float) -> list[Tensor]:
    """Return moments (...,) that muscles make about knee, hip (twice) and ankle."""
    pelvis, _, shank, _ = leg.turns

    def about(joint: Tensor, parts: int) -> Tensor:
        """Weigh so many points, from the foot on, less what the ground pushes."""
        own: Tensor = torch.linalg.cross(leg.points[-parts:] - joint, legs_n[-parts:]).sum(0)
        ground: Tensor = torch.linalg.cross(at - joint, force_n)
        return own - ground

    hip = about(leg.hip, 5)
    return [
        _dot(about(leg.knee, 3), shank[..., 2]),
        -_dot(hip, pelvis[..., 2]),
        -out * _dot(hip, pelvis[..., 0]),
        -_dot(about(leg.ankle, 1), shank[..., 2]),
    ]


def _level(line: Tensor) -> Tensor:
    return line * line.new_tensor([1.0, 0.0, 1.0])


def _dot(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum(-1)
