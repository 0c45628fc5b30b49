"""The open body as a shape model: bodies to measure that nobody's licence forbids."""

from __future__ import annotations

from functools import cache

import numpy as np

from qevd_bio.body.landmarks import shipped_landmarks
from qevd_bio.body.shape_model import OpenShapeModel
from qevd_bio.body.surface import surface_of
from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.synthetic.body_mesh import BUILDS, load_body, pose_body


@cache
def open_shape_model() -> OpenShapeModel:
    """Put the builds of the open body into the T-pose.

    Returns
    -------
    OpenShapeModel
        Builds in the order of `qevd_bio.synthetic.body_mesh.BUILDS`. Shared between callers:
        treat its arrays as read-only.
    """
    bodies = [load_body(build) for build in BUILDS]
    straight = np.zeros((1, N_DOFS))
    return OpenShapeModel(
        builds_m=np.stack([pose_body(body, straight)[0][0] for body in bodies]),
        surface=surface_of(bodies[0].faces, len(bodies[0].vertices_m)),
        landmarks=shipped_landmarks("open_body"),
    )
