"""From shape to mesh: the user's SMPL or SKEL file, and the open body that ships.

B bodies, V vertices, F triangles, N = 10 shape numbers, K builds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray
from qevd_bio.body.landmarks import Landmarks
from qevd_bio.body.measurements import Bodies
from qevd_bio.body.surface import Surface, surface_of
from qevd_bio.errors import DataError, UsageError
from qevd_bio.motion.record import N_BETAS
from qevd_bio.skeleton.dofs import N_JOINTS

_PERSON_HEIGHT_M = (1.0, 2.5)

ShapeT = TypeVar("ShapeT", contravariant=True)


@dataclass(frozen=True, slots=True)
class SkelShape:
    """Shapes in SMPL's male space, as HSMR gives them.

    Attributes
    ----------
    betas : ndarray (B, 10)
        In standard deviations of the population the space was made from.
    """

    betas: FloatArray

    def __post_init__(self) -> None:
        if self.betas.ndim != 2 or self.betas.shape[1] != N_BETAS:
            raise ValueError(f"betas have shape {self.betas.shape}, need (bodies, {N_BETAS})")
        if not np.isfinite(self.betas).all():
            raise ValueError("betas are not finite")


@dataclass(frozen=True, slots=True)
class BuildMixture:
    """Shapes between the builds of the open body: shares (B, K), rows not negative, sum 1."""

    shares: FloatArray

    def __post_init__(self) -> None:
        is_mixture = (
            self.shares.ndim == 2
            and bool((self.shares >= 0.0).all())
            and np.allclose(self.shares.sum(axis=1), 1.0, atol=1e-9)
        )
        if not is_mixture:
            raise ValueError("shares are (bodies, builds), not negative, each row with sum 1")


class ShapeModel(Protocol[ShapeT]):
    """What turns shapes of one kind into bodies that can be measured."""

    def bodies(self, shape: ShapeT) -> Bodies:
        """Build the bodies of these shapes, in the T-pose."""
        ...


@dataclass(frozen=True, slots=True)
class FileShapeModel:
    """The shape space of a file that the user brings.

    Attributes
    ----------
    name, sha256 : str
        Of the file, for the record.
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

    def bodies(self, shape: SkelShape) -> Bodies:
        """Build bodies: template + directions x betas, without pose and its correctives."""
        if not isinstance(shape, SkelShape):
            raise _foreign(shape, "SMPL or SKEL file", "SkelShape")
        moved = np.einsum("vcn,bn->bvc", self.directions_m, shape.betas, optimize=True)
        return Bodies(self.template_m + moved, self.surface, self.landmarks)


@dataclass(frozen=True, slots=True)
class OpenShapeModel:
    """The open body: for tests and synthetic subjects, never for shape numbers of HSMR.

    Attributes
    ----------
    builds_m : ndarray (K, V, 3)
        T-posed builds in metres, y up.
    surface : Surface
        Triangles.
    landmarks : Landmarks
        Of this topology.
    """

    builds_m: FloatArray
    surface: Surface
    landmarks: Landmarks

    def bodies(self, shape: BuildMixture) -> Bodies:
        """Blend the builds.

        Raises
        ------
        UsageError
            Shape numbers of HSMR were given: they mean nothing on this body.
        """
        if not isinstance(shape, BuildMixture):
            raise _foreign(shape, "open body", "BuildMixture")
        blended = np.einsum("bk,kvc->bvc", shape.shares, self.builds_m, optimize=True)
        return Bodies(blended, self.surface, self.landmarks)


def _foreign(shape: object, body: str, needs: str) -> UsageError:
    return UsageError(
        f"{type(shape).__name__} is not its kind of shape, it takes a {needs}",
        where=body,
        next_step="Shape numbers of HSMR need the user's SMPL or SKEL file; convert it with"
        " `qevd-bio weights import`",
    )


def file_shape_model(
    arrays: Mapping[str, NDArray[np.generic]], *, name: str, sha256: str, landmarks: Landmarks
) -> FileShapeModel:
    """Make a shape model of a converted SMPL or SKEL file.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``template`` (V, 3), ``shapedirs`` (V, 3, 10 or more), ``faces`` (F, 3) and, in a SKEL
        file, ``J_regressor_osim`` (24, V); others are left alone.
    name, sha256 : str
        Of the file.
    landmarks : Landmarks
        Of its topology.

    Returns
    -------
    FileShapeModel

    Raises
    ------
    DataError
        An array is missing or has another shape, the template is not the size of a person in
        metres with y up, or the landmarks are of another topology.
    """
    lacking = [key for key in ("template", "shapedirs", "faces") if key not in arrays]
    if lacking:
        raise _unfit(name, f"lacks {', '.join(lacking)}")
    template = np.asarray(arrays["template"], dtype=np.float64)
    directions = np.asarray(arrays["shapedirs"], dtype=np.float64)
    if template.ndim != 2 or template.shape[1] != 3:
        raise _unfit(name, f"template has shape {template.shape}, needs (vertices, 3)")
    has_shapes = directions.ndim == 3 and directions.shape[2] >= N_BETAS
    if not has_shapes or directions.shape[:2] != template.shape:
        raise _unfit(
            name,
            f"shapedirs have shape {directions.shape}, need {(*template.shape, N_BETAS)}",
        )
    try:
        surface = surface_of(arrays["faces"], len(template))
    except ValueError as error:
        raise _unfit(name, str(error)) from error
    regressor = None
    if "J_regressor_osim" in arrays:
        regressor = np.asarray(arrays["J_regressor_osim"], dtype=np.float64)
        if regressor.shape != (N_JOINTS, len(template)):
            raise _unfit(name, f"J_regressor_osim has shape {regressor.shape}")
    for numbers in (template, directions, regressor):
        if numbers is not None and not np.isfinite(numbers).all():
            raise _unfit(name, "holds numbers that are not finite")
    _check_size(name, template, landmarks)
    return FileShapeModel(
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
        raise _unfit(
            name,
            f"has {len(template)} vertices, landmarks '{landmarks.id}' are of bodies with"
            f" {landmarks.n_vertices}",
        )
    head, heel = (
        float(landmarks.places_m(point, template[None])[0, 1])
        for point in ("head_top", "heel_left")
    )
    if not _PERSON_HEIGHT_M[0] <= head - heel <= _PERSON_HEIGHT_M[1]:
        raise _unfit(
            name, f"its mean body is {head - heel:.2f} m high along y: not metres, or not y up"
        )


def _unfit(name: str, cause: str) -> DataError:
    return DataError(
        cause,
        where=f"body file {name}",
        next_step="Convert the SMPL or SKEL file again with `qevd-bio weights import`",
    )
