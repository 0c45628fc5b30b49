"""The 24 joints and 46 degrees of freedom of SKEL, in order, with axes, ranges and mirror table.

D = 46 DoF, J = 24 joints

Axes are given in the frame of the joint: X forward, Y up, Z to the person's right.
Source: Keller et al., "From Skin to Skeleton" (SKEL, 2023); names as in its parameter vector.
Ranges are the bounds HSMR trains with, in degrees, with three exceptions: knee and elbow reach
155 (deep squats pass 135), the scapula's elevation is symmetric (the published bounds exclude
the neutral pose), and left and right agree. They bound what is possible, not what is healthy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from qevd_bio.arrays import FloatArray

Axis = tuple[float, float, float]

JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "femur_r",
    "tibia_r",
    "talus_r",
    "calcn_r",
    "toes_r",
    "femur_l",
    "tibia_l",
    "talus_l",
    "calcn_l",
    "toes_l",
    "lumbar_body",
    "thorax",
    "head",
    "scapula_r",
    "humerus_r",
    "ulna_r",
    "radius_r",
    "hand_r",
    "scapula_l",
    "humerus_l",
    "ulna_l",
    "radius_l",
    "hand_l",
)
JOINT_INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINT_NAMES)}

PARENTS: tuple[int, ...] = (
    -1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 12, 14, 15, 16, 17, 12, 19, 20, 21, 22,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dof:
    """One degree of freedom.

    Attributes
    ----------
    index, name, joint : int, str, str
        Place in the 46-vector, SKEL's name, joint it turns.
    axis : tuple of 3 floats
        Unit vector in the joint's frame; a positive angle turns right-handed about it.
    low_rad, high_rad : float
        Possible range; infinite for the pelvis, which turns freely.
    mirror_index, mirror_sign : int, int
        The DoF and sign of the mirrored pose.
    """

    index: int
    name: str
    joint: str
    axis: Axis
    low_rad: float
    high_rad: float
    mirror_index: int
    mirror_sign: int


X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
INF = math.inf


def _negated(axis: Axis) -> Axis:
    return (-axis[0], -axis[1], -axis[2])


def _turned_z(rx: float, ry: float) -> Axis:
    """Z axis after the turns Rx(rx) Ry(ry), as the foot joints of SKEL are given."""
    return (math.sin(ry), -math.sin(rx) * math.cos(ry), math.cos(rx) * math.cos(ry))


_ANKLE = _turned_z(0.175895, -0.105208)
_SUBTALAR_R = _turned_z(-1.76818999, 0.906223)
_SUBTALAR_L = _turned_z(1.768189999, -0.906223)
_MTP_R = _turned_z(-3.141589999, 0.619901)
_MTP_L = _turned_z(-3.141589999, -0.619901)
_ELBOW_R, _ELBOW_L = (0.0494, 0.0366, 0.99810825), (-0.0494, -0.0366, 0.99810825)
_PRO_SUP_R = (-0.01716099, 0.99266564, -0.11966796)
_PRO_SUP_L = (0.01716099, -0.99266564, -0.11966796)

# name, joint, axis, low and high in degrees, mirror sign
_Row = tuple[str, str, Axis, float, float, int]

_PELVIS: tuple[_Row, ...] = (
    ("pelvis_tilt", "pelvis", Z, -INF, INF, 1),
    ("pelvis_list", "pelvis", X, -INF, INF, -1),
    ("pelvis_rotation", "pelvis", Y, -INF, INF, -1),
)
_SPINE: tuple[_Row, ...] = (
    ("lumbar_bending", "lumbar_body", X, -30, 30, -1),
    ("lumbar_extension", "lumbar_body", Z, -45, 45, 1),
    ("lumbar_twist", "lumbar_body", Y, -45, 45, -1),
    ("thorax_bending", "thorax", X, -45, 45, -1),
    ("thorax_extension", "thorax", Z, -45, 45, 1),
    ("thorax_twist", "thorax", Y, -45, 45, -1),
    ("head_bending", "head", X, -45, 45, -1),
    ("head_extension", "head", Z, -45, 45, 1),
    ("head_twist", "head", Y, -45, 45, -1),
)


def _leg(side: str) -> tuple[_Row, ...]:
    right = side == "r"
    return (
        (f"hip_flexion_{side}", f"femur_{side}", Z, -45, 135, 1),
        (f"hip_adduction_{side}", f"femur_{side}", X if right else _negated(X), -45, 30, 1),
        (f"hip_rotation_{side}", f"femur_{side}", Y if right else _negated(Y), -45, 45, 1),
        (f"knee_angle_{side}", f"tibia_{side}", _negated(Z), 0, 155, 1),
        (f"ankle_angle_{side}", f"talus_{side}", _ANKLE, -45, 45, 1),
        (f"subtalar_angle_{side}", f"calcn_{side}", _SUBTALAR_R if right else _SUBTALAR_L,
         -45, 45, 1),
        (f"mtp_angle_{side}", f"toes_{side}", _MTP_R if right else _MTP_L, -45, 45, 1),
    )  # fmt: skip


def _arm(side: str) -> tuple[_Row, ...]:
    right = side == "r"
    x_low, x_high = (-90.0, 176.0) if right else (-176.0, 90.0)
    return (
        (f"scapula_abduction_{side}", f"scapula_{side}", Y, -36, 36, -1),
        (f"scapula_elevation_{side}", f"scapula_{side}", _negated(Z) if right else Z, -23, 23, -1),
        (f"scapula_upward_rot_{side}", f"scapula_{side}", _negated(X) if right else X, -18, 18, 1),
        (f"shoulder_{side}_x", f"humerus_{side}", X, x_low, x_high, -1),
        (f"shoulder_{side}_y", f"humerus_{side}", Y, -90, 90, -1),
        (f"shoulder_{side}_z", f"humerus_{side}", Z, -90, 90, 1),
        (f"elbow_flexion_{side}", f"ulna_{side}", _ELBOW_R if right else _ELBOW_L, 0, 155, 1),
        (f"pro_sup_{side}", f"radius_{side}", _PRO_SUP_R if right else _PRO_SUP_L, -90, 90, 1),
        (f"wrist_flexion_{side}", f"hand_{side}", X if right else _negated(X), -90, 90, 1),
        (f"wrist_deviation_{side}", f"hand_{side}", _negated(Z), -45, 45, 1),
    )


def _mirrored_name(name: str) -> str:
    for side, other in (("_r", "_l"), ("_l", "_r")):
        if name.endswith(side):
            return name[: -len(side)] + other
        if side + "_" in name and name.startswith("shoulder"):
            return name.replace(side + "_", other + "_")
    return name


def _table() -> tuple[Dof, ...]:
    rows = _PELVIS + _leg("r") + _leg("l") + _SPINE + _arm("r") + _arm("l")
    names = [row[0] for row in rows]
    return tuple(
        Dof(
            index=i,
            name=name,
            joint=joint,
            axis=axis,
            low_rad=math.radians(low),
            high_rad=math.radians(high),
            mirror_index=names.index(_mirrored_name(name)),
            mirror_sign=sign,
        )
        for i, (name, joint, axis, low, high, sign) in enumerate(rows)
    )


FREE_TURNS = 2.0
"""Turns that the pelvis may lie from 0: it is unwrapped over a video, other joints have ranges."""

DOFS: tuple[Dof, ...] = _table()
DOF_NAMES: tuple[str, ...] = tuple(dof.name for dof in DOFS)
DOF_INDEX: dict[str, int] = {dof.name: dof.index for dof in DOFS}
N_DOFS = len(DOFS)
N_JOINTS = len(JOINT_NAMES)


@cache
def joint_dofs(joint: str) -> tuple[int, ...]:
    """List the DoF indices of a joint, in the order in which the rotations are applied."""
    if joint not in JOINT_INDEX:
        raise KeyError(f"'{joint}' is no SKEL joint; the joints are {', '.join(JOINT_NAMES)}")
    return tuple(dof.index for dof in DOFS if dof.joint == joint)


def nearest_turn(q: FloatArray) -> FloatArray:
    """Shift angles (..., 46) in rad by whole turns to where they lie nearest to their range.

    Of the pelvis, which turns freely, only what lies beyond two turns is shifted, into a half
    turn from 0. Angles that need no turn keep every bit; NaN stays NaN.
    """
    middle = np.array([0.5 * (d.low_rad + d.high_rad) if _has_range(d) else 0.0 for d in DOFS])
    reach = np.array([math.pi if _has_range(d) else FREE_TURNS * math.tau for d in DOFS])
    turns = np.where(np.abs(q - middle) > reach, np.round((q - middle) / math.tau), 0.0)
    return np.asarray(q - turns * math.tau)


def turn_limits(dof: Dof) -> tuple[float, float]:
    """Bound what `nearest_turn` gives of one degree of freedom, in rad."""
    if not _has_range(dof):
        return -FREE_TURNS * math.tau, FREE_TURNS * math.tau
    middle = 0.5 * (dof.low_rad + dof.high_rad)
    return middle - math.pi, middle + math.pi


def _has_range(dof: Dof) -> bool:
    return math.isfinite(dof.low_rad) and math.isfinite(dof.high_rad)


def mirror_q(q: FloatArray) -> FloatArray:
    """Mirror poses (..., 46) in rad: left becomes right; twice gives the pose back."""
    if q.shape[-1] != N_DOFS:
        raise ValueError(f"q has {q.shape[-1]} columns, needs {N_DOFS}")
    order = [dof.mirror_index for dof in DOFS]
    signs = np.array([dof.mirror_sign for dof in DOFS], dtype=np.float64)
    return np.asarray(q[..., order] * signs)
