"""Points on a body at which it is measured, read from JSON files.

B bodies, V vertices
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import DataError
from qevd_bio.files.input_file import read_json_input
from qevd_bio.files.json_schema import load_schema, schema_violation

SMPL_LANDMARKS = Path(__file__).with_name("landmarks_smpl.json")
"""The landmarks that ship with the package: of SMPL and SKEL, which share their vertices."""

_SCHEMA = load_schema(__file__, "landmarks.schema.json")
_NEXT_STEP = "Correct the landmark file"
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Landmark:
    """A point on the surface: three vertices and their shares, which sum to 1."""

    vertices: tuple[int, int, int]
    shares: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The landmarks of one topology.

    Attributes
    ----------
    id : str
        Name of the topology.
    n_vertices : int
        Vertices of a body of this topology.
    points : mapping of str to Landmark
        ``head_top``, ``heel_left``, ``nipple_right``, ``belly_button``, ``crotch`` and any others
        of the file.
    """

    id: str
    n_vertices: int
    points: Mapping[str, Landmark]

    def places_m(self, name: str, vertices_m: FloatArray) -> FloatArray:
        """Locate one landmark on bodies (B, V, 3): points (B, 3)."""
        point = self.points[name]
        if len(set(point.vertices)) == 1:
            # A plane through a vertex must meet it to the last bit.
            return vertices_m[:, point.vertices[0]]
        return np.asarray(
            np.einsum("k,bkc->bc", point.shares, vertices_m[:, list(point.vertices)])
        )


def read_landmarks(path: Path) -> Landmarks:
    """Read a landmark file.

    Parameters
    ----------
    path : Path
        JSON as ``landmarks.schema.json`` describes it. A landmark is ``{"vertex": 411}``, or three
        vertices of a triangle with their barycentric coordinates,
        ``{"vertices": [1, 2, 3], "barycentric": [0.2, 0.3, 0.5]}``.

    Returns
    -------
    Landmarks

    Raises
    ------
    DataError
        The file is absent, violates its schema, or a landmark names a vertex beyond
        ``n_vertices`` or has coordinates with another sum than 1.
    """
    held: Any = read_json_input(path, next_step=_NEXT_STEP)
    if violation := schema_violation(_SCHEMA, held):
        key, cause = violation
        raise _bad(path, key, cause)
    points = {name: _landmark(point) for name, point in held["landmarks"].items()}
    n_vertices = int(held["n_vertices"])
    for name, point in points.items():
        if max(point.vertices) >= n_vertices:
            cause = f"vertex {max(point.vertices)} of {n_vertices}, counted from 0"
            raise _bad(path, f"landmarks.{name}", cause)
        if abs(math.fsum(point.shares) - 1.0) > _SUM_TOLERANCE:
            cause = f"barycentric coordinates sum to {math.fsum(point.shares):g}, not 1"
            raise _bad(path, f"landmarks.{name}", cause)
    return Landmarks(id=held["id"], n_vertices=n_vertices, points=points)


def _landmark(point: Mapping[str, Any]) -> Landmark:
    a, b, c = map(int, point.get("vertices", [point.get("vertex", 0)] * 3))
    u, v, w = map(float, point.get("barycentric", (1, 0, 0)))
    return Landmark((a, b, c), (u, v, w))


def _bad(path: Path, key: str, cause: str) -> DataError:
    where = f"{path} {key}" if key else str(path)
    return DataError(cause, where=where, next_step=_NEXT_STEP)
