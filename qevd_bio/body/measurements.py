"""Virtual measurements of bodies after SHAPY: height, mass, chest, waist and hip girth.

B bodies, V vertices
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.body.landmarks import Landmarks
from qevd_bio.body.slices import girths_m
from qevd_bio.body.surface import Surface, checked_vertices, volumes_m3

DENSITY_KG_M3 = 985.0
"""Of the whole body (SHAPY)."""

GIRTH_LANDMARKS = {"chest": "nipple_right", "waist": "belly_button", "hip": "crotch"}
"""The landmark through which the plane of each girth goes."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """Bodies of one topology, ready to be measured.

    Attributes
    ----------
    vertices_m : ndarray (B, V, 3)
        Rest shape without pose, in the T-pose, y up, metres.
    surface : Surface
        Their triangles.
    landmarks : Landmarks
        Of this topology.
    """

    vertices_m: FloatArray
    surface: Surface
    landmarks: Landmarks

    def __post_init__(self) -> None:
        checked_vertices(self.vertices_m, self.surface)
        if self.landmarks.n_vertices != self.surface.n_vertices:
            raise ValueError(
                f"landmarks '{self.landmarks.id}' are of bodies with {self.landmarks.n_vertices}"
                f" vertices, these have {self.surface.n_vertices}"
            )


@dataclass(frozen=True, slots=True)
class Measurements:
    """Measurements of B bodies, each an ndarray (B,): metres, mass in kilograms."""

    height_m: FloatArray
    mass_kg: FloatArray
    chest_m: FloatArray
    waist_m: FloatArray
    hip_m: FloatArray


def measure(bodies: Bodies) -> Measurements:
    """Measure bodies as SHAPY's virtual measurements do (paper 3.4, supplement 6.3).

    Parameters
    ----------
    bodies : Bodies
        In the T-pose.

    Returns
    -------
    Measurements

    Raises
    ------
    ValueError
        A body does not stand with y up, or its arms are not raised: arms are not separated
        from the trunk, so a tape at chest height would go around lowered arms.

    Notes
    -----
    Height is the difference in y of head top and left heel, 6 to 9 mm less than the extent of
    an SMPL body, because its toes hang lower. Mass is 985 kg/m3 times the volume. Chest, waist and
    hip are exact convex-hull perimeters in the horizontal planes through right nipple, belly
    button and crotch; SHAPY's own code loses every second crossing point and reads up to 5 mm
    less. Arms count as raised when the outermost vertices of both sides lie above the chest.
    """
    vertices, landmarks = bodies.vertices_m, bodies.landmarks
    places = {name: landmarks.places_m(name, vertices)[:, 1] for name in landmarks.points}
    height = places["head_top"] - places["heel_left"]
    if (height <= 0.0).any():
        raise ValueError(
            f"body {int(height.argmin())} has its head below its heel: bodies need y up"
        )
    _refuse_lowered_arms(vertices, places[GIRTH_LANDMARKS["chest"]])
    planes = np.stack([places[name] for name in GIRTH_LANDMARKS.values()], axis=1)
    girths = girths_m(vertices, bodies.surface, planes)
    chest, waist, hip = girths.T
    return Measurements(
        height_m=height,
        mass_kg=DENSITY_KG_M3 * volumes_m3(vertices, bodies.surface),
        chest_m=chest,
        waist_m=waist,
        hip_m=hip,
    )


def _refuse_lowered_arms(vertices_m: FloatArray, chest_m: FloatArray) -> None:
    every = np.arange(len(vertices_m))
    across = vertices_m[:, :, 0]
    for outermost in (across.argmin(axis=1), across.argmax(axis=1)):
        is_low = vertices_m[every, outermost, 1] <= chest_m
        if is_low.any():
            raise ValueError(
                f"body {int(is_low.argmax())} is not in the T-pose: its arms reach down to the"
                " height of its chest"
            )
