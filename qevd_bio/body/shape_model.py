"""From shape numbers to meshes: the shape space of the user's SMPL or SKEL file.

B bodies, V vertices, F triangles, N = 10 shape numbers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray
from qevd_bio.body.landmarks import Landmarks
from qevd_bio.body.measurements import Bodies
from qevd_bio.body.surface import Surface, surface_of
from qevd_bio.errors import DataError
from qevd_bio.motion.record import N_BETAS
from qevd_bio.skeleton.dofs import N_JOINTS

_PERSON_HEIGHT_M = (1.0, 2.5)


@dataclass(frozen=True, slots=True)
class ShapeModel:
    """The shape space of a body file.

    Attributes
    ----------
    name, sha256 : str
        Of the file.
    template_m : ndarray (V, 3)
        The mean body in metres, y up, T-pose.
    directions_m : ndarray (V, 3, 10)
        What one standard deviation of each shape number moves.
    surface : Surface
        Triangles.
    landmarks : Landmarks
        Of this topology.
    joint_regressor : ndarray (24, V) or None
        Shares of the vertices in SKEL's joints; None: the file has none.
    """

    name: str
    sha256: str
    template_m: FloatArray
    directions_m: FloatArray
    surface: Surface
    landmarks: Landmarks
    joint_regressor: FloatArray | None

    def bodies(self, betas: FloatArray) -> Bodies:
        """Build bodies of betas (B, 10): template + directions x betas, without pose correctives.

        Betas are in SMPL's male space, as HSMR gives them, in standard deviations of the
        population that the space was made from.
        """
        if betas.ndim != 2 or betas.shape[1] != N_BETAS or not np.isfinite(betas).all():
            raise ValueError(f"betas {betas.shape}: need (bodies, {N_BETAS}), finite")
        moved = np.einsum("vcn,bn->bvc", self.directions_m, betas, optimize=True)
        return Bodies(self.template_m + moved, self.surface, self.landmarks)


def shape_model_of(
    arrays: Mapping[str, NDArray[Any]], *, name: str, sha256: str, landmarks: Landmarks
) -> ShapeModel:
    """Make a shape model of a converted SMPL or SKEL file.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``template`` (V, 3), ``shapedirs`` (V, 3, 10 or more), ``faces`` (F, 3) and, in a SKEL
        file, ``J_regressor_osim`` (24, V); others are ignored.
    name, sha256 : str
        Of the file.
    landmarks : Landmarks
        Of its topology.

    Returns
    -------
    ShapeModel

    Raises
    ------
    DataError
        An array is missing or has another shape, the template is not the size of a person in
        metres with y up, or the landmarks are of another topology.
    """
    missing = [key for key in ("template", "shapedirs", "faces") if key not in arrays]
    if missing:
        raise _bad(name, f"lacks {', '.join(missing)}")
    template = np.asarray(arrays["template"], dtype=np.float64)
    directions = np.asarray(arrays["shapedirs"], dtype=np.float64)
    if template.ndim != 2 or template.shape[1] != 3:
        raise _bad(name, f"template has shape {template.shape}, needs (vertices, 3)")
    has_shapes = directions.ndim == 3 and directions.shape[2] >= N_BETAS
    if not has_shapes or directions.shape[:2] != template.shape:
        needed = (*template.shape, N_BETAS)
        raise _bad(name, f"shapedirs have shape {directions.shape}, need {needed}")
    try:
        surface = surface_of(arrays["faces"], len(template))
    except ValueError as error:
        raise _bad(name, str(error)) from error
    regressor = None
    if "J_regressor_osim" in arrays:
        regressor = np.asarray(arrays["J_regressor_osim"], dtype=np.float64)
        if regressor.shape != (N_JOINTS, len(template)):
            raise _bad(name, f"J_regressor_osim has shape {regressor.shape}")
    for numbers in (template, directions, regressor):
        if numbers is not None and not np.isfinite(numbers).all():
            raise _bad(name, "holds numbers that are not finite")
    _check_size(name, template, landmarks)
    return ShapeModel(
        name=name,
        sha256=sha256,
        template_m=template,
        directions_m=np.ascontiguousarray(directions[:, :, :N_BETAS]),
        surface=surface,
        landmarks=landmarks,
        joint_regressor=regressor,
    )


def _check_size(name: str, template: FloatArray, landmarks: Landmarks) -> None:
    if len(template) != landmarks.n_vertices:
        raise _bad(
            name,
            f"has {len(template)} vertices, landmarks '{landmarks.id}' are of bodies with"
            f" {landmarks.n_vertices}",
        )
    head, heel = (
        float(landmarks.places_m(point, template[None])[0, 1])
        for point in ("head_top", "heel_left")
    )
    if not _PERSON_HEIGHT_M[0] <= head - heel <= _PERSON_HEIGHT_M[1]:
        raise _bad(
            name, f"its mean body is {head - heel:.2f} m high along y: not metres, or not y up"
        )


def _bad(name: str, cause: str) -> DataError:
    return DataError(
        cause,
        where=f"body file {name}",
        next_step="Convert the SMPL or SKEL file again with `qevd-bio weights import`",
    )
