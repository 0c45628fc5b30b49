"""What is constant about a camera or a body is no form error, and a real one is still found."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.exercises.performed import RULES, analysed, as_motion, performed

UPRIGHT = RULES["standing_kicks"]
"""Its trunk may lean by 15 degrees, and 10 more are tolerated."""


def leaning(degrees):
    """The reference in noise of 2 degrees, everything turned forwards by a constant angle."""
    q = performed(UPRIGHT, 6, noise_deg=2.0)
    # facing the camera the pelvis is turned by half a turn: more tilt leans further forward
    q[:, DOF_INDEX["pelvis_tilt"]] -= np.deg2rad(degrees)
    findings = [one for cycle in analysed(as_motion(q), UPRIGHT)[1] for one in cycle]
    return [one for one in findings if one.constraint_id == "trunk_upright"]


def test_a_tilted_camera_is_within_the_guard_band_and_fifteen_degrees_are_not():
    upright = np.median([one.measured for one in leaning(0.0)])
    to_bound = 15.0 + 10.0 - upright
    assert not any(one.violated for one in leaning(to_bound + 6.0))
    assert all(one.violated for one in leaning(to_bound + 15.0))


@pytest.mark.parametrize("name", ["quad_stretch_right", "quad_stretch_left"])
def test_a_knee_bent_by_half_a_turn_is_not_bent_backwards(name):
    q = performed(RULES[name], 1, period_s=6.0, rest_s=0.0)
    knee = DOF_INDEX[f"knee_angle_{name[13]}"]
    for seed in range(6):
        noise = np.deg2rad(2.0) * np.random.default_rng(seed).standard_normal(q.shape)
        bent = q + noise
        bent[:, knee] = np.pi + noise[:, knee]
        cycles = analysed(as_motion(bent), RULES[name])[1]
        (heel,) = [one for one in cycles[0] if one.constraint_id == "heel_to_seat"]
        assert heel.violated and heel.measured == pytest.approx(180.0, abs=2.0)
