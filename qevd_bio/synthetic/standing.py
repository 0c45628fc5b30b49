"""Poses of a body that stands: feet where they are told to be, weight above them.

N coordinates, L = 12 leg coordinates

Given are the trunk and the arms, the place of both feet, how far the knees bend, and where
above the feet the centre of mass is. Legs, and where the pelvis is, follow by Newton's method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.muscles.frames import Dynamics, Placing
from qevd_bio.skeleton.opensim_map import TRANSLATIONS

FEET = ("calcn_r", "calcn_l")
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pose must do besides standing in a stance.

    knees_rad is the mean of both knees; centre_m (2,) the centre of mass forward and to the
    right.
    """

    knees_rad: float
    centre_m: FloatArray


def places_of(body: Placing, names: tuple[str, ...]) -> IntArray:
    """Find the places of coordinates among those of a body."""
    return np.array([body.coordinates.index(name) for name in names])


def stand(body: Placing, q: FloatArray, stance: Stance, wanted: Wanted) -> FloatArray | None:
    """Find the legs and the pelvis' place of a standing pose.

    Parameters
    ----------
    body : Placing
        The model.
    q : ndarray (N,)
        Trunk and arms as they shall be, the rest as a first guess; rad and metres.
    stance : Stance
        The feet.
    wanted : Wanted
        Knees and centre of mass.

    Returns
    -------
    ndarray (N,) or None
        The pose; None where no pose is found.
    """
    solved = places_of(body, SOLVED)
    knees = places_of(body, KNEES)
    turning = np.array([not name.startswith("pelvis") for name in SOLVED])
    pose = q.copy()
    for _ in range(_ROUNDS):
        at = body.places(pose[None], FEET)
        off, rows = _off(at, body.centre_moves(pose[None])[0], stance, wanted, pose, knees)
        if np.abs(off).max() < _CLOSE:
            return pose
        step = np.linalg.lstsq(rows[:, solved], off, rcond=1e-6)[0]
        longest = np.abs(step[turning]).max(initial=0.0)
        pose[solved] += step * min(1.0, _LONGEST_STEP_RAD / max(longest, 1e-9))
    return None


def _off(
    at: Dynamics,
    centre_moves: FloatArray,
    stance: Stance,
    wanted: Wanted,
    pose: FloatArray,
    knees: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Compute what is missing (15,) and how coordinates change it (15, N)."""
    turn = np.einsum("bij,bkj->bik", stance.turns, at.turns[0])
    missing = [
        np.concatenate([Rotation.from_matrix(turn[foot]).as_rotvec(),
                        stance.origins_m[foot] - at.origins_m[0, foot]])
        for foot in (0, 1)
    ]  # fmt: skip
    missing.append(np.array([wanted.knees_rad - pose[knees].mean()]))
    missing.append(wanted.centre_m - at.centre_m[0, [0, 2]])
    bend = np.zeros((1, len(pose)))
    bend[0, knees] = 0.5
    rows = [at.jacobians[0, 0], at.jacobians[0, 1], bend, centre_moves[[0, 2]]]
    return np.concatenate(missing), np.concatenate(rows)


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
        turn = Rotation.from_euler("YZX", angles)
        turns.append(turn.as_matrix() @ level.turns[0, foot])
        ahead, aside = sign * footing.ahead_m / 2.0, sign * footing.width_m / 2.0
        # the base of the toes stays where it is when the heel rises
        ball = np.array([foot_m[foot], 0.0, 0.0])
        flat = Rotation.from_euler("Y", angles[0])
        heel = np.array([ahead, SOLE_SHARE * foot_m[foot], aside])
        origins.append(heel + flat.apply(ball) - turn.apply(ball))
    return Stance(np.array(origins), np.array(turns))


SOLE_SHARE = 0.17
"""Height of the heel's origin above the sole, in lengths of the foot, as in `muscles.contact`."""
