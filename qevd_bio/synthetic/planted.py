"""A motion whose feet wander, set onto feet that stay: trunk, arms, knees and weight are kept.

T frames, N coordinates
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.standing import FEET, KNEES, Stance, places_of, set_down
from qevd_bio.synthetic.standing_course import Course, followed, standing

NODES = 17
WEIGHT_OVER = (0.3, 0.7)
"""Where the centre of mass may be, from heels to bases of the toes."""

OFF_LEVEL_DEG = 4.0
"""How far a foot that rests may be off level, as in made motions."""

_CARRIED = ("arm", "elbow", "pro_sup")


def planted(body: Placing, foot_m: FloatArray, q: FloatArray) -> FloatArray | None:
    """Solve a standing motion (T, N) again with both feet at rest where they are on average.

    Parameters
    ----------
    body : Placing
        The model.
    foot_m : ndarray (2,)
        Lengths of its feet, metres.
    q : ndarray (T, N)
        Coordinates, evenly spaced in time.

    Returns
    -------
    ndarray (T, N) or None
        Pelvis angles, trunk and arms as given; legs and place of the pelvis anew, with the mean
        bend of the knees as given and the weight over the feet. None where no such pose exists.

    Notes
    -----
    The feet are as far off level as they are on average, to `OFF_LEVEL_DEG`: who lays them flat
    makes both ankles more alike, and asks more of them in deep squats.
    """
    at = body.places(q, FEET)
    stance = _stance(at.origins_m, at.turns, foot_m)
    heel = stance.origins_m[:, 0].mean()
    low, high = (heel + share * float(foot_m.mean()) for share in WEIGHT_OVER)
    knees = places_of(body, KNEES)
    places = np.unique(np.linspace(0, len(q) - 1, NODES).round().astype(np.int64))
    aim = np.stack([np.clip(at.centre_m[:, 0], low, high), at.centre_m[:, 2]], axis=1)
    bent = np.maximum(q[:, knees].mean(axis=1), np.deg2rad(1.0))
    aims = standing(bent[places], aim[places])
    course = Course(places.astype(np.float64), q[places], stance, aims)
    found = followed(body, course, q[0], np.arange(float(len(q))))
    if not len(found):
        return None
    kept = [i for i, name in enumerate(body.coordinates) if name.startswith(_CARRIED)]
    found[:, kept] = q[:, kept]
    return found


def _stance(origins_m: FloatArray, turns: FloatArray, foot_m: FloatArray) -> Stance:
    """Average the feet's places and turns, and set the feet onto the floor."""
    heels = origins_m.mean(axis=0)
    most = np.deg2rad(OFF_LEVEL_DEG)
    found = []
    for foot in (0, 1):
        yaw, up, rolled = Rotation.from_matrix(turns[:, foot]).mean().as_euler("YZX")
        angles = (yaw, *np.clip((up, rolled), -most, most))
        found.append(set_down(heels[foot, [0, 2]], float(foot_m[foot]), angles))
    return Stance(np.stack([origin for origin, _ in found]), np.stack([turn for _, turn in found]))
