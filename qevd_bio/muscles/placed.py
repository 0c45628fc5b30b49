"""A motion of angles alone, set on the floor as a model stands.

T frames, N coordinates
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.centre_of_mass import contact_translation_m
from qevd_bio.muscles.contact import point_places, soles
from qevd_bio.muscles.frames import Placing
from qevd_bio.skeleton.opensim_map import TRANSLATIONS

_UP = np.array([0.0, 1.0, 0.0])


def placed_on_floor(
    body: Placing, foot_m: FloatArray, rotations: Mapping[str, FloatArray]
) -> FloatArray:
    """Lay rotations out as coordinates of a body whose feet rest on a floor at height 0.

    Parameters
    ----------
    body : Placing
        The model, whose legs need not be as long as those that were measured.
    foot_m : ndarray (2,)
        Lengths of the feet, metres.
    rotations : mapping of str to ndarray (T,)
        rad, by coordinate; those of the body that it does not name are 0.

    Returns
    -------
    ndarray (T, N)
        Coordinates. In every frame the lowest point of the soles is on the floor and does not
        slide to the next frame; so there is no flight.
    """
    frames = len(next(iter(rotations.values())))
    still = np.zeros(frames)
    q = np.stack([rotations.get(name, still) for name in body.coordinates], axis=1)
    points = soles(foot_m)
    at = body.places(q, points.bodies)
    places, _ = point_places(points, at.origins_m, at.turns, at.jacobians)
    shift = contact_translation_m(places, _UP)
    for axis, name in enumerate(TRANSLATIONS):
        q[:, body.coordinates.index(name)] += shift[:, axis]
    return q
