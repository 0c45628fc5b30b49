"""A motion whose feet wander, set onto feet that stay: trunk, arms, knees and weight are kept.

T frames, N coordinates
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.standing import (
    FEET,
    KNEES,
    SOLE_SHARE,
    Stance,
    places_of,
)
from qevd_bio.synthetic.standing_course import Course, followed

NODES = 17
WEIGHT_OVER = (0.3, 0.7)
"""Where the centre of mass may be, from heels to bases of the toes."""


def planted(body: Placing, foot_m: FloatArray, q: FloatArray) -> FloatArray | None:
    """Solve a standing motion (T, N) again with both feet flat where they are on average.

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
    """
    at = body.places(q, FEET)
    stance = _stance(at.origins_m, at.turns, foot_m)
    heel = stance.origins_m[:, 0].mean()
    low, high = (heel + share * float(foot_m.mean()) for share in WEIGHT_OVER)
    knees = places_of(body, KNEES)
    places = np.unique(np.linspace(0, len(q) - 1, NODES).round().astype(np.int64))
    aim = np.stack([np.clip(at.centre_m[:, 0], low, high), at.centre_m[:, 2]], axis=1)
    bent = np.maximum(q[:, knees].mean(axis=1), np.deg2rad(1.0))
    course = Course(places.astype(np.float64), q[places], stance, bent[places], aim[places])
    found = followed(body, course, q[0], np.arange(float(len(q))))
    if not len(found):
        return None
    kept = [i for i, name in enumerate(body.coordinates) if name.startswith(("arm", "elbow"))]
    found[:, kept] = q[:, kept]
    return found


def _stance(origins_m: FloatArray, turns: FloatArray, foot_m: FloatArray) -> Stance:
    """Average the feet's places and headings, and lay the feet flat on the floor."""
    origins = origins_m.mean(axis=0)
    origins[:, 1] = SOLE_SHARE * foot_m
    ahead = turns[:, :, :, 0].mean(axis=0)
    flat = [Rotation.from_euler("y", np.arctan2(-one[2], one[0])).as_matrix() for one in ahead]
    return Stance(origins, np.stack(flat))
