"""Split squats: one foot far ahead, the rear heel up, nothing slides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.muscles.contact import point_places, soles
from qevd_bio.synthetic.split_squats import RANGES, random_style
from qevd_bio.synthetic.standing import FEET
from qevd_bio.synthetic.there_and_back import performed
from tests.muscles.models import opened
from tests.synthetic.made_motions import FOOT_M


@pytest.fixture(scope="module")
def body(shared_data):
    return opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")


def test_either_foot_is_ahead_and_the_rear_heel_is_up() -> None:
    styles = [random_style(np.random.default_rng(seed), 1.0) for seed in range(60)]
    ahead = np.array([one.footing.ahead_m for one in styles])
    assert 0.3 < (ahead > 0).mean() < 0.7
    low, high = RANGES["length_m"]
    assert np.all((np.abs(ahead) >= low) & (np.abs(ahead) <= high))
    for one in styles:
        rear, front = (1, 0) if one.footing.ahead_m > 0 else (0, 1)
        up_deg = one.footing.toes_up_deg
        assert up_deg[rear] <= -RANGES["heel_up_deg"][0] and abs(up_deg[front]) <= 3.0
        toes = f"mtp_angle_{'rl'[rear]}"
        assert one.carriage.start_deg[toes] == one.carriage.end_deg[toes] == up_deg[rear]


@pytest.mark.data
def test_the_toes_of_both_feet_stay_on_the_floor_and_the_rear_knee_goes_down(body) -> None:
    style = replace(random_style(np.random.default_rng(2), 1.0), knees_deg=(25.0, 90.0))
    made = performed(body, FOOT_M, style, rate_hz=15.0)
    assert made is not None
    points = soles(FOOT_M)
    at = body.places(made.q, points.bodies)
    places, _ = point_places(points, at.origins_m, at.turns, at.jacobians)
    assert np.abs(places - places[0]).max() < 2e-3, "a sole moves"
    toes = places[0][points.body % 2 == 1]
    assert np.abs(toes[:, 1]).max() < 0.04
    rear = "l" if style.footing.ahead_m > 0 else "r"
    knees = body.places(made.q, (f"tibia_{rear}", *FEET)).origins_m[:, 0, 1]
    assert knees[0] - knees.min() > 0.1
    bends = made.q[:, [body.coordinates.index(f"knee_angle_{side}") for side in "rl"]]
    assert np.rad2deg(bends.mean(axis=1)).max() == pytest.approx(style.knees_deg[1], abs=6.0)


@pytest.mark.data
def test_a_style_that_is_no_number_is_refused_by_name(body) -> None:
    style = random_style(np.random.default_rng(2), 1.0)
    with pytest.raises(UsageError, match=r"Style\.knees_deg.*no number"):
        performed(body, FOOT_M, replace(style, knees_deg=(25.0, np.nan)))
