"""Girths of slices: formulas, brute force and another library."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from qevd_bio.body.measurements import GIRTH_LANDMARKS
from qevd_bio.body.slices import girths_m, hull_perimeter, slice_points
from qevd_bio.body.surface import surface_of
from tests.body.open_body import open_builds
from tests.body.solids import box, convex, ellipsoid, prism

TURNED = np.array([[np.cos(0.7), 0, np.sin(0.7)], [0, 1, 0], [-np.sin(0.7), 0, np.cos(0.7)]])


def girth(mesh: tuple[np.ndarray, np.ndarray], height: float) -> float:
    vertices, faces = mesh
    surface = surface_of(faces, len(vertices))
    return float(girths_m(vertices[None], surface, [[height]])[0, 0])


@pytest.mark.parametrize(
    "height",
    [
        pytest.param(0.0, id="through the middle"),
        pytest.param(0.123, id="anywhere"),
        pytest.param(0.25, id="in the upper face"),
        pytest.param(-0.25, id="in the lower face"),
        pytest.param(np.nextafter(0.25, 0.0), id="a bit below the upper face"),
    ],
)
def test_a_box_whichever_way_it_is_turned(height: float) -> None:
    vertices, faces = box(0.4, 0.5, 0.3)
    assert girth((vertices, faces), height) == pytest.approx(1.4, abs=1e-12)
    assert girth((vertices @ TURNED, faces), height) == pytest.approx(1.4, abs=1e-12)


def test_a_prism_and_a_cylinder_by_formula() -> None:
    for sides in (5, 720):
        of_polygon = 2 * sides * 0.2 * np.sin(np.pi / sides)
        assert girth(prism(sides, 0.2, 1.0), 0.4) == pytest.approx(of_polygon, abs=1e-12)
    assert girth(prism(720, 0.2, 1.0), 0.4) == pytest.approx(2 * np.pi * 0.2, rel=4e-6)


def test_an_ellipsoid_through_the_vertices_of_a_ring() -> None:
    mesh = ellipsoid((0.2, 0.5, 0.2), 101, 360)
    for ring in (0, 50, 73):
        x, y, z = mesh[0][1 + 360 * ring]
        of_polygon = 720 * np.hypot(x, z) * np.sin(np.pi / 360)
        assert girth(mesh, float(y)) == pytest.approx(of_polygon, abs=1e-12)
    between = float(mesh[0][[1 + 360 * 60, 1 + 360 * 61], 1].mean())
    radius = 0.2 * np.sqrt(1.0 - (between / 0.5) ** 2)
    assert girth(mesh, between) == pytest.approx(2 * np.pi * radius, rel=3e-4)


def test_an_octahedron_through_four_vertices_and_at_its_tip() -> None:
    mesh = convex(np.concatenate([np.eye(3), -np.eye(3)]))
    assert girth(mesh, 0.0) == pytest.approx(4 * np.sqrt(2))
    assert girth(mesh, 1.0) == 0.0


def test_the_tape_goes_around_both_of_two_bodies() -> None:
    vertices, faces = box(0.1, 1.0, 0.2)
    aside = np.array([0.2, 0.0, 0.0])
    both = np.concatenate([vertices - aside, vertices + aside])
    mesh = both, np.concatenate([faces, faces + len(vertices)])
    assert girth(mesh, 0.1) == pytest.approx(2 * (0.5 + 0.2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 30), st.floats(0.02, 0.98))
def test_a_convex_body_equals_the_hull_of_all_segments_between_its_points(
    seed: int, count: int, share: float
) -> None:
    points = np.random.default_rng(seed).normal(size=(count, 3))
    low, high = points[:, 1].min(), points[:, 1].max()
    height = low + share * (high - low)
    crossings = []
    for p, q in itertools.combinations(points, 2):
        if (p[1] - height) * (q[1] - height) < 0.0:
            crossings.append(p + (height - p[1]) / (q[1] - p[1]) * (q - p))
    expected = ConvexHull(np.array(crossings)[:, [0, 2]]).area
    assert girth(convex(points), height) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 200))
def test_a_hull_is_the_same_whatever_the_order(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 2))
    again = np.concatenate([points, points])[rng.permutation(2 * count)]
    assert hull_perimeter(again) == pytest.approx(hull_perimeter(points), rel=1e-12)


@pytest.mark.parametrize(
    ("points", "perimeter"),
    [
        pytest.param([[1.0, 2.0]], 0.0, id="one point"),
        pytest.param([[1.0, 2.0], [1.0, 2.0]], 0.0, id="one point twice"),
        pytest.param([[0.0, 0.0], [3.0, 4.0]], 10.0, id="two points"),
        pytest.param([[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]], 6 * np.sqrt(2), id="on a line"),
        pytest.param([[2.0, 0.0], [2.0, 5.0], [2.0, 1.0]], 10.0, id="on an upright line"),
        pytest.param(
            [[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0]], 4.0, id="square and more"
        ),
    ],
)
def test_few_points(points: list[list[float]], perimeter: float) -> None:
    assert hull_perimeter(np.array(points, dtype=float)) == pytest.approx(perimeter)


def test_a_body_equals_trimesh_to_a_hundredth_of_a_millimetre() -> None:
    trimesh = pytest.importorskip("trimesh", reason="compares slices with trimesh")
    builds_m, surface, landmarks = open_builds()
    for body in builds_m:
        mesh = trimesh.Trimesh(body, np.stack(surface.corners, axis=1), process=False)
        for name in GIRTH_LANDMARKS.values():
            height = body[landmarks.points[name].vertices[0], 1]
            lines = trimesh.intersections.mesh_plane(mesh, [0, 1, 0], [0, height, 0])
            expected = ConvexHull(lines.reshape(-1, 3)[:, [0, 2]]).area
            ours = girths_m(body[None], surface, [[height]])[0, 0]
            assert ours == pytest.approx(expected, abs=1e-5)


def test_points_of_a_slice_lie_on_the_edges_that_cross_it() -> None:
    vertices, faces = box(1.0, 1.0, 1.0)
    points = slice_points(vertices, surface_of(faces, 8), 0.1)
    assert np.abs(points).max(axis=1) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("vertices", "planes", "cause"),
    [
        (np.zeros((1, 7, 3)), [[0.0]], "need \\(bodies, 8, 3\\)"),
        (np.full((1, 8, 3), np.nan), [[0.0]], "not finite"),
        (box(1, 1, 1)[0][None], [[0.0], [0.0]], "need \\(1, planes\\)"),
        (box(1, 1, 1)[0][None], [[np.inf]], "planes are not finite"),
        (box(1, 1, 1)[0][None], [[0.6]], "does not meet body 0"),
    ],
    ids=["vertices", "nan", "planes", "infinite", "beside the body"],
)
def test_what_cannot_be_sliced_is_refused(vertices, planes, cause: str) -> None:
    surface = surface_of(box(1, 1, 1)[1], 8)
    with pytest.raises(ValueError, match=cause):
        girths_m(vertices, surface, planes)
