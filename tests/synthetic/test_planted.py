"""A motion whose feet wander is set onto feet that stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from qevd_bio.synthetic.planted import OFF_LEVEL_DEG, WEIGHT_OVER, planted
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
    return made.q


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
    arms = columns(body, "arm_flex_r", "elbow_flex_l", "pro_sup_r")
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


@pytest.mark.data
def test_feet_that_are_a_little_off_level_stay_so_and_no_more_than_that(body) -> None:
    for up, kept in ((3.0, 3.0), (9.0, OFF_LEVEL_DEG)):
        footing = replace(STYLE.footing, toes_up_deg=(up, 0.0), rolled_deg=(0.0, -2.0))
        made = performed(body, FOOT_M, replace(STYLE, footing=footing), rate_hz=10.0)
        assert made is not None
        found = planted(body, FOOT_M, made.q)
        assert found is not None
        turns = Rotation.from_matrix(body.places(found, FEET).turns[0])
        _, toes_up, rolled = np.rad2deg(turns.as_euler("YZX")).T
        assert toes_up == pytest.approx([kept, 0.0], abs=0.2)
        assert rolled == pytest.approx([0.0, -2.0], abs=0.2)
