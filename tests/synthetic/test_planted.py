"""A motion whose feet wander is set onto feet that stay."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.synthetic.planted import WEIGHT_OVER, planted
from qevd_bio.synthetic.standing import FEET
from qevd_bio.synthetic.there_and_back import performed
from tests.muscles.models import opened
from tests.synthetic.made_motions import FOOT_M, steady_squat

STYLE = steady_squat(80.0, 25.0)


@pytest.fixture(scope="module")
def body(shared_data):
    return opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")


@pytest.fixture(scope="module")
def moved(body):
    made = performed(body, FOOT_M, STYLE, rate_hz=20.0)
    assert made is not None
    return made[0]


def columns(body, *names):
    return [body.coordinates.index(name) for name in names]


@pytest.mark.data
def test_wandering_feet_come_to_rest_and_the_bend_of_the_knees_stays(body, moved) -> None:
    rng = np.random.default_rng(4)
    loose = moved.copy()
    wave = np.sin(np.linspace(0, 9, len(moved)))[:, None]
    legs = columns(body, "hip_flexion_r", "hip_flexion_l", "ankle_angle_r", "ankle_angle_l")
    loose[:, legs] += 0.08 * wave * rng.choice([-1.0, 1.0], 4)
    slid = body.places(loose, FEET).origins_m
    assert np.abs(slid - slid.mean(axis=0)).max() > 0.03
    found = planted(body, FOOT_M, loose)
    assert found is not None
    at = body.places(found, FEET)
    assert np.abs(at.origins_m - at.origins_m[0]).max() < 2e-3
    knees = columns(body, "knee_angle_r", "knee_angle_l")
    assert np.allclose(found[:, knees].mean(axis=1), loose[:, knees].mean(axis=1), atol=0.01)
    arms = columns(body, "arm_flex_r", "elbow_flex_l")
    assert np.array_equal(found[:, arms], loose[:, arms])


@pytest.mark.data
def test_a_falling_body_gets_its_weight_over_its_feet(body, moved) -> None:
    leaning = moved.copy()
    leaning[:, columns(body, "ankle_angle_r", "ankle_angle_l")] -= 0.2
    leaning[:, columns(body, "pelvis_tx")] -= 0.15
    found = planted(body, FOOT_M, leaning)
    assert found is not None
    at = body.places(found, FEET)
    share = (at.centre_m[:, 0] - at.origins_m[:, :, 0].mean(axis=1)) / FOOT_M[0]
    assert np.all((share > WEIGHT_OVER[0] - 0.02) & (share < WEIGHT_OVER[1] + 0.02))


@pytest.mark.data
def test_what_stood_already_hardly_changes(body, moved) -> None:
    found = planted(body, FOOT_M, moved)
    assert found is not None
    turning = [i for i, name in enumerate(body.coordinates) if not name.startswith("pelvis_t")]
    assert np.rad2deg(np.abs(found - moved)[:, turning].max()) < 2.0
