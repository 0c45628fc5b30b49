"""How trunk and arms are carried on the way there and back, and how unsteadily.

K nodes of a course, N coordinates, W = 6 trunk coordinates
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray

TRUNK = ("pelvis_tilt", "lumbar_extension", "pelvis_list", "pelvis_rotation", "lumbar_bending",
         "lumbar_rotation")  # fmt: skip
MIDLINE = TRUNK[:2]
"""These do not tell right from left."""

ASIDE_DEG = np.array([4.0, 4.0, 2.0, 2.0, 2.0, 2.0])
"""How far the way there and the way back may differ from the straight one, halfway."""

Range = tuple[float, float]

ARM_RANGES: Mapping[str, Range] = {
    "arm_flex": (-35.0, 170.0),
    "arm_add": (-95.0, 25.0),
    "arm_rot": (-60.0, 75.0),
    "elbow_flex": (0.0, 140.0),
    "pro_sup": (5.0, 115.0),
}
"""Where people can hold their arms, degrees (the model itself lets them turn freely)."""

ARM_HABITS: tuple[Mapping[str, Range], ...] = (
    {"arm_flex": (0, 10), "elbow_flex": (10, 15)},
    {"arm_flex": (80, 85), "elbow_flex": (5, 5)},
    {"arm_flex": (5, 85), "elbow_flex": (5, 5)},
    {"arm_flex": (55, 55), "arm_add": (10, 10), "arm_rot": (60, 60), "elbow_flex": (120, 120)},
    {"arm_flex": (165, 165), "elbow_flex": (5, 5)},
    {"arm_flex": (-20, -20), "arm_add": (-45, -45), "arm_rot": (30, 30), "elbow_flex": (90, 90)},
)
"""What people do with their arms, at the start and at the end: hang, before them, raised on the
way, crossed, overhead, on the hips."""

_STOPS_DEG: Mapping[str, Range] = {"elbow_flex": (2.0, 148.0), "pro_sup": (2.0, 118.0)}
_HABIT_SPREAD_DEG = 10.0
_SHAKE_DEG = {"arm": 5.0, "elbow": 5.0, "pro": 5.0, "pelvis": 2.0, "lumbar": 2.5}
_SHAKE_S = (0.25, 0.8)


@dataclass(frozen=True, slots=True)
class Carriage:
    """Trunk and arms.

    Attributes
    ----------
    start_deg, end_deg : mapping of str to float
        Coordinates at the start of a movement and at its turning point.
    aside (2, W) : ndarray
        Departures, -1 to 1, of the trunk halfway there and halfway back.
    shake : float
        0 for a steady body, 1 for a very unsteady one.
    seed : int
        Of the unsteadiness.
    """

    start_deg: Mapping[str, float]
    end_deg: Mapping[str, float]
    aside: FloatArray
    shake: float = 0.0
    seed: int = 0


def random_trunk(
    rng: np.random.Generator, ranges: Mapping[str, Range], sided: float
) -> dict[str, float]:
    """Draw the trunk's coordinates, degrees; what tells right from left is `sided` times that."""
    return {
        name: float(rng.uniform(low, high)) * (1.0 if name in MIDLINE else sided)
        for name, (low, high) in ranges.items()
    }


def random_arms(
    rng: np.random.Generator, symmetric: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """Draw arms at start and end, degrees: a half near a habit, a half anywhere people can."""
    ends: tuple[dict[str, float], dict[str, float]] = ({}, {})
    habit = ARM_HABITS[rng.integers(len(ARM_HABITS))] if rng.random() < 0.5 else None
    still = rng.random() < 0.5
    drawn: dict[str, Range] = {}
    for side in "rl":
        for name, (low, high) in ARM_RANGES.items():
            if side == "r" or not symmetric:
                where = rng.uniform(low, high, 2)
                if habit is not None:
                    near = np.array(habit.get(name, (0.0, 0.0)))
                    where = np.clip(near + rng.normal(0.0, _HABIT_SPREAD_DEG), low, high)
                drawn[name] = (where[0], where[0] if still and habit is None else where[1])
            for end, value in zip(ends, drawn[name], strict=True):
                end[f"{name}_{side}"] = float(value)
    return ends


def carried(
    coordinates: tuple[str, ...],
    carriage: Carriage,
    share: FloatArray,
    is_back: BoolArray,
    time_s: FloatArray,
) -> FloatArray:
    """Lay trunk and arms out.

    Parameters
    ----------
    coordinates : tuple of str
        N names.
    carriage : Carriage
        How they are carried.
    share : ndarray (K,)
        How far on the way, 0 to 1.
    is_back : ndarray of bool (K,)
        Whether on the way back.
    time_s : ndarray (K,)
        Seconds.

    Returns
    -------
    ndarray (K, N)
        rad; zeros where nothing is carried.
    """
    found = np.zeros((len(share), len(coordinates)))
    wobble = unsteady(np.random.default_rng(carriage.seed), time_s, len(coordinates))
    for name in carriage.start_deg:
        at = coordinates.index(name)
        start, end = carriage.start_deg[name], carriage.end_deg[name]
        shake = _SHAKE_DEG.get(name.split("_")[0], 0.0) * carriage.shake
        found[:, at] = start + (end - start) * share + shake * wobble[:, at]
    aside = np.where(is_back[:, None], carriage.aside[1], carriage.aside[0]) * ASIDE_DEG
    trunk = [coordinates.index(name) for name in TRUNK]
    found[:, trunk] += aside * (4.0 * share * (1.0 - share))[:, None]
    for begin, (low, high) in _STOPS_DEG.items():
        at_stop = [i for i, name in enumerate(coordinates) if name.startswith(begin)]
        found[:, at_stop] = np.clip(found[:, at_stop], low, high)
    return np.deg2rad(found)


def unsteady(rng: np.random.Generator, time_s: FloatArray, count: int) -> FloatArray:
    """Draw `count` smooth courses (K, count) of unit variance: Gaussian, 0.25 to 0.8 s long."""
    apart = (time_s[:, None] - time_s[None]) / rng.uniform(*_SHAKE_S)
    alike = np.exp(-0.5 * apart**2) + 1e-6 * np.eye(len(time_s))
    return np.asarray(np.linalg.cholesky(alike) @ rng.standard_normal((len(time_s), count)))
