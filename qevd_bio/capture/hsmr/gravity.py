"""Which way is down, from how the person stands.

F frames, D = 46 DoF; camera frame: x right, y down, z away
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import PosedSkeleton

CAMERA, STANDING = "camera", "standing"

LEAST_STANDING_S = 1.0
"""Time of standing still that tells."""

MOST_TILT_DEG = 30.0
"""A body line further from the picture's vertical does not stand, but lies or leans."""

MOST_SPREAD_DEG = 4.0
"""Median distance of the body lines from their middle."""

STRAIGHT_DEG = 20.0
"""Knees and hips of somebody who stands are bent less."""

_LEVEL = 0.08
"""Feet of somebody who stands differ in height by less than this part of the body line."""

_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Gravity:
    """A direction and how it is known.

    Attributes
    ----------
    down : ndarray (3,)
        Unit vector in the camera frame.
    source : str
        ``standing`` or ``camera``: the picture's down.
    standing_frames : int
        Frames with somebody standing straight.
    tilt_deg : float
        From the picture's down; 0 with the source ``camera``.
    """

    down: FloatArray
    source: str
    standing_frames: int
    tilt_deg: float


def find_gravity(q: FloatArray, time_s: FloatArray, trusted: BoolArray) -> Gravity:
    """Estimate which way is down.

    Parameters
    ----------
    q : ndarray (F, 46)
        Angles in rad.
    time_s : ndarray (F,)
        Seconds.
    trusted : ndarray (F,) of bool
        Frames to use.

    Returns
    -------
    Gravity
        The picture's down unless somebody stands straight for `LEAST_STANDING_S` in all.

    Notes
    -----
    Somebody who stands on both feet with straight legs and trunk has the middle of the
    shoulders above that of the ankles; from there the body sways by a few degrees. The median
    of these lines is taken. Standing is told from lying by the picture, hence no tilt of the
    camera beyond `MOST_TILT_DEG` is found.
    """
    by_picture = np.array([0.0, 1.0, 0.0])
    lines, straight = _body_lines(q)
    near = lines @ by_picture > np.cos(np.deg2rad(MOST_TILT_DEG))
    standing = trusted & straight & near
    count = int(standing.sum())
    unknown = Gravity(by_picture, CAMERA, count, 0.0)
    if _lasting_s(time_s, standing) < LEAST_STANDING_S:
        return unknown
    middle = _unit(np.median(lines[standing], axis=0))
    spread = np.median(_degrees(lines[standing] @ middle))
    if spread > MOST_SPREAD_DEG:
        return unknown
    down = np.round(middle, _DECIMALS)
    return Gravity(down, STANDING, count, float(_degrees(middle @ by_picture)))


def _lasting_s(time_s: FloatArray, standing: BoolArray) -> float:
    """Add up the steps between successive frames that are both standing."""
    both = standing[1:] & standing[:-1]
    return float(np.diff(time_s)[both].sum())


def _body_lines(q: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Give unit vectors (F, 3) from shoulders to ankles, and whether the body is straight."""
    posed = PosedSkeleton(np.nan_to_num(q), generic_skeleton())
    ankles, hips, shoulders = (
        (posed.place(f"{joint}_r") + posed.place(f"{joint}_l")).T / 2.0
        for joint in ("talus", "femur", "humerus")
    )
    lines = _unit(ankles - shoulders)
    legs, trunk = _unit(ankles - hips), _unit(hips - shoulders)
    bent = np.abs(q[:, [DOF_INDEX[f"knee_angle_{side}"] for side in "rl"]]).max(axis=1)
    feet = (posed.place("talus_r") - posed.place("talus_l")).T
    length = np.linalg.norm(ankles - shoulders, axis=1)
    level = np.abs(np.sum(feet * lines, axis=1)) < _LEVEL * length
    straight = np.sum(legs * trunk, axis=1) > np.cos(np.deg2rad(STRAIGHT_DEG))
    return lines, level & straight & (bent < np.deg2rad(STRAIGHT_DEG))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _degrees(cosine: FloatArray) -> FloatArray:
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))
