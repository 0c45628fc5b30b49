"""The catalogue of measures: named anatomical quantities computed from a pose.

T frames, D = 46 DoF, J = 24 joints

Rules, findings and sentences use measures, never raw Euler angles. Angles are returned in
degrees: this module and the tables are the border where radians end.
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
    body_line,
    forward_lean,
    joint_coordinate,
    knee_valgus,
    shoulder_elevation,
    shoulder_horizontal_adduction,
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
    name : str
        Key of the catalogue, with the side of the body (``_r``, ``_l``) if it has one.
    unit : str
        ``deg`` or ``ratio``.
    needs : tuple of str
        DoFs that must be observed for the value to be meaningful.
    definition, positive : str
        The measured quantity, and the meaning of a larger value.
    compute : callable
        Pose to values (T,) in the unit.
    """

    name: str
    unit: str
    needs: tuple[str, ...]
    definition: str
    positive: str
    compute: Callable[[Pose], FloatArray]


_PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
_CARRIERS = [
    dof
    for joint in ("lumbar_body", "thorax", "scapula_r", "scapula_l")
    for dof in joint_dofs(joint)
]
"""They carry the shoulders: their noise affects each measure that uses these."""


def _leg_dofs(*sides: str) -> tuple[str, ...]:
    names = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle")
    return _PELVIS + tuple(f"{name}_{side}" for side in sides for name in names)


def _coordinate(name: str, dof: str, sign: float, definition: str, positive: str) -> Measure:
    return Measure(name, "deg", (dof,), definition, positive, joint_coordinate(dof, sign))


def _sided(side: str) -> tuple[Measure, ...]:
    of = {"r": "of the right", "l": "of the left"}[side]
    arm = tuple(f"shoulder_{side}_{axis}" for axis in "xyz")
    return (
        _coordinate(
            f"knee_flexion_{side}", f"knee_angle_{side}", 1.0,
            f"knee flexion {of} knee", "more bent; 0 is straight",
        ),
        _coordinate(
            f"hip_flexion_{side}", f"hip_flexion_{side}", 1.0,
            f"hip flexion {of} hip", "thigh further to the front of the pelvis",
        ),
        _coordinate(
            f"hip_abduction_{side}", f"hip_adduction_{side}", -1.0,
            f"hip abduction {of} hip", "thigh further outwards",
        ),
        _coordinate(
            f"ankle_dorsiflexion_{side}", f"ankle_angle_{side}", 1.0,
            f"ankle dorsiflexion {of} ankle", "toes nearer to the shin",
        ),
        _coordinate(
            f"elbow_flexion_{side}", f"elbow_flexion_{side}", 1.0,
            f"elbow flexion {of} elbow", "more bent; 0 is straight",
        ),
        Measure(
            f"shoulder_elevation_{side}", "deg", arm,
            f"angle {of} upper arm from the trunk's downward direction",
            "arm further from the side of the trunk; 180 is overhead",
            shoulder_elevation(side),
        ),
        Measure(
            f"shoulder_horizontal_adduction_{side}", "deg", arm,
            f"direction {of} upper arm about the trunk: 0 to the side, 90 to the front",
            "arm further across the chest",
            shoulder_horizontal_adduction(side),
        ),
        Measure(
            f"thigh_split_{side}", "deg", ("hip_flexion_r", "hip_flexion_l"),
            f"hip flexion {of} leg minus that of the other",
            "thigh further in front of the other",
            thigh_split(side),
        ),
        Measure(
            f"knee_valgus_{side}", "deg", _leg_dofs(side),
            f"inward inclination {of} thigh minus that of the shank",
            "knee further inwards",
            knee_valgus(side),
        ),
    )  # fmt: skip


