"""Where the centre of mass lies between the ankles, straight from the angles.

N coordinates; arrays end in (..., N), points in (..., 3): x forward, y up, z to the right

How two legs share a load follows from a few centimetres in a difference of many angles, which a
network of angles does not find. A stick body of LaiUhlrich's proportions, as long as its leg,
finds it: pelvis, trunk with head, arms with bent elbows, legs with feet at the ankles.
Differentiable.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BALANCE = ("rightward share", "rightward centre", "forward centre", "stance width",
           "rightward rise")  # fmt: skip
"""The centre of mass from the middle of the ankles towards the right one, as a share of the
stance's width and in metres, and forward of the line between them; the horizontal distance of
the ankles; how much higher the right one is."""

_LEG_M = 0.81
"""Hip to ankle of the body that the lengths below belong to."""
_HIP, _BACK, _SHOULDER = (-0.056, -0.078, 0.077), (-0.101, 0.082, 0.0), (0.003, 0.372, 0.17)
"""Right hip and back from the pelvis, right shoulder from the back, in metres."""
_PELVIS, _PELVIS_KG = (-0.071, 0.0, 0.0), 11.78
_TRUNK, _TRUNK_KG = (-0.03, 0.32, 0.0), 26.83
_Segment = tuple[float, float, float]
_THIGH: _Segment = (0.41, 0.17, 9.39)
_SHANK: _Segment = (0.40, 0.187, 3.71)
_UPPER_ARM: _Segment = (0.286, 0.165, 2.03)
_FOREARM: _Segment = (0.25, 0.175, 1.67)
"""Length, centre of mass below the upper end, kg; the hand belongs to the forearm."""
_FOOT_KG = 1.57
_LEAST_WIDTH_M = 0.08
"""Of a narrower stance the share is that of this width."""


def balance_features(coordinates: Sequence[str], q: Tensor, leg_m: float) -> Tensor:
    """Compute what `BALANCE` names (..., 5), metres and a share.

    Parameters
    ----------
    coordinates : sequence of str
        The N coordinates, by the names of LaiUhlrich's model.
    q : Tensor (..., N)
        rad; where the pelvis is does not count.
    leg_m : float
        Hip to ankle.

    Raises
    ------
    ValueError
        A coordinate of pelvis, back, legs or arms is not among them.
    """
    centre, right, left = _stick_body(dict(zip(coordinates, q.unbind(-1), strict=True)))
    across = right - left
    rise = across[..., 1]
    ground = across[..., [0, 2]]
    width = torch.linalg.vector_norm(ground, dim=-1)
    line = ground / width.clamp_min(1e-6)[..., None]
    off = (centre - (right + left) / 2)[..., [0, 2]]
    sideways = (off * line).sum(-1)
    forward = off[..., 0] * line[..., 1] - off[..., 1] * line[..., 0]
    size = leg_m / _LEG_M
    share = sideways / width.clamp_min(_LEAST_WIDTH_M / size)
    return torch.stack([share, *(size * one for one in (sideways, forward, width, rise))], dim=-1)


def centre_and_ankles(coordinates: Sequence[str], q: Tensor, leg_m: float) -> Tensor:
    """Place the centre of mass, the right and the left ankle (..., 3, 3), metres from the pelvis.

    Arguments and errors as in `balance_features`; how the pelvis is turned counts.
    """
    points = _stick_body(dict(zip(coordinates, q.unbind(-1), strict=True)))
    return leg_m / _LEG_M * torch.stack(points, dim=-2)


def _stick_body(angles: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the centre of mass, the right and the left ankle from the pelvis, unscaled."""
    pelvis = _turned(angles, "pelvis_tilt", "pelvis_list", "pelvis_rotation")
    trunk = pelvis @ _turned(angles, "lumbar_extension", "lumbar_bending", "lumbar_rotation")
    back = _along(pelvis, *_BACK)
    parts = [(_along(pelvis, *_PELVIS), _PELVIS_KG), (back + _along(trunk, *_TRUNK), _TRUNK_KG)]
    ankles = []
    for side, out in (("_r", 1.0), ("_l", -1.0)):
        thigh = pelvis @ _turned(angles, "hip_flexion", "hip_adduction", "hip_rotation", side)
        shank = thigh @ _about_z(-_angle(angles, f"knee_angle{side}"))
        hip = _along(pelvis, _HIP[0], _HIP[1], out * _HIP[2])
        legs, ankle = _chain(hip, (thigh, shank), (_THIGH, _SHANK))
        upper = trunk @ _turned(angles, "arm_flex", "arm_add", "arm_rot", side)
        fore = upper @ _about_z(_angle(angles, f"elbow_flex{side}"))
        shoulder = back + _along(trunk, _SHOULDER[0], _SHOULDER[1], out * _SHOULDER[2])
        arms, _ = _chain(shoulder, (upper, fore), (_UPPER_ARM, _FOREARM))
        parts += [*legs, *arms, (ankle, _FOOT_KG)]
        ankles.append(ankle)
    weighed = torch.stack([kg * at for at, kg in parts]).sum(0)
    return weighed / sum(kg for _, kg in parts), ankles[0], ankles[1]


def _chain(
    at: Tensor, turns: tuple[Tensor, Tensor], segments: tuple[_Segment, _Segment]
) -> tuple[list[tuple[Tensor, float]], Tensor]:
    """Hang two segments from a point: centres of mass with kg, and the lower end."""
    parts = []
    for turn, (length_m, centre_m, kg) in zip(turns, segments, strict=True):
        parts.append((at + _along(turn, 0.0, -centre_m, 0.0), kg))
        at = at + _along(turn, 0.0, -length_m, 0.0)
    return parts, at


def _along(turn: Tensor, x: float, y: float, z: float) -> Tensor:
    return turn @ turn.new_tensor([x, y, z])


def _angle(angles: dict[str, Tensor], name: str) -> Tensor:
    if name not in angles:
        raise ValueError(f"{name} is not among the coordinates: no balance without it")
    return angles[name]


def _turned(angles: dict[str, Tensor], z: str, x: str, y: str, side: str = "") -> Tensor:
    """Turn about z, then x, then y, as the model's joints do (..., 3, 3).

    The left limbs' x and y are the right ones' in a mirror.
    """
    out = -1.0 if side == "_l" else 1.0
    about_x, about_y = out * _angle(angles, x + side), out * _angle(angles, y + side)
    (cx, sx), (cy, sy) = ((torch.cos(one), torch.sin(one)) for one in (about_x, about_y))
    none = torch.zeros_like(cx)
    rows = [cy, none, sy, sx * sy, cx, -sx * cy, -cx * sy, sx, cx * cy]
    return _about_z(_angle(angles, z + side)) @ _square(rows)


def _about_z(angle: Tensor) -> Tensor:
    cosine, sine, none = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    return _square([cosine, -sine, none, sine, cosine, none, none, none, none + 1.0])


def _square(entries: list[Tensor]) -> Tensor:
    return torch.stack(entries, dim=-1).reshape(*entries[0].shape, 3, 3)
