"""Closed solids with girths and volumes known by formula."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull


def box(width: float, height: float, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """A box around the origin, 12 triangles."""
    return convex(
        np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        * np.array([width, height, depth])
        / 2.0
    )


def prism(sides: int, radius: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """A regular prism standing on y = 0: a cylinder of flat sides."""
    turn = np.arange(sides) * 2.0 * np.pi / sides
    ring = np.stack([radius * np.cos(turn), np.zeros(sides), radius * np.sin(turn)], axis=1)
    return convex(np.concatenate([ring, ring + np.array([0.0, height, 0.0])]))


def ellipsoid(
    radii: tuple[float, float, float], rings: int, around: int
) -> tuple[np.ndarray, np.ndarray]:
    """Poles on the y axis and `rings` rings of `around` vertices, the middle one at y = 0."""
    lift = np.linspace(-np.pi / 2, np.pi / 2, rings + 2)[1:-1]
    turn = np.arange(around) * 2.0 * np.pi / around
    unit = [[np.cos(a) * np.cos(b), np.sin(a), np.cos(a) * np.sin(b)] for a in lift for b in turn]
    vertices = np.array([[0.0, -1.0, 0.0], *unit, [0.0, 1.0, 0.0]]) * np.array(radii)
    last = len(vertices) - 1
    faces = []
    for k in range(around):
        n = (k + 1) % around
        faces += [[0, 1 + k, 1 + n], [last, last - around + n, last - around + k]]
        for ring in range(rings - 1):
            a, b = 1 + ring * around, 1 + (ring + 1) * around
            faces += [[a + k, b + k, a + n], [a + n, b + k, b + n]]
    return vertices, np.array(faces)


def convex(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The convex hull of points as a closed mesh, wound outward."""
    hull = ConvexHull(points)
    faces = hull.simplices.copy()
    a, b, c = (points[faces[:, k]] for k in range(3))
    inward = np.einsum("fi,fi->f", np.cross(b - a, c - a), hull.equations[:, :3]) < 0.0
    faces[inward] = faces[inward][:, ::-1]
    return points, faces
