"""Time the measurement of many bodies, beside trimesh on the same bodies in the same run.

Usage: ``python -m benchmarks.morphometrics [bodies] [bodies for trimesh]``

B bodies, V vertices, F triangles

The bodies are random blends of the three builds of the open body (12,272 vertices, 24,540
triangles, twice SMPL's), in the T-pose. CPU seconds of one thread; trimesh has the vertices in
place, and what it prepares for each mesh counts.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import trimesh
from scipy.spatial import ConvexHull

from qevd_bio.arrays import FloatArray
from qevd_bio.body.measurements import DENSITY_KG_M3, GIRTH_LANDMARKS, Bodies, measure
from tests.body.open_body import open_bodies


def with_trimesh(bodies: Bodies) -> FloatArray:
    """Mass and the three girths of each body (B, 4), by trimesh and qhull."""
    faces = np.stack(bodies.surface.corners, axis=1)
    found = []
    for vertices in bodies.vertices_m:
        mesh = trimesh.Trimesh(vertices, faces, process=False, validate=False)
        row = [DENSITY_KG_M3 * abs(mesh.volume)]
        for name in GIRTH_LANDMARKS.values():
            height = vertices[bodies.landmarks.points[name].vertices[0], 1]
            lines = trimesh.intersections.mesh_plane(mesh, [0, 1, 0], [0, height, 0])
            row.append(ConvexHull(lines.reshape(-1, 3)[:, [0, 2]]).area)
        found.append(row)
    return np.array(found)


def main(count: int = 1024, peers: int = 128) -> None:
    """Print the table of `RESULTS-body.md`."""
    bodies = open_bodies(np.random.default_rng(0).dirichlet(np.ones(3), count))
    some = Bodies(bodies.vertices_m[:peers], bodies.surface, bodies.landmarks)
    start = time.process_time()
    found = measure(bodies)
    ours_s = time.process_time() - start
    start = time.process_time()
    theirs = with_trimesh(some)
    theirs_s = time.process_time() - start
    ours_ms, theirs_ms = ours_s / count * 1e3, theirs_s / peers * 1e3
    columns = (found.mass_kg, found.chest_m, found.waist_m, found.hip_m)
    apart = np.abs(np.stack(columns, axis=1)[:peers] - theirs).max(axis=0)
    print(f"{count} bodies: {ours_s:.2f} s, {ours_ms:.2f} ms a body")
    print(f"trimesh {trimesh.__version__}, {peers} bodies: {theirs_ms:.2f} ms a body")
    print(f"faster by {theirs_ms / ours_ms:.1f}")
    girths_mm = apart[1:].max() * 1e3
    print(f"largest difference: mass {apart[0] * 1e3:.1e} g, girths {girths_mm:.1e} mm")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
