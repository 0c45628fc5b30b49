"""SKEL angles to the coordinates of OpenSim's full-body models, and back.

T frames, D = 46 DoF

This is the one place where the two conventions meet. Coordinates and axes are those of
LaiUhlrich2022 (of the family of Rajagopal2015), as its .osim file defines them:

pelvis        OpenSim's ground has y up; SKEL's pelvis turns in the camera frame (x right, y down,
              z away). Ground X points from the person to the camera, level; Z is the person's
              right when facing it. Both call the same anatomical axes X forward, Y up, Z right.
order         OpenSim turns about moving axes in the order Z, X, Y: R = Rz Rx Ry. SKEL applies
              its first DoF first about fixed axes: R = Ry Rx Rz for pelvis and hips. Equal names
              are therefore not equal angles; rotations are converted, not numbers.
left side     OpenSim's left X and Y coordinates turn about the negative axes.
trunk         One joint (lumbar_*) against SKEL's lumbar and thorax joints: their product one
              way, two equal halves the other way. The models have no neck; the head is left out.
upper arm     OpenSim's arm_* start from the hanging arm and turn it against the torso. SKEL
              starts from the T-pose, on a shoulder blade: their product one way, a resting blade
              the other way.
one axis      knee_angle, ankle_angle, subtalar_angle, mtp_angle and elbow_flexion are copied:
              same sign, nearly the same axis (the elbows' differ by 10 degrees). OpenSim's knee
              also rolls, which places the ankle up to 24 mm elsewhere at 90 degrees.
translation   SKEL's root is the middle of the hips, OpenSim's the origin of its pelvis; OpenSim's
              ground has its floor at height 0.
forearm turn  pro_sup is copied on the way out, not read on the way in: whether both call the
              same pose zero is unverified.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.skeleton.bodies import BODY_AXES, resting_upper_arm
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX, N_DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import (
    Skeleton,
    euler_angles,
    forward_kinematics,
    joint_rotations,
)

PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
TRANSLATIONS = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
LUMBAR = ("lumbar_extension", "lumbar_bending", "lumbar_rotation")

COPIED: Mapping[str, str] = {
    f"{coordinate}_{side}": f"{dof}_{side}"
    for side in "rl"
    for coordinate, dof in (
        ("knee_angle", "knee_angle"),
        ("ankle_angle", "ankle_angle"),
        ("subtalar_angle", "subtalar_angle"),
        ("mtp_angle", "mtp_angle"),
        ("elbow_flex", "elbow_flexion"),
        ("pro_sup", "pro_sup"),
    )
}
"""OpenSim coordinate to the SKEL DoF with the same number."""

_SIDE_SIGNS: dict[str, tuple[float, ...]] = {"r": (1.0, 1.0, 1.0), "l": (1.0, -1.0, -1.0)}


def _hip(side: str) -> tuple[str, str, str]:
    return (f"hip_flexion_{side}", f"hip_adduction_{side}", f"hip_rotation_{side}")


def _arm(side: str) -> tuple[str, str, str]:
    return (f"arm_flex_{side}", f"arm_add_{side}", f"arm_rot_{side}")


def _leg(side: str) -> tuple[str, ...]:
    copied = ("knee_angle", "ankle_angle", "subtalar_angle", "mtp_angle")
    return (*_hip(side), *(f"{name}_{side}" for name in copied))


COORDINATES: tuple[str, ...] = (
    *PELVIS, *_leg("r"), *_leg("l"), *LUMBAR,
    *_arm("r"), "elbow_flex_r", "pro_sup_r", *_arm("l"), "elbow_flex_l", "pro_sup_l",
)  # fmt: skip
"""The rotations, in the order of the model's own files."""

USED: tuple[str, ...] = (*PELVIS, *TRANSLATIONS, *COORDINATES[3:])
"""All 33 coordinates that a motion has, in the order of the model."""

_PELVIS_ORIGIN_M = np.array([0.056276, 0.078490, 0.0])
"""Mid-hips to the pelvis' origin of LaiUhlrich2022, along its forward, up and right axes."""


