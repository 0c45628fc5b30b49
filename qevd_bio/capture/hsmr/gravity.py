"""Which way is down, from how the person stands.

F frames, D = 46 DoF; camera frame: x right, y down, z away
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.hsmr.config import StandingConfig
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import PosedSkeleton

CAMERA, STANDING = "camera", "standing"

_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Gravity:
    """A unit vector (3,) pointing down in the camera frame, and how it was found.

    `source` is ``standing``, or ``camera``: the picture's down. `standing_frames` counts frames
    with somebody standing straight; `tilt_deg` is measured from the picture's down.
    """

    down: FloatArray
    source: str
    standing_frames: int
    tilt_deg: float


def find_gravity(
    q: FloatArray, time_s: FloatArray, trusted: BoolArray, config: StandingConfig
) -> Gravity:
    """Estimate which way is down from angles (F, 46) in rad of the trusted frames (F,).

    The picture's down unless somebody stands straight for `least_s` in all. Somebody who stands
    on both feet with straight legs and trunk has the middle of the shoulders above that of the
    ankles; from there the body sways by a few degrees. The median of these lines is taken. The
    picture separates standing from lying, hence no tilt of the camera beyond `most_tilt_deg` is
    found.
    """
    by_picture = np.array([0.0, 1.0, 0.0])
    lines, straight = _body_lines(q, config)
    near = lines @ by_picture > np.cos(np.deg2rad(config.most_tilt_deg))
    standing = trusted & straight & near
    count = int(standing.sum())
    unknown = Gravity(by_picture, CAMERA, count, 0.0)
    if _lasting_s(time_s, standing) < config.least_s:
        return unknown
    middle = _unit(np.median(lines[standing], axis=0))
    spread = np.median(_degrees(lines[standing] @ middle))
    if spread > config.most_spread_deg:
        return unknown
    down = np.round(middle, _DECIMALS)
    return Gravity(down, STANDING, count, float(_degrees(middle @ by_picture)))


def _lasting_s(time_s: FloatArray, standing: BoolArray) -> float:
    """Add up the steps between successive frames that are both standing."""
    both = standing[1:] & standing[:-1]
    return float(np.diff(time_s)[both].sum())


def _body_lines(q: FloatArray, config: StandingConfig) -> tuple[FloatArray, BoolArray]:
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
    level = np.abs(np.sum(feet * lines, axis=1)) < config.level_share * length
    straight = np.sum(legs * trunk, axis=1) > np.cos(np.deg2rad(config.straight_deg))
    return lines, level & straight & (bent < np.deg2rad(config.straight_deg))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _degrees(cosine: FloatArray) -> FloatArray:
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))
