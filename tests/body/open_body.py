"""Bodies to measure: blends of the three builds of the built-in body, in the T-pose."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.body.landmarks import Landmarks, read_landmarks
from qevd_bio.body.measurements import Bodies
from qevd_bio.body.surface import Surface, surface_of
from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.synthetic.body_mesh import BUILDS, load_body, pose_body

LANDMARKS = Path(__file__).parents[1] / "golden" / "body" / "landmarks_open_body.json"


@cache
def open_builds() -> tuple[FloatArray, Surface, Landmarks]:
    """Return the builds (3, V, 3) in metres in the order of `BUILDS`, to be read only."""
    bodies = [load_body(build) for build in BUILDS]
    straight = np.zeros((1, N_DOFS))
    builds_m = np.stack([pose_body(body, straight)[0][0] for body in bodies])
    surface = surface_of(bodies[0].faces, len(bodies[0].vertices_m))
    return builds_m, surface, read_landmarks(LANDMARKS)


def open_bodies(shares: FloatArray) -> Bodies:
    """Blend the builds by shares (B, 3); each row sums to 1."""
    builds_m, surface, landmarks = open_builds()
    return Bodies(np.einsum("bk,kvc->bvc", shares, builds_m, optimize=True), surface, landmarks)
