"""Points on a body that say where it is measured: read from our own JSON files.

B bodies, V vertices
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import JsonValue, parse_json

SCHEMA_VERSION = 1
LANDMARK_NAMES: tuple[str, ...] = (
    "head_top",
    "heel_left",
    "nipple_right",
    "belly_button",
    "crotch",
)

_KEYS = {"schema_version", "id", "version", "citation", "n_vertices", "landmarks"}
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
        Name of the topology they are of.
    version : int
        Of the file.
    citation : str
        Where the points come from.
    n_vertices : int
        Vertices of a body of this topology.
    points : mapping of str to Landmark
        Every one of `LANDMARK_NAMES`; further ones are kept.
    """

    id: str
    version: int
    citation: str
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


@cache
def shipped_landmarks(name: str) -> Landmarks:
    """Read the landmarks that ship with the package: ``smpl`` or ``open_body``.

    ``smpl`` serves SMPL and SKEL, whose skins share their vertices.
    """
    return read_landmarks(shipped_file(name))


def shipped_file(name: str) -> Path:
    """Say where the landmarks of `shipped_landmarks` lie."""
    return Path(__file__).with_name(f"landmarks_{name}.json")


def read_landmarks(path: Path) -> Landmarks:
    """Read a landmark file.

    Parameters
    ----------
    path : Path
        JSON with ``schema_version`` 1, ``id``, ``version``, ``citation``, ``n_vertices`` and
        ``landmarks``: by name ``{"vertex": 411}``, or three vertices of a triangle with their
        barycentric coordinates, ``{"vertices": [1, 2, 3], "barycentric": [0.2, 0.3, 0.5]}``.

    Returns
    -------
    Landmarks

    Raises
    ------
    DataError
        The file is absent or malformed, lacks a landmark, or names vertices that a body of
        this topology has not.
    """
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(where, f"cannot be read ({error})") from error
    held = parse_json(text, where=where)
    if not isinstance(held, Mapping) or set(held) != _KEYS:
        given = ", ".join(sorted(held)) if isinstance(held, Mapping) else type(held).__name__
        raise _bad(where, f"has {given}, needs the keys {', '.join(sorted(_KEYS))}")
    if held["schema_version"] != SCHEMA_VERSION:
        raise _bad(where, f"is of schema version {held['schema_version']}, not {SCHEMA_VERSION}")
    n_vertices = _whole(held["n_vertices"], f"{where} n_vertices", least=1)
    named = held["landmarks"]
    if not isinstance(named, Mapping):
        raise _bad(f"{where} landmarks", "is no mapping of names to points")
    lacking = [name for name in LANDMARK_NAMES if name not in named]
    if lacking:
        raise _bad(f"{where} landmarks", f"lacks {', '.join(lacking)}")
    return Landmarks(
        id=_text(held["id"], f"{where} id"),
        version=_whole(held["version"], f"{where} version", least=1),
        citation=_text(held["citation"], f"{where} citation"),
        n_vertices=n_vertices,
        points={
            name: _landmark(point, f"{where} landmark {name}", n_vertices)
            for name, point in named.items()
        },
    )


def _landmark(point: JsonValue, where: str, n_vertices: int) -> Landmark:
    if isinstance(point, Mapping) and set(point) == {"vertex"}:
        vertex = _vertex(point["vertex"], where, n_vertices)
        return Landmark((vertex, vertex, vertex), (1.0, 0.0, 0.0))
    if not isinstance(point, Mapping) or set(point) != {"vertices", "barycentric"}:
        raise _bad(where, "needs either 'vertex', or 'vertices' and 'barycentric'")
    a, b, c = (_vertex(one, where, n_vertices) for one in _three(point["vertices"], where))
    shares = [_share(one, where) for one in _three(point["barycentric"], where)]
    if abs(math.fsum(shares) - 1.0) > _SUM_TOLERANCE:
        raise _bad(where, f"barycentric coordinates sum to {math.fsum(shares):g}, not 1")
    return Landmark((a, b, c), (shares[0], shares[1], shares[2]))


def _three(value: JsonValue, where: str) -> list[JsonValue]:
    if not isinstance(value, list) or len(value) != 3:
        raise _bad(where, "needs three vertices and three barycentric coordinates")
    return value


def _vertex(value: JsonValue, where: str, n_vertices: int) -> int:
    vertex = _whole(value, where, least=0)
    if vertex >= n_vertices:
        raise _bad(where, f"vertex {vertex} of {n_vertices}, counted from 0")
    return vertex


def _share(value: JsonValue, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise _bad(where, f"barycentric coordinate {value!r} is not between 0 and 1")
    return float(value)


def _whole(value: JsonValue, where: str, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _bad(where, f"{value!r} is no whole number from {least} on")
    return value


def _text(value: JsonValue, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _bad(where, f"{value!r} is no text")
    return value


def _bad(where: str, cause: str) -> DataError:
    return DataError(cause, where=where, next_step="Correct the landmark file")
