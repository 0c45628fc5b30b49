"""The catalogue of measures: named anatomical quantities computed from a pose.

T frames, D = 46 DoF, J = 24 joints

Rules, findings and sentences speak in measures, never in raw Euler columns. Angles come out in
degrees; this module and the tables are the border where radians end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import PosedSkeleton, Skeleton
from qevd_bio.skeleton.pose_angles import (
    Pose,
    across_the_chest,
    body_line,
    forward_lean,
    joint_coordinate,
    knee_valgus,
    shoulder_elevation,
    side_lean,
    stance_width,
    thigh_split,
)

_STEP_RAD = 1e-4


@dataclass(frozen=True, slots=True)
class Measure:
    """One named quantity.

    Attributes
    ----------
    name, side : str, str or None
        Catalogue key and the side of the body it belongs to.
    unit : str
        ``deg`` or ``ratio``.
    definition, positive : str
        What is measured, and what a larger value means.
    needs : tuple of str
        DoFs that must be observed for the value to mean anything.
    source : str
        Where the definition comes from.
    compute : callable
        Pose to values (T,) in the unit.
    """

    name: str
    side: str | None
    unit: str
    definition: str
    positive: str
    needs: tuple[str, ...]
    source: str
    compute: Callable[[Pose], FloatArray]


_PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
_CARRIERS = [
    dof
    for joint in ("lumbar_body", "thorax", "scapula_r", "scapula_l")
    for dof in joint_dofs(joint)
]
"""They carry the shoulders: their noise reaches each measure that looks at these."""
_COORDINATE = "SKEL joint coordinate"
_GEOMETRY = "geometry of the joint centres"


def _leg_dofs(*sides: str) -> tuple[str, ...]:
    names = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle")
    return tuple(f"{name}_{side}" for side in sides for name in names)


def _sided(side: str) -> tuple[Measure, ...]:
    arm = tuple(f"shoulder_{side}_{axis}" for axis in "xyz")
    word = {"r": "right", "l": "left"}[side]
    coordinate = (
        ("knee_flexion", "knee_angle", 1.0, "knee", "more bent; 0 is straight"),
        ("hip_flexion", "hip_flexion", 1.0, "hip", "thigh further to the front of the pelvis"),
        ("hip_abduction", "hip_adduction", -1.0, "hip", "thigh further outwards"),
        ("ankle_dorsiflexion", "ankle_angle", 1.0, "ankle", "toes nearer to the shin"),
        ("elbow_flexion", "elbow_flexion", 1.0, "elbow", "more bent; 0 is straight"),
    )
    angles = tuple(
        Measure(
            name=f"{name}_{side}",
            side=side,
            unit="deg",
            definition=f"{name.replace('_', ' ')} of the {word} {joint}",
            positive=positive,
            needs=(f"{dof}_{side}",),
            source=_COORDINATE,
            compute=joint_coordinate(f"{dof}_{side}", sign),
        )
        for name, dof, sign, joint, positive in coordinate
    )
    return (
        *angles,
        Measure(
            name=f"shoulder_elevation_{side}",
            side=side,
            unit="deg",
            definition=f"angle between the {word} upper arm and the trunk's downward direction",
            positive="arm further from the side of the trunk; 180 is overhead",
            needs=arm,
            source=_GEOMETRY,
            compute=shoulder_elevation(side),
        ),
        Measure(
            name=f"shoulder_horizontal_adduction_{side}",
            side=side,
            unit="deg",
            definition=(
                f"direction of the {word} upper arm seen along the trunk: 0 to the side, "
                "90 to the front"
            ),
            positive="arm further across the chest",
            needs=(*arm,),
            source=_GEOMETRY,
            compute=across_the_chest(side),
        ),
        Measure(
            name=f"thigh_split_{side}",
            side=side,
            unit="deg",
            definition=f"hip flexion of the {word} leg minus that of the other",
            positive=f"{word} thigh further ahead of the other",
            needs=("hip_flexion_r", "hip_flexion_l"),
            source=_COORDINATE,
            compute=thigh_split(side),
        ),
        Measure(
            name=f"knee_valgus_{side}",
            side=side,
            unit="deg",
            definition=f"inward inclination of the {word} thigh minus that of the shank",
            positive="knee further inwards",
            needs=(*_PELVIS, *_leg_dofs(side)),
            source=_GEOMETRY,
            compute=knee_valgus(side),
        ),
    )


_MIDLINE: tuple[Measure, ...] = (
    Measure(
        name="trunk_forward_lean",
        side=None,
        unit="deg",
        definition="angle of the line hips to shoulders from vertical, towards the front",
        positive="leaning further forward",
        needs=_PELVIS,
        source=_GEOMETRY,
        compute=forward_lean,
    ),
    Measure(
        name="trunk_side_lean",
        side=None,
        unit="deg",
        definition="angle of the line hips to shoulders out of the upright plane, to the side",
        positive="leaning further to the person's right",
        needs=_PELVIS,
        source=_GEOMETRY,
        compute=side_lean,
    ),
    Measure(
        name="lumbar_flexion",
        side=None,
        unit="deg",
        definition="forward bend of the lumbar spine against the pelvis",
        positive="more rounded",
        needs=("lumbar_extension",),
        source=_COORDINATE,
        compute=joint_coordinate("lumbar_extension", -1.0),
    ),
    Measure(
        name="thorax_flexion",
        side=None,
        unit="deg",
        definition="forward bend of the thorax against the lumbar spine",
        positive="more rounded",
        needs=("thorax_extension",),
        source=_COORDINATE,
        compute=joint_coordinate("thorax_extension", -1.0),
    ),
    Measure(
        name="head_flexion",
        side=None,
        unit="deg",
        definition="forward bend of the head against the thorax",
        positive="chin nearer to the chest",
        needs=("head_extension",),
        source=_COORDINATE,
        compute=joint_coordinate("head_extension", -1.0),
    ),
    Measure(
        name="body_line",
        side=None,
        unit="deg",
        definition="angle shoulders-hips-ankles, measured on the front of the body",
        positive="hips sag; 180 is a straight line, less means raised hips",
        needs=(*_PELVIS, *_leg_dofs("r", "l")),
        source=_GEOMETRY,
        compute=body_line,
    ),
    Measure(
        name="stance_width",
        side=None,
        unit="ratio",
        definition="distance of the ankles along the line of the hips, in hip widths",
        positive="feet further apart",
        needs=(*_PELVIS, *_leg_dofs("r", "l")),
        source=_GEOMETRY,
        compute=stance_width,
    ),
)

CATALOGUE: Mapping[str, Measure] = {
    measure.name: measure for measure in (*_sided("r"), *_sided("l"), *_MIDLINE)
}


def _looked_up(name: str) -> Measure:
    if name not in CATALOGUE:
        raise KeyError(f"'{name}' is no measure; the catalogue holds {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def measure_values(
    names: Iterable[str], q: FloatArray, skeleton: Skeleton, gravity: FloatArray
) -> dict[str, FloatArray]:
    """Compute measures of a motion.

    Parameters
    ----------
    names : iterable of str
        Keys of `CATALOGUE`.
    q : ndarray (T, 46)
        Angles in rad.
    skeleton : Skeleton
        Body whose joint centres the geometric measures use.
    gravity : ndarray (3,)
        Unit vector pointing down, in the camera frame.

    Returns
    -------
    dict of str to ndarray (T,)
        Degrees, or a plain ratio where the measure's unit says so.

    Notes
    -----
    NaN angles give NaN. A lean is NaN where the line of the hips is nearly vertical, a horizontal
    adduction where the arm is nearly in line with the trunk.
    """
    measures = [_looked_up(name) for name in names]
    if gravity.shape != (3,) or not np.isclose(np.linalg.norm(gravity), 1.0, atol=1e-6):
        raise ValueError(f"gravity must be a unit vector (3,), got {gravity!r}")
    pose = Pose(PosedSkeleton(q, skeleton), up=-gravity[:, None])
    return {measure.name: measure.compute(pose) for measure in measures}


def measure_sigma(
    name: str, q: FloatArray, sigma_rad: FloatArray, skeleton: Skeleton, gravity: FloatArray
) -> float:
    """Propagate angle noise to a measure at one pose.

    Parameters
    ----------
    name : str
        Key of `CATALOGUE`.
    q : ndarray (46,)
        The pose, in rad.
    sigma_rad : ndarray (46,)
        Standard deviation of each DoF, in rad; infinite where not observed.
    skeleton, gravity
        As in `measure_values`.

    Returns
    -------
    float
        Standard deviation in the measure's unit; infinite when a DoF it needs is unobserved.

    Notes
    -----
    First order, DoFs taken as independent: the square root of the summed squares of the
    partial derivatives times the DoF's noise, over the DoFs the measure needs and those of the
    spine and the shoulder blades that are observed; a backend that does not observe the spine
    has put it into the pelvis.
    """
    return float(measure_sigmas([(name, 0)], q[None], sigma_rad[None], skeleton, gravity)[0])


def measure_sigmas(
    wanted: Sequence[tuple[str, int]],
    q: FloatArray,
    sigma_rad: FloatArray,
    skeleton: Skeleton,
    gravity: FloatArray,
) -> FloatArray:
    """Propagate angle noise to many measures and poses in one pass.

    Parameters
    ----------
    wanted : sequence of (str, int)
        Key of `CATALOGUE` and row of `q`, n of them.
    q : ndarray (T, 46)
        Poses, in rad.
    sigma_rad : ndarray (T, 46)
        Standard deviations of the DoFs in each frame.
    skeleton, gravity
        As in `measure_sigma`.

    Returns
    -------
    ndarray (n,)
        As `measure_sigma` gives them one by one.
    """
    needs = {name: [DOF_INDEX[dof] for dof in _looked_up(name).needs] for name, _ in wanted}
    asked = np.unique([row for _, row in wanted]).astype(np.int64)
    finite = np.isfinite(sigma_rad[asked]).any(axis=0)
    carriers = [dof for dof in _CARRIERS if finite[dof]]
    judged = {
        name: sorted({*dofs, *carriers}) for name, dofs in needs.items() if finite[dofs].all()
    }
    sigmas = np.full(len(wanted), np.inf)
    rows = np.unique([row for name, row in wanted if name in judged]).astype(np.int64)
    if len(rows) == 0:
        return sigmas
    moved = sorted({dof for dofs in judged.values() for dof in dofs})
    poses = np.repeat(q[rows, None], len(moved) + 1, axis=1)
    poses[:, np.arange(1, len(moved) + 1), moved] += _STEP_RAD
    values = measure_values(judged, poses.reshape(-1, N_DOFS), skeleton, gravity)
    by_row: dict[str, FloatArray] = {}
    for name, dofs in judged.items():
        here = values[name].reshape(len(rows), -1)
        slopes = (here[:, [1 + moved.index(dof) for dof in dofs]] - here[:, :1]) / _STEP_RAD
        noise = sigma_rad[rows[:, None], dofs]
        known = np.isfinite(noise).all(axis=1)
        by_row[name] = np.full(len(rows), np.inf)
        by_row[name][known] = np.sqrt(np.sum((slopes[known] * noise[known]) ** 2, axis=1))
    places = np.searchsorted(rows, [row for _, row in wanted])
    for i, (name, _) in enumerate(wanted):
        if name in judged:
            sigmas[i] = by_row[name][places[i]]
    return sigmas