def ground_axes(gravity: FloatArray) -> FloatArray:
    """Return OpenSim's ground X, Y, Z as columns (3, 3) in the camera frame.

    `gravity` (3,) is a unit vector pointing down there. `ValueError` where the camera looks
    straight up or down, which leaves X without a direction.
    """
    up = -np.asarray(gravity, dtype=np.float64)
    towards = np.array([0.0, 0.0, -1.0])
    level = towards - (towards @ up) * up
    if np.linalg.norm(level) < 1e-6:
        raise ValueError("the camera looks along gravity: no direction is level")
    forward = level / np.linalg.norm(level)
    return np.stack([forward, up, np.cross(forward, up)], axis=1)


def to_opensim(q: FloatArray, gravity: FloatArray) -> dict[str, FloatArray]:
    """Convert SKEL angles to OpenSim coordinates.

    Parameters
    ----------
    q : ndarray (T, 46)
        rad, finite, time order.
    gravity : ndarray (3,)
        Unit vector pointing down, in the camera frame.

    Returns
    -------
    dict of str to ndarray (T,)
        `COORDINATES` in rad, continuous in time.
    """
    turns = joint_rotations(q)

    def joint(name: str) -> FloatArray:
        return np.asarray(turns[:, JOINT_INDEX[name]])

    found: dict[str, FloatArray] = {}

    def put(names: tuple[str, ...], rotation: FloatArray, signs: tuple[float, ...]) -> None:
        angles = continuous_zxy(rotation) * np.array(signs)
        found.update(zip(names, angles.T, strict=True))

    put(PELVIS, ground_axes(gravity).T @ BODY_AXES @ joint("pelvis"), (1, 1, 1))
    put(LUMBAR, joint("lumbar_body") @ joint("thorax"), (1, 1, 1))
    for side, signs in _SIDE_SIGNS.items():
        put(_hip(side), joint(f"femur_{side}"), signs)
        hanging = joint(f"scapula_{side}") @ resting_upper_arm(side) @ joint(f"humerus_{side}")
        put(_arm(side), hanging, signs)
    for coordinate, dof in COPIED.items():
        found[coordinate] = np.unwrap(q[:, DOF_INDEX[dof]])
    return {name: found[name] for name in COORDINATES}


def opensim_path(
    q: FloatArray, gravity: FloatArray, skeleton: Skeleton, root_m: FloatArray | None
) -> dict[str, FloatArray]:
    """Place the pelvis' origin of a motion in OpenSim's ground.

    Parameters
    ----------
    q : ndarray (T, 46)
        rad, finite.
    gravity : ndarray (3,)
        Unit vector pointing down, in the camera frame.
    skeleton : Skeleton
        The body, whose size is the scale.
    root_m : ndarray (T, 3) or None
        Mid-hips in the camera frame, in metres; None where unknown.

    Returns
    -------
    dict of str to ndarray (T,)
        `TRANSLATIONS` in metres.

    Notes
    -----
    With a known root, the path begins above the origin and the lowest joint of the median frame
    stands on the ground, so jumps leave it. Otherwise the lowest joint of every frame stands on
    it and the pelvis moves up and down only.
    """
    ground = ground_axes(gravity)
    joints, turns = forward_kinematics(q, skeleton)
    middle = joints[:, [JOINT_INDEX["femur_r"], JOINT_INDEX["femur_l"]]].mean(axis=1)
    heights = ((joints - middle[:, None]) @ ground)[..., 1].min(axis=1)
    if root_m is None:
        hips = np.zeros((len(q), 3))
        hips[:, 1] = -heights
    else:
        path = root_m @ ground
        hips = path - path[0]
        hips[:, 1] = path[:, 1] - np.median(path[:, 1] + heights)
    pelvis = ground.T @ turns[:, 0] @ BODY_AXES
    return dict(zip(TRANSLATIONS, (hips + pelvis @ _PELVIS_ORIGIN_M).T, strict=True))


