"""Points of the soles: where they are, how they move, and what they may push."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from qevd_bio.muscles.contact import (
    floor_height_m,
    foot_forces,
    friction_rows,
    point_places,
    pressure_centres,
    soles,
    touching,
)

FEET = soles(np.array([0.2, 0.2]))


def test_the_feet_are_mirror_images_and_as_long_as_a_foot() -> None:
    right, left = (FEET.place_m[FEET.foot == foot] for foot in (0, 1))
    assert np.allclose(right * [1, 1, -1], left)
    heel_to_ball = right[2:4, 0].max() - right[:2, 0].max()
    assert 0.15 < heel_to_ball < 0.25


def test_velocity_of_a_point_is_the_derivative_of_its_place() -> None:
    """A foot turns about an axis and its origin shifts: one coordinate for both."""
    axis, shift = np.array([0.3, 0.5, 0.2]), np.array([0.1, 0.2, -0.3])

    def posed(s):
        turn = Rotation.from_rotvec(axis * s).as_matrix()
        origins = np.tile(shift * s, (1, 4, 1))
        jacobian = np.tile(np.concatenate([axis, shift])[:, None], (1, 4, 1, 1))
        return point_places(FEET, origins, np.tile(turn, (1, 4, 1, 1)), jacobian)

    before, after, (_, moves) = posed(0.4 - 1e-5)[0], posed(0.4 + 1e-5)[0], posed(0.4)
    assert np.allclose((after - before) / 2e-5, moves[..., 0], atol=1e-8)


@given(st.tuples(*[st.floats(-2.0, 2.0)] * 3))
def test_the_pyramid_lies_inside_the_cone(force) -> None:
    x, y, z = force
    if np.all(friction_rows(1, 0.8) @ np.array(force) <= 0):
        assert np.hypot(x, z) <= 0.8 * y + 1e-9


def test_a_pushing_point_straight_down_is_inside() -> None:
    assert np.all(friction_rows(2, 0.8) @ np.array([0, 1, 0, 0.5, 1, 0]) <= 0)
    assert np.any(friction_rows(1, 0.8) @ np.array([0.7, 1, 0]) > 0)


def test_the_centre_of_pressure_is_where_a_plate_would_tell() -> None:
    places = np.tile(FEET.place_m, (1, 1, 1))
    forces = np.zeros((1, 12, 3))
    forces[0, 0, 1], forces[0, 2, 1] = 100.0, 300.0
    centres = pressure_centres(FEET, places, forces)[0]
    assert np.allclose(centres[0], 0.25 * FEET.place_m[0] + 0.75 * FEET.place_m[2])
    assert np.isnan(centres[1]).all()
    assert foot_forces(FEET, forces)[0].tolist() == [[0, 400, 0], [0, 0, 0]]


def test_points_touch_while_they_are_low_and_slow() -> None:
    places = np.zeros((3, 2, 3))
    places[:, :, 1] = [[0.10, 0.11], [0.10, 0.30], [0.10, 0.10]]
    assert floor_height_m(places) == pytest.approx(0.10)
    speeds = np.zeros((3, 2, 3))
    speeds[2, 1, 0] = 2.0
    found = touching(places, speeds, 0.10)
    assert found.tolist() == [[True, True], [True, False], [True, False]]
