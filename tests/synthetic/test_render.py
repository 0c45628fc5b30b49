"""The rasteriser against shapes with pictures computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.synthetic.render import (
    Camera,
    Light,
    draw_mesh,
    draw_shadow,
    fragments,
    lambert,
    project,
    vertex_normals,
)

# Camera at the origin of the world, 100 px focal length, looking along world -z.
AHEAD = Camera(np.zeros(3), np.diag([1.0, -1.0, -1.0]), 100.0, 200, 160)
FLAT = Light(np.array([0.0, 1.0, 0.0]), ambient=1.0, diffuse=0.0)
RED, BLUE = (200.0, 10.0, 10.0), (10.0, 10.0, 200.0)


def sphere(centre: tuple[float, float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A fine closed sphere, triangles counter-clockwise seen from outside."""
    rows, columns = 60, 120
    polar = np.linspace(0, np.pi, rows + 1)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    points = np.stack(
        [
            np.sin(polar) * np.cos(around),
            np.cos(polar) * np.ones_like(around),
            -np.sin(polar) * np.sin(around),
        ],
        axis=-1,
    )
    faces = []
    for i in range(rows):
        for k in range(columns):
            a, b = i * columns + k, i * columns + (k + 1) % columns
            faces += [(a, a + columns, b), (b, a + columns, b + columns)]
    return np.array(centre) + radius * points.reshape(-1, 3), np.array(faces)


def triangle(depth_m: float, colour: tuple[float, float, float]) -> tuple:
    """A triangle facing the camera, larger than the picture."""
    vertices = np.array([[-9.0, -9.0, 0.0], [9.0, -9.0, 0.0], [0.0, 9.0, 0.0]]) * depth_m
    vertices[:, 2] = -depth_m
    return vertices, np.array([[0, 1, 2]]), np.array([colour])


def black(camera: Camera) -> np.ndarray:
    return np.zeros((camera.height, camera.width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("point", "pixel"),
    [
        pytest.param((0.0, 0.0, -2.0), (100.0, 80.0), id="straight ahead is the middle"),
        pytest.param((1.0, 0.0, -2.0), (150.0, 80.0), id="right"),
        pytest.param((0.0, 0.5, -1.0), (100.0, 30.0), id="up is a smaller row"),
        pytest.param((0.5, -0.5, -5.0), (110.0, 90.0), id="far things come closer to the middle"),
    ],
)
def test_projection_is_that_of_a_pinhole(point: tuple, pixel: tuple) -> None:
    image, depth = project(np.array([point]), AHEAD)
    np.testing.assert_allclose(image[0], pixel, atol=1e-12)
    assert depth[0] == pytest.approx(-point[2])


def test_points_behind_the_camera_are_nowhere() -> None:
    image, _ = project(np.array([[0.0, 0.0, 1.0]]), AHEAD)
    assert np.isnan(image).all()


def test_a_triangle_covers_exactly_the_centres_inside_it() -> None:
    corners = np.array([[[3.2, 2.1], [27.7, 8.9], [11.3, 33.4]]])
    found = fragments(corners, 40, 40)
    a, b, c = corners[0]
    expected = set()
    for row in range(40):
        for column in range(40):
            p = np.array([column + 0.5, row + 0.5])
            sides = [np.linalg.det([v - u, p - u]) for u, v in ((a, b), (b, c), (c, a))]
            if all(s >= 0 for s in sides) or all(s <= 0 for s in sides):
                expected.add(row * 40 + column)
    assert set(found.pixel.tolist()) == expected
    assert len(found.pixel) == len(expected) > 300


def test_barycentric_weights_give_the_pixel_back() -> None:
    corners = np.array([[[3.2, 2.1], [27.7, 8.9], [11.3, 33.4]]])
    found = fragments(corners, 40, 40)
    a, b, c = corners[0]
    back = a + found.l1[:, None] * (b - a) + found.l2[:, None] * (c - a)
    centres = np.stack([found.pixel % 40 + 0.5, found.pixel // 40 + 0.5], axis=1)
    np.testing.assert_allclose(back, centres, atol=1e-4)


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]], id="no area"),
        pytest.param([[np.nan, 1.0], [5.0, 9.0], [9.0, 1.0]], id="corner behind the camera"),
        pytest.param([[-9.0, -9.0], [-5.0, -9.0], [-7.0, -2.0]], id="outside the picture"),
        pytest.param([[2.6, 2.6], [2.9, 2.6], [2.7, 2.9]], id="between the centres"),
    ],
)
def test_some_triangles_cover_nothing(corners: list) -> None:
    assert len(fragments(np.array([corners]), 20, 20).pixel) == 0