def from_opensim(
    coordinates: Mapping[str, FloatArray], gravity: FloatArray | None
) -> tuple[FloatArray, BoolArray]:
    """Convert OpenSim coordinates to SKEL angles.

    Parameters
    ----------
    coordinates : mapping of str to ndarray (T,)
        rad, any of `COORDINATES`; of a joint with three, all or none.
    gravity : ndarray (3,) or None
        Unit vector pointing down, in the camera frame wanted; None: the resting frame of the
        skeleton, in which an upright pelvis that heads along OpenSim's X has angles of 0.

    Returns
    -------
    q : ndarray (T, 46)
        rad, unwrapped; 0 where nothing is known.
    observed : ndarray (46,) of bool
        Where something is known. Where in the spine the trunk bends is not.

    Raises
    ------
    ValueError
        A joint's coordinates are not complete, or there is none at all.
    """
    frames = {len(values) for name, values in coordinates.items() if name in COORDINATES}
    if len(frames) != 1:
        raise ValueError("no known coordinate, or of different lengths")
    q, observed = np.zeros((frames.pop(), N_DOFS)), np.zeros(N_DOFS, dtype=bool)

    def put(joint: str, rotation: FloatArray, is_observed: bool) -> None:
        dofs = list(joint_dofs(joint))
        q[:, dofs] = np.unwrap(euler_angles(joint, rotation), axis=0)
        observed[dofs] = is_observed

    right = _SIDE_SIGNS["r"]
    frame = np.eye(3) if gravity is None else BODY_AXES.T @ ground_axes(gravity)
    balls = [(PELVIS, right, "pelvis", frame)]
    for side, signs in _SIDE_SIGNS.items():
        balls += [(_hip(side), signs, f"femur_{side}", np.eye(3)),
                  (_arm(side), signs, f"humerus_{side}", resting_upper_arm(side).T)]  # fmt: skip
    for names, signs, joint, before in balls:
        turn = _rotation(coordinates, names, signs)
        if turn is not None:
            put(joint, before @ turn, True)
    spine = _rotation(coordinates, LUMBAR, right)
    if spine is not None:
        for joint in ("lumbar_body", "thorax"):
            put(joint, _half(spine), False)
    for coordinate, dof in COPIED.items():
        if coordinate in coordinates and not coordinate.startswith("pro_sup"):
            q[:, DOF_INDEX[dof]] = coordinates[coordinate]
            observed[DOF_INDEX[dof]] = True
    return q, observed


def _half(turn: FloatArray) -> FloatArray:
    return np.asarray(
        Rotation.from_rotvec(Rotation.from_matrix(turn).as_rotvec() / 2.0).as_matrix()
    )


def _rotation(
    coordinates: Mapping[str, FloatArray], names: tuple[str, ...], signs: tuple[float, ...]
) -> FloatArray | None:
    """Turn (T, 3, 3) of a joint by its three coordinates; None when the file has none of them."""
    given = [name for name in names if name in coordinates]
    if not given:
        return None
    if len(given) < len(names):
        missing = sorted(set(names) - set(given))
        raise ValueError(f"{', '.join(given)} without {', '.join(missing)}")
    angles = np.stack([coordinates[name] for name in names], axis=1) * np.array(signs)
    return np.asarray(Rotation.from_euler("ZXY", angles).as_matrix())


def continuous_zxy(rotation: FloatArray) -> FloatArray:
    """Split rotations (T, 3, 3) in time order into angles (T, 3) about moving axes: R = Rz Rx Ry.

    Of the two ways to write a rotation, the first frame takes the one with X within 90 degrees,
    each later frame the one nearer to the frame before: an arm raised past the horizontal keeps
    counting instead of flipping over.
    """
    angles = np.asarray(Rotation.from_matrix(rotation).as_euler("ZXY"))
    other = np.stack([angles[:, 0] + np.pi, np.pi - angles[:, 1], angles[:, 2] + np.pi], axis=1)
    chosen = angles.copy()
    for before, now in pairwise(range(len(angles))):
        options = np.stack([angles[now], other[now]])
        options -= np.round((options - chosen[before]) / (2.0 * np.pi)) * 2.0 * np.pi
        chosen[now] = options[np.argmin(np.abs(options - chosen[before]).sum(axis=1))]
    return chosen
