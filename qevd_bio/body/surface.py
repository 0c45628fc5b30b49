"""The triangles that bodies of one topology share, and the volume they enclose.

B bodies, V vertices, F triangles, E edges
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qevd_bio.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Surface:
    """Triangles on numbered vertices, with their edges.

    Attributes
    ----------
    n_vertices : int
        Vertices of every body on this surface.
    corners : tuple of ndarray (F,)
        First, second and third vertex of each triangle, counter-clockwise from outside.
    edges : tuple of ndarray (E,)
        The two ends of each edge; every edge once, the smaller end first.
    is_closed : bool
        Whether every edge is traversed once in each direction. Only then does the surface
        enclose a volume.
    """

    n_vertices: int
    corners: tuple[IntArray, IntArray, IntArray]
    edges: tuple[IntArray, IntArray]
    is_closed: bool


def surface_of(faces: ArrayLike, n_vertices: int) -> Surface:
    """Prepare the triangles of a mesh.

    Parameters
    ----------
    faces : array_like (F, 3) of int
        Vertex numbers.
    n_vertices : int
        Number of vertices they refer to.

    Returns
    -------
    Surface

    Raises
    ------
    ValueError
        The faces are no triangles of these vertices.
    """
    given = np.asarray(faces)
    if given.ndim != 2 or given.shape[1] != 3 or not len(given):
        raise ValueError(f"faces have shape {given.shape}, need (triangles, 3)")
    if given.dtype.kind not in "iu":
        raise ValueError(f"faces are of {given.dtype}, need whole numbers")
    if given.min() < 0 or given.max() >= n_vertices:
        raise ValueError(
            f"faces name vertices {given.min()} to {given.max()} of {n_vertices} vertices"
        )
    triangles = given.astype(np.int64)
    a, b, c = (np.ascontiguousarray(triangles[:, k]) for k in range(3))
    starts, ends = np.concatenate([a, b, c]), np.concatenate([b, c, a])
    there, back = starts * n_vertices + ends, ends * n_vertices + starts
    edges = np.unique(np.minimum(there, back))
    return Surface(
        n_vertices=n_vertices,
        corners=(a, b, c),
        edges=(edges // n_vertices, edges % n_vertices),
        is_closed=bool(
            len(np.unique(there)) == len(there) and np.array_equal(np.sort(there), np.sort(back))
        ),
    )


def checked_vertices(vertices_m: ArrayLike, surface: Surface) -> FloatArray:
    """Return the vertices of bodies (B, V, 3) as float64.

    Raises
    ------
    ValueError
        They do not fit the surface, or are not finite.
    """
    vertices = np.asarray(vertices_m, dtype=np.float64)
    if vertices.ndim != 3 or vertices.shape[1:] != (surface.n_vertices, 3):
        raise ValueError(
            f"vertices have shape {vertices.shape}, need (bodies, {surface.n_vertices}, 3)"
        )
    if not np.isfinite(vertices).all():
        raise ValueError("vertices are not finite")
    return vertices


def volumes_m3(vertices_m: ArrayLike, surface: Surface) -> FloatArray:
    """Measure the volume that each body's surface encloses.

    Parameters
    ----------
    vertices_m : array_like (B, V, 3)
        In metres.
    surface : Surface
        Shared by the bodies.

    Returns
    -------
    ndarray (B,)
        Cubic metres, positive whichever way the triangles are wound.

    Notes
    -----
    The sum of the signed tetrahedra from the origin to each triangle, as in SHAPY. For a surface
    that is not closed (`Surface.is_closed`) the number depends on the origin and means little.
    """
    vertices = checked_vertices(vertices_m, surface)
    return np.array([_volume_m3(body, surface) for body in vertices], dtype=np.float64)


def _volume_m3(body: FloatArray, surface: Surface) -> float:
    # One array a coordinate: three times faster than gathering rows of (F, 3).
    x, y, z = np.ascontiguousarray(body.T)
    a, b, c = surface.corners
    xa, ya, za, xb, yb, zb = x[a], y[a], z[a], x[b], y[b], z[b]
    xc, yc, zc = x[c], y[c], z[c]
    sixfold = xa * (yb * zc - zb * yc) + ya * (zb * xc - xb * zc) + za * (xb * yc - yb * xc)
    return abs(float(sixfold.sum())) / 6.0
