"""The measurements of one person, from the shapes a video shows.

T frames, N = 10 shape numbers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from qevd_bio.body.measurements import measure
from qevd_bio.body.plausible import flags_of
from qevd_bio.body.shape_average import AveragedShape
from qevd_bio.body.shape_model import ShapeModel
from qevd_bio.skeleton.bodies import segment_lengths_between


@dataclass(frozen=True, slots=True)
class Person:
    """The measurements of one body.

    Attributes
    ----------
    measured : mapping of str to float
        height_m, mass_kg, chest_m, waist_m, hip_m.
    flags : tuple of str
        Implausible measurements, see `body.plausible`.
    lengths_m : mapping of str to float or None
        Segment lengths; None when the body's file has no joints.
    """

    measured: Mapping[str, float]
    flags: tuple[str, ...]
    lengths_m: Mapping[str, float] | None


def measure_person(
    model: ShapeModel, shape: AveragedShape, given_height_m: float | None
) -> Person:
    """Measure the body of an averaged shape.

    Parameters
    ----------
    model : ShapeModel
        The user's SMPL or SKEL body.
    shape : AveragedShape
        The person's shape.
    given_height_m : float or None
        Known height; scales nothing, but a contradiction is flagged.

    Returns
    -------
    Person

    Raises
    ------
    ValueError
        The shape numbers are so extreme that the arms hang or the head lies below the heels.
    """
    bodies = model.bodies(shape.betas[None])
    measured = {name: float(value[0]) for name, value in asdict(measure(bodies)).items()}
    flags = flags_of(measured, given_height_m=given_height_m, is_closed=bodies.surface.is_closed)
    if model.joint_regressor is None:
        return Person(measured, flags, None)
    joints_m = model.joint_regressor @ bodies.vertices_m[0]
    return Person(measured, flags, segment_lengths_between(joints_m))