def test_a_sphere_covers_the_area_of_its_outline() -> None:
    radius, distance = 0.5, 3.0
    vertices, faces = sphere((0.0, 0.0, -distance), radius)
    colours = np.tile(RED, (len(faces), 1))
    drawn = draw_mesh(black(AHEAD), vertices, faces, colours, AHEAD, FLAT)
    covered = (drawn[..., 0] > 0).sum()
    outline_px = 100.0 * radius / np.sqrt(distance**2 - radius**2)
    assert covered == pytest.approx(np.pi * outline_px**2, rel=0.01)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["near first", "far first"])
def test_the_nearer_surface_hides_the_farther(order: tuple[int, int]) -> None:
    parts = [triangle(2.0, RED), triangle(4.0, BLUE)]
    vertices = np.concatenate([parts[i][0] for i in order])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    colours = np.concatenate([parts[i][2] for i in order])
    drawn = draw_mesh(black(AHEAD), vertices, faces, colours, AHEAD, FLAT)
    np.testing.assert_array_equal(drawn[80, 100], RED)


def test_crossing_surfaces_change_over_where_they_meet() -> None:
    slope = np.array([[-4.0, -9.0, -2.0], [4.0, -9.0, -6.0], [4.0, 9.0, -6.0], [-4.0, 9.0, -2.0]])
    wall, _, _ = triangle(4.0, BLUE)
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6]])
    colours = np.array([RED, RED, BLUE])
    drawn = draw_mesh(black(AHEAD), np.concatenate([slope, wall]), faces, colours, AHEAD, FLAT)
    assert tuple(drawn[80, 95]) == RED and tuple(drawn[80, 105]) == BLUE


def test_faces_turned_away_are_not_drawn() -> None:
    vertices, faces, colours = triangle(2.0, RED)
    drawn = draw_mesh(black(AHEAD), vertices, faces[:, ::-1], colours, AHEAD, FLAT)
    assert not drawn.any()


def test_normals_of_a_sphere_point_outward() -> None:
    vertices, faces = sphere((1.0, 2.0, 3.0), 0.7)
    normals = vertex_normals(vertices, faces)
    outward = (vertices - [1.0, 2.0, 3.0]) / 0.7
    inner = slice(120, -120)  # the poles repeat one point many times
    assert (np.einsum("vi,vi->v", normals, outward)[inner] > 0.999).all()


def test_brightness_falls_from_the_lamp_to_the_far_side() -> None:
    light = Light(np.array([0.0, 3.0, 0.0]), ambient=0.2, diffuse=0.6)
    ways = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    np.testing.assert_allclose(lambert(ways, light), [0.8, 0.5, 0.2])


def test_a_shadow_falls_on_the_ground_away_from_the_lamp() -> None:
    above = Camera(np.array([0.0, 5.0, 0.0]), np.array([[1.0, 0, 0], [0, 0, 1], [0, -1.0, 0]]),
                   100.0, 200, 200)  # fmt: skip
    vertices, faces = sphere((0.0, 1.0, 0.0), 0.3)
    lit = np.full((200, 200, 3), 200, dtype=np.uint8)
    light = Light(np.array([1.0, 1.0, 0.0]), ambient=0.3, diffuse=0.7)
    shadow = draw_shadow(lit, vertices, faces, above, light)[..., 0] < 200
    columns = np.flatnonzero(shadow.any(axis=0))
    assert columns.mean() == pytest.approx(100.0 - 100.0 / 5.0, abs=1.0)
    assert shadow.sum() == pytest.approx(np.pi * 6.0**2 * np.sqrt(2), rel=0.05)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit a 200x160 camera"):
        draw_mesh(np.zeros((10, 10, 3), np.uint8), *triangle(1.0, RED), AHEAD, FLAT)
