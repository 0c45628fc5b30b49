"""Surfaces and the volume in them."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.body.surface import surface_of, volumes_m3
from tests.body.solids import box, ellipsoid, prism


def volume(mesh: tuple[np.ndarray, np.ndarray]) -> float:
    vertices, faces = mesh
    return float(volumes_m3(vertices[None], surface_of(faces, len(vertices)))[0])


def test_solids_by_formula() -> None:
    assert volume(box(0.2, 0.5, 0.3)) == pytest.approx(0.03, rel=1e-12)
    sides = 720
    base = sides / 2 * np.sin(2 * np.pi / sides) * 0.2**2
    assert volume(prism(sides, 0.2, 1.5)) == pytest.approx(1.5 * base, rel=1e-9)
    assert volume(ellipsoid((0.2, 0.5, 0.3), 301, 600)) == pytest.approx(
        4 / 3 * np.pi * 0.2 * 0.5 * 0.3, rel=1e-4
    )


def test_a_closed_body_weighs_the_same_elsewhere_and_inside_out() -> None:
    vertices, faces = ellipsoid((0.2, 0.5, 0.3), 21, 40)
    here = volume((vertices, faces))
    assert volume((vertices + np.array([3.0, -1.0, 2.0]), faces)) == pytest.approx(here, rel=1e-10)
    assert volume((vertices, faces[:, ::-1])) == pytest.approx(here, rel=1e-12)


def test_edges_come_once_and_openings_are_reported() -> None:
    faces = box(1, 1, 1)[1]
    closed = surface_of(faces, 8)
    assert closed.is_closed and len(closed.edges[0]) == 18
    assert (closed.edges[0] < closed.edges[1]).all()
    assert not surface_of(faces[1:], 8).is_closed, "a triangle is missing"
    turned = faces.copy()
    turned[0] = turned[0][::-1]
    assert not surface_of(turned, 8).is_closed, "a triangle is wound the other way"
    assert not surface_of(np.concatenate([faces, faces[:1]]), 8).is_closed, "one is there twice"


@pytest.mark.parametrize(
    ("faces", "cause"),
    [
        (np.zeros((4, 4), int), "need \\(triangles, 3\\)"),
        (np.zeros((0, 3), int), "need \\(triangles, 3\\)"),
        (np.zeros((4, 3)), "whole numbers"),
        (np.array([[0, 1, 8]]), "0 to 8 of 8"),
        (np.array([[-1, 1, 2]]), "-1 to 2 of 8"),
    ],
    ids=["quads", "none", "floats", "beyond the last", "negative"],
)
def test_what_is_no_surface_is_refused(faces: np.ndarray, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        surface_of(faces, 8)
