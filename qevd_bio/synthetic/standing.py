"""Poses of a body on its feet, standing or seated: the feet are where they are told to be.

N coordinates, L = 12 leg coordinates

Given are the trunk and the arms, the place of both feet, and an aim: how far the knees bend and
where above the feet the centre of mass is, or where the body sits. Legs, and where the pelvis is,
follow by Newton's method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.muscles.frames import Dynamics, Placing
from qevd_bio.skeleton.opensim_map import TRANSLATIONS

Row = tuple[FloatArray, FloatArray]
"""What is missing, and how coordinates change it."""

FEET = ("calcn_r", "calcn_l")
PELVIS = "pelvis"
_LEG = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle",
        "subtalar_angle")  # fmt: skip
SOLVED = (
    *(f"{name}_{side}" for side in "rl" for name in _LEG),
    *TRANSLATIONS,
)
KNEES = ("knee_angle_r", "knee_angle_l")

_ROUNDS = 25
_CLOSE = 1e-5
_LONGEST_STEP_RAD = 0.3


@dataclass(frozen=True, slots=True)
class Stance:
    """Where both feet are.

    origins_m (2, 3) and turns (2, 3, 3) of right and left heel's body in the ground frame.
    """

    origins_m: FloatArray
    turns: FloatArray


class Aim(Protocol):
    """What a pose must do besides having its feet in a stance."""

    def off(self, body: Placing, pose: FloatArray, pelvis: Dynamics) -> Row:
        """Compute what is missing (3,) and how coordinates change it (3, N)."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Standing.

    knees_rad is the mean of both knees; centre_m (2,) the centre of mass forward and to the right.
    """

    knees_rad: float
    centre_m: FloatArray

    def off(self, body: Placing, pose: FloatArray, pelvis: Dynamics) -> Row:
        """Compare the knees and the centre of mass."""
        bend, bent = _knees(body, pose)
        missing = [self.knees_rad - bent, *(self.centre_m - pelvis.centre_m[0, [0, 2]])]
        return np.array(missing), np.stack([bend, *body.centre_moves(pose[None])[0, [0, 2]]])


@dataclass(frozen=True, slots=True)
class Seated:
    """Sitting.

    The middle of the seat bones, bones_m (3,) of the pelvis, is at height_m, right_m to the right,
    and at ahead_m; where that is None, the knees bend by knees_rad on average.
    """

    height_m: float
    right_m: float
    bones_m: FloatArray
    ahead_m: float | None = None
    knees_rad: float = 0.0

    def off(self, body: Placing, pose: FloatArray, pelvis: Dynamics) -> Row:
        """Compare the place of the seat bones, whose middle is bones_m (3,) of the pelvis."""
        turn, jacobian = pelvis.turns[0, -1], pelvis.jacobians[0, -1]
        arm = turn @ self.bones_m
        at = pelvis.origins_m[0, -1] + arm
        moves = jacobian[3:] + np.cross(jacobian[:3], arm, axisa=0, axisb=0, axisc=0)
        if self.ahead_m is None:
            bend, bent = _knees(body, pose)
            first, row = self.knees_rad - bent, bend
        else:
            first, row = self.ahead_m - at[0], moves[0]
        return (
            np.array([first, self.height_m - at[1], self.right_m - at[2]]),
            np.stack([row, moves[1], moves[2]]),
        )


def _knees(body: Placing, pose: FloatArray) -> tuple[FloatArray, float]:
    """Return the row (N,) that averages both knees, and their average in rad."""
    knees = places_of(body, KNEES)
    row = np.zeros(len(pose))
    row[knees] = 0.5
    return row, float(pose[knees].mean())


def places_of(body: Placing, names: tuple[str, ...]) -> IntArray:
    """Find the places of coordinates among those of a body."""
    return np.array([body.coordinates.index(name) for name in names])


def stand(body: Placing, q: FloatArray, stance: Stance, aim: Aim) -> FloatArray | None:
    """Find the legs and the pelvis' place of a pose on both feet.

    Parameters
    ----------
    body : Placing
        The model.
    q : ndarray (N,)
        Trunk and arms as they shall be, the rest as a first guess; rad and metres.
    stance : Stance
        The feet.
    aim : Aim
        Standing or sitting.

    Returns
    -------
    ndarray (N,) or None
        The pose; None where no pose is found.
    """
    solved = places_of(body, SOLVED)
    turning = np.array([not name.startswith("pelvis") for name in SOLVED])
    pose = q.copy()
    for _ in range(_ROUNDS):
        at = body.places(pose[None], (*FEET, PELVIS))
        off, rows = _off(body, at, stance, aim, pose)
        if np.abs(off).max() < _CLOSE:
            return pose
        step = np.linalg.lstsq(rows[:, solved], off, rcond=1e-6)[0]
        longest = np.abs(step[turning]).max(initial=0.0)
        pose[solved] += step * min(1.0, _LONGEST_STEP_RAD / max(longest, 1e-9))
    return None


def _off(body: Placing, at: Dynamics, stance: Stance, aim: Aim, pose: FloatArray) -> Row:
    """Compute what is missing (15,) and how coordinates change it (15, N)."""
    turn = np.einsum("bij,bkj->bik", stance.turns, at.turns[0, :2])
    missing = [
        np.concatenate([Rotation.from_matrix(turn[foot]).as_rotvec(),
                        stance.origins_m[foot] - at.origins_m[0, foot]])
        for foot in (0, 1)
    ]  # fmt: skip
    own, rows = aim.off(body, pose, at)
    return (
        np.concatenate([*missing, own]),
        np.concatenate([at.jacobians[0, 0], at.jacobians[0, 1], rows]),
    )


@dataclass(frozen=True, slots=True)
class Footing:
    """How the feet are set down; each pair is of the right and the left foot.

    Attributes
    ----------
    width_m, ahead_m : float
        Between the heels; right foot before the left.
    toes_out_deg : tuple of float
        How far each foot turns outwards.
    toes_up_deg, rolled_deg : tuple of float
        How far each foot is off level: nobody's feet, and no measurement of them, are quite flat.
    """

    width_m: float
    ahead_m: float
    toes_out_deg: tuple[float, float]
    toes_up_deg: tuple[float, float] = (0.0, 0.0)
    rolled_deg: tuple[float, float] = (0.0, 0.0)


def stance_of(body: Placing, foot_m: FloatArray, footing: Footing) -> Stance:
    """Place both feet, of lengths (2,) in metres, on a floor at height 0."""
    level = body.places(np.zeros((1, len(body.coordinates))), FEET)
    turns, origins = [], []
    for foot, sign in enumerate((1.0, -1.0)):
        angles = np.deg2rad([
            -sign * footing.toes_out_deg[foot], footing.toes_up_deg[foot],
            footing.rolled_deg[foot],
        ])  # fmt: skip
        heel = sign * np.array([footing.ahead_m, footing.width_m]) / 2.0
        origin, turn = set_down(heel, float(foot_m[foot]), angles)
        turns.append(turn @ level.turns[0, foot])
        origins.append(origin)
    return Stance(np.array(origins), np.array(turns))


def set_down(
    heel_m: FloatArray, foot_m: float, angles_rad: FloatArray | tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """Set a foot onto a floor at height 0.

    Parameters
    ----------
    heel_m : ndarray (2,)
        Where its heel is, were the foot level: forward and to the right.
    foot_m : float
        Heel to base of the toes.
    angles_rad : sequence of float
        Turn to the left, toes up, rolled to the right.

    Returns
    -------
    origin_m, turn : ndarray (3,), (3, 3)
        Of the heel's body. The base of the toes stays where it is when the heel rises.
    """
    turn = Rotation.from_euler("YZX", angles_rad)
    flat = Rotation.from_euler("Y", angles_rad[0])
    ball = np.array([foot_m, 0.0, 0.0])
    heel = np.array([heel_m[0], SOLE_SHARE * foot_m, heel_m[1]])
    return heel + flat.apply(ball) - turn.apply(ball), np.asarray(turn.as_matrix())


SOLE_SHARE = 0.17
"""Height of the heel's origin above the sole, in lengths of the foot, as in `muscles.contact`."""