_MIDLINE: tuple[Measure, ...] = (
    Measure(
        "trunk_forward_lean", "deg", _PELVIS,
        "angle of the line hips to shoulders from vertical, towards the front",
        "leaning further forward",
        forward_lean,
    ),
    Measure(
        "trunk_side_lean", "deg", _PELVIS,
        "angle of the line hips to shoulders out of the upright plane, to the side",
        "leaning further to the person's right",
        side_lean,
    ),
    _coordinate(
        "lumbar_flexion", "lumbar_extension", -1.0,
        "forward bend of the lumbar spine against the pelvis", "more rounded",
    ),
    _coordinate(
        "thorax_flexion", "thorax_extension", -1.0,
        "forward bend of the thorax against the lumbar spine", "more rounded",
    ),
    _coordinate(
        "head_flexion", "head_extension", -1.0,
        "forward bend of the head against the thorax", "chin nearer to the chest",
    ),
    Measure(
        "body_line", "deg", _leg_dofs("r", "l"),
        "angle shoulders-hips-ankles, measured on the front of the body",
        "hips sag; 180 is a straight line, less means raised hips",
        body_line,
    ),
    Measure(
        "stance_width", "ratio", _leg_dofs("r", "l"),
        "distance of the ankles along the line of the hips, in hip widths",
        "feet further apart",
        stance_width,
    ),
)  # fmt: skip

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
        Body with the joint centres for the geometric measures.
    gravity : ndarray (3,)
        Unit vector pointing down, in the camera frame.

    Returns
    -------
    dict of str to ndarray (T,)
        In the measure's unit: degrees, or a plain ratio.

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


def measure_sigmas(
    wanted: Sequence[tuple[str, int]],
    q: FloatArray,
    sigma_rad: FloatArray,
    skeleton: Skeleton,
    gravity: FloatArray,
) -> FloatArray:
    """Propagate angle noise to measures of single poses.

    Parameters
    ----------
    wanted : sequence of (str, int)
        Key of `CATALOGUE` and row of `q`, n of them.
    q : ndarray (T, 46)
        Poses, in rad.
    sigma_rad : ndarray (T, 46)
        Standard deviation of each DoF in each frame, in rad; infinite where not observed.
    skeleton, gravity
        As in `measure_values`.

    Returns
    -------
    ndarray (n,)
        Standard deviations in the measures' units; infinite when a needed DoF is unobserved.

    Notes
    -----
    First order, DoFs taken as independent: the square root of the summed squares of the partial
    derivatives times the DoF's noise, over the DoFs the measure needs and the observed ones of
    the spine and the shoulder blades; a backend that does not observe the spine assigns
    it to the pelvis.
    """
    needs = {name: [DOF_INDEX[dof] for dof in _looked_up(name).needs] for name, _ in wanted}
    asked = np.unique([row for _, row in wanted]).astype(np.int64)
    finite = np.asarray(np.isfinite(sigma_rad[asked]).any(axis=0))
    carriers = [dof for dof in _CARRIERS if finite[dof]]
    observed = {
        name: sorted({*dofs, *carriers}) for name, dofs in needs.items() if finite[dofs].all()
    }
    sigmas = np.full(len(wanted), np.inf)
    rows = np.unique([row for name, row in wanted if name in observed]).astype(np.int64)
    if len(rows) == 0:
        return sigmas
    moved = sorted({dof for dofs in observed.values() for dof in dofs})
    poses = np.repeat(q[rows, None], len(moved) + 1, axis=1)
    poses[:, np.arange(1, len(moved) + 1), moved] += _STEP_RAD
    values = measure_values(observed, poses.reshape(-1, N_DOFS), skeleton, gravity)
    by_row: dict[str, FloatArray] = {}
    for name, dofs in observed.items():
        here = values[name].reshape(len(rows), -1)
        slopes = (here[:, [1 + moved.index(dof) for dof in dofs]] - here[:, :1]) / _STEP_RAD
        noise = sigma_rad[rows[:, None], dofs]
        known = np.isfinite(noise).all(axis=1)
        by_row[name] = np.full(len(rows), np.inf)
        by_row[name][known] = np.sqrt(np.sum((slopes[known] * noise[known]) ** 2, axis=1))
    place = np.searchsorted(rows, [row for _, row in wanted])
    for i, (name, _) in enumerate(wanted):
        if name in observed:
            sigmas[i] = by_row[name][place[i]]
    return sigmas
