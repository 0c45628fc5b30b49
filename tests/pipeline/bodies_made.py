"""A replacement for the licensed body: SMPL's topology on a spheroid, measured by formula.

Shape number 0 makes it taller by 0.1 m, number 1 wider by a tenth. Nothing of SMPL is in it but
the counts of vertices and triangles and the numbers of five vertices.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qevd_bio.body.landmarks import SMPL_LANDMARKS, read_landmarks
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.weights.store import METADATA_KEYS, WeightFolder
from qevd_bio.weights.tensor_file import write_tensors

RINGS, AROUND = 82, 84
HALF_HEIGHT_M, RADIUS_M = 0.9, 0.17
CHEST_RING, WAIST_RING, HIP_RING = 38, 34, 27


def ring_lift(ring: int) -> float:
    return -np.pi / 2 + np.pi * (ring + 1) / (RINGS + 1)


def girth_m(ring: int, radius_m: float = RADIUS_M) -> float:
    """Perimeter of the polygon that a ring is."""
    return 2 * AROUND * radius_m * np.cos(ring_lift(ring)) * np.sin(np.pi / AROUND)


def skel_arrays() -> dict[str, np.ndarray]:
    lift = np.array([ring_lift(ring) for ring in range(RINGS)])
    turn = np.arange(AROUND) * 2 * np.pi / AROUND
    across = np.cos(lift)[:, None] * RADIUS_M
    rings = np.stack(
        [
            across * np.cos(turn),
            np.repeat(np.sin(lift)[:, None] * HALF_HEIGHT_M, AROUND, axis=1),
            across * np.sin(turn),
        ],
        axis=2,
    ).reshape(-1, 3)
    poles = np.array([[0.0, -HALF_HEIGHT_M, 0.0], [0.0, HALF_HEIGHT_M, 0.0]])
    vertices = np.concatenate([poles[:1], rings, poles[1:]])
    last = len(vertices) - 1
    faces = []
    for k in range(AROUND):
        n = (k + 1) % AROUND
        faces += [[0, 1 + k, 1 + n], [last, last - AROUND + n, last - AROUND + k]]
        for ring in range(RINGS - 1):
            a, b = 1 + ring * AROUND, 1 + (ring + 1) * AROUND
            faces += [[a + k, b + k, a + n], [a + n, b + k, b + n]]
    number = _numbers(last)
    template = np.empty_like(vertices)
    template[number] = vertices
    directions = np.zeros((len(vertices), 3, 10))
    directions[:, 1, 0] = template[:, 1] * 0.1 / (2 * HALF_HEIGHT_M)
    directions[:, [0, 2], 1] = 0.1 * template[:, [0, 2]]
    joints = generic_skeleton(1.8).joints_m
    return {
        "template": template,
        "shapedirs": directions,
        "faces": number[np.array(faces)].astype(np.int32),
        "J_regressor_osim": np.linalg.lstsq(template.T, joints.T, rcond=None)[0].T.copy(),
        "per_joint_rot": np.zeros((24, 3, 3)),
        "apose_rel_transfo": np.zeros((24, 4, 4)),
        "kintree": np.zeros((2, 24), np.int32),
    }


def _numbers(last: int) -> np.ndarray:
    """Renumber the vertices so that the landmarks have the numbers they have on SMPL."""
    number = np.arange(last + 1)
    wanted = {
        "head_top": last,
        "heel_left": 0,
        "nipple_right": 1 + CHEST_RING * AROUND,
        "belly_button": 1 + WAIST_RING * AROUND,
        "crotch": 1 + HIP_RING * AROUND,
    }
    for name, vertex in wanted.items():
        target = read_landmarks(SMPL_LANDMARKS).points[name].vertices[0]
        other = int(np.flatnonzero(number == target)[0])
        number[[vertex, other]] = number[[other, vertex]]
    return number


def write_body(folder: Path, name: str = "skel_male", **changed: np.ndarray) -> Path:
    """Write the body as `weights import` would; `smpl_*` without joints."""
    arrays = skel_arrays() | changed
    if name.startswith("smpl_"):
        arrays = {key: arrays[key] for key in ("template", "shapedirs", "faces")}
    said = dict.fromkeys(METADATA_KEYS, "made up") | {
        "name": name, "schema_version": "1", "official_size": "yes"
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    write_tensors(WeightFolder(folder).file(name), arrays, said)
    return folder
