"""Horizontal slices through bodies, and the length of a tape around them.

B bodies, V vertices, E edges, P planes of a body, N points of a slice
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull, QhullError

from qevd_bio.arrays import FloatArray
from qevd_bio.body.surface import Surface, checked_vertices


def girths_m(vertices_m: ArrayLike, surface: Surface, planes_m: ArrayLike) -> FloatArray:
    """Measure the convex hull around horizontal slices, as a taut tape would.

    Parameters
    ----------
    vertices_m : array_like (B, V, 3)
        In metres, y up.
    surface : Surface
        Shared by the bodies.
    planes_m : array_like (B, P)
        Heights y of the planes of each body, in metres.

    Returns
    -------
    ndarray (B, P)
        Perimeters in metres.

    Raises
    ------
    ValueError
        Shapes do not fit, a number is not finite, or a plane does not meet its body.

    Notes
    -----
    Exact to rounding: of all points in which the plane meets an edge. The tape goes around
    everything in the plane, both thighs or a lowered arm included.
    """
    vertices = checked_vertices(vertices_m, surface)
    planes = np.asarray(planes_m, dtype=np.float64)
    if planes.ndim != 2 or len(planes) != len(vertices):
        raise ValueError(f"planes have shape {planes.shape}, need ({len(vertices)}, planes)")
    if not np.isfinite(planes).all():
        raise ValueError("planes are not finite")
    girths = np.empty(planes.shape)
    for i, (body, heights) in enumerate(zip(vertices, planes, strict=True)):
        for k, height in enumerate(heights):
            points = slice_points(body, surface, float(height))
            if not len(points):
                raise ValueError(f"the plane y = {height:g} m does not meet body {i}")
            girths[i, k] = hull_perimeter(points)
    return girths


def slice_points(body_m: FloatArray, surface: Surface, height_m: float) -> FloatArray:
    """Find x and z (N, 2) of the points where the plane y = height meets a body's edges (V, 3).

    An edge with one end below the plane and the other not gives one point. Vertices in the plane
    are points, too, so that an edge or triangle in the plane counts by its corners. The hull of
    all points is the hull of the slice; some points may come twice.
    """
    y = body_m[:, 1]
    below = y < height_m
    first, second = surface.edges
    cut = np.flatnonzero(below[first] != below[second])
    start, end = body_m[first[cut]], body_m[second[cut]]
    share = (height_m - start[:, 1]) / (end[:, 1] - start[:, 1])
    crossings = start + share[:, None] * (end - start)
    in_plane = body_m[y == height_m]
    return np.asarray(np.concatenate([crossings, in_plane])[:, [0, 2]])


def hull_perimeter(points: FloatArray) -> float:
    """Measure the perimeter of the convex hull of points (N, 2), at least one, in their unit.

    Points on one line give twice its length, a single point 0.
    """
    try:
        return float(ConvexHull(points).area)
    except QhullError:
        return 2.0 * float(np.hypot(*np.ptp(points, axis=0)))
