"""Angles in the turn nearest to their joint's range."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, FREE_TURNS, N_DOFS, nearest_turn, turn_limits

angles = st.lists(st.floats(-100.0, 100.0), min_size=N_DOFS, max_size=N_DOFS)


@given(angles)
def test_an_angle_keeps_its_direction_and_stays_within_its_limits(values: list[float]) -> None:
    q = np.array([values])
    turned = nearest_turn(q)
    np.testing.assert_allclose(np.cos(turned), np.cos(q), atol=1e-9)
    np.testing.assert_allclose(np.sin(turned), np.sin(q), atol=1e-9)
    for dof in DOFS:
        low, high = turn_limits(dof)
        assert low - 1e-9 <= turned[0, dof.index] <= high + 1e-9


def test_angles_in_range_keep_every_bit() -> None:
    q = np.array([[0.5 * (d.low_rad + d.high_rad) if math.isfinite(d.low_rad) else 3.1
                   for d in DOFS]])  # fmt: skip
    assert (nearest_turn(q) == q).all()
    q[0, DOF_INDEX["pelvis_tilt"]] = -3.2
    assert nearest_turn(q)[0, DOF_INDEX["pelvis_tilt"]] == -3.2


def test_five_turns_of_a_shoulder_are_none() -> None:
    q = np.zeros((1, N_DOFS))
    q[0, DOF_INDEX["shoulder_r_x"]] = 0.3 + 5 * math.tau
    q[0, DOF_INDEX["pelvis_rotation"]] = (FREE_TURNS + 1.0) * math.tau
    turned = nearest_turn(q)[0]
    assert turned[DOF_INDEX["shoulder_r_x"]] == pytest.approx(0.3)
    assert turned[DOF_INDEX["pelvis_rotation"]] == pytest.approx(0.0)


def test_what_is_no_number_stays_none() -> None:
    q = np.full((2, N_DOFS), np.nan)
    assert np.isnan(nearest_turn(q)).all()
