"""Rising from a seat and sitting down: the seat carries until the weight is over the feet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.muscles.contact import on_seat, seat_bones_m, soles, touching
from qevd_bio.muscles.simulate import Options, simulate
from qevd_bio.synthetic.carriage import TRUNK, Carriage
from qevd_bio.synthetic.sit_to_stand import RANGES, Rising, random_rising, risen
from qevd_bio.synthetic.standing import FEET, Footing
from qevd_bio.synthetic.there_and_back import Tempo
from tests.muscles.models import opened
from tests.synthetic.made_motions import FOOT_M

_STILL = dict.fromkeys(TRUNK, 0.0) | {"arm_flex_r": 20.0, "arm_flex_l": 20.0}
STYLE = Rising(
    seat_m=0.52,
    knees_deg=(98.0, 5.0),
    over_foot=(0.3, 0.45),
    shift_m=0.0,
    leaving=0.45,
    lumbar_deg=-25.0,
    tempo=Tempo(2.0, 0.4, 2.2),
    footing=Footing(0.25, 0.0, (8.0, 8.0)),
    carriage=Carriage(_STILL | {"lumbar_extension": -10.0}, _STILL, np.zeros((2, len(TRUNK)))),
)


@pytest.fixture(scope="module")
def body(shared_data):
    return opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")


@pytest.fixture(scope="module")
def made(body):
    found = risen(body, FOOT_M, STYLE, rate_hz=30.0)
    assert found is not None
    return found


def bones(body, q):
    at = body.places(q, ("pelvis",))
    return at.origins_m[:, 0] + at.turns[:, 0] @ seat_bones_m(FOOT_M).mean(axis=0)


def test_styles_are_drawn_from_their_ranges() -> None:
    styles = [random_rising(np.random.default_rng(seed), 0.9) for seed in range(50)]
    heights = np.array([one.seat_m for one in styles]) / 0.9
    assert RANGES["seat_m"][0] <= heights.min() < heights.max() <= RANGES["seat_m"][1]
    assert all(one.knees_deg[0] > 70.0 and one.knees_deg[1] < 13.0 for one in styles)


def test_points_of_the_seat_come_after_those_of_the_soles_and_have_their_own_height() -> None:
    points = on_seat(soles(FOOT_M), FOOT_M)
    own = points.foot == 2
    assert own.sum() == 2 and points.bodies[-1] == "pelvis" and np.all(points.body[own] == 4)
    places = np.zeros((1, len(own), 3))
    places[0, own, 1] = 0.5
    below = np.where(own, 0.48, 0.0)
    assert touching(places, 0.0 * places, below).all()
    places[0, own, 1] = 0.6
    assert np.array_equal(touching(places, 0.0 * places, below)[0], ~own)


@pytest.mark.data
def test_the_pelvis_rests_on_the_seat_and_never_sinks_into_it(body, made) -> None:
    at = bones(body, made.q)
    knees = np.rad2deg(made.q[:, body.coordinates.index("knee_angle_r")])
    assert knees[[0, -1]] == pytest.approx([98.0, 98.0], abs=1.0) and knees.min() < 6.0
    assert at[[0, -1], 1] == pytest.approx([0.52, 0.52], abs=2e-3)
    assert at[:, 1].min() > 0.51 and at[:, 1].max() > 0.8
    feet = body.places(made.q, FEET).origins_m
    assert np.abs(feet - feet[0]).max() < 2e-3


@pytest.mark.data
def test_the_weight_is_near_the_feet_when_the_seat_is_left(body, made) -> None:
    at = bones(body, made.q)
    left = int(np.argmax(at[:, 1] > 0.53))
    assert 0 < left < len(at) // 2
    place = body.places(made.q[[0, left]], FEET)
    heel = place.origins_m[1, :, 0].mean()
    share = (place.centre_m[:, 0] - heel) / FOOT_M[0]
    assert share[0] < -0.2 and 0.1 < share[1] < 0.6
    tilt = np.rad2deg(made.q[:, body.coordinates.index("pelvis_tilt")])
    assert tilt.min() < -12.0 < -3.0 < min(tilt[0], tilt[len(tilt) // 2])


@pytest.mark.data
def test_none_where_the_weight_cannot_come_over_the_feet(body) -> None:
    far = replace(STYLE, knees_deg=(40.0, 5.0), lumbar_deg=0.0, seat_m=0.40)
    assert risen(body, FOOT_M, far) is None


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("Rising.seat_m", replace(STYLE, seat_m=np.nan)),
        ("Tempo.up_s", replace(STYLE, tempo=Tempo(2.0, 0.4, np.nan))),
        ("Carriage.end_deg", replace(STYLE, carriage=Carriage(
            _STILL, _STILL | {"pelvis_tilt": np.nan}, np.zeros((2, len(TRUNK)))))),
    ],
)  # fmt: skip
def test_a_style_that_is_no_number_is_refused_by_name(body, name, style) -> None:
    with pytest.raises(UsageError, match=f"{name}.*no number"):
        risen(body, FOOT_M, style)


@pytest.mark.data
@pytest.mark.slow
def test_the_seat_carries_who_sits_and_without_it_nothing_does(
    shared_data, fits, body, made
) -> None:
    pytest.importorskip("daqp")
    from qevd_bio.muscles.prepared import prepare

    model = prepare(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim", fits)
    options = Options(1.0, every=5)
    seated = simulate(
        model.body, model.actuators, made.q, made.time_s, replace(options, seat_m=made.seat_m)
    )
    assert not seated.doubts()
    weight = 9.81 * model.body.mass_kg
    on_feet = seated.ground_n[:, :, 1].sum(axis=1) / weight
    assert on_feet[0] < 0.7 and np.median(on_feet[len(on_feet) // 3 : len(on_feet) // 2]) > 0.9
    falling = simulate(model.body, model.actuators, made.q, made.time_s, options)
    assert any("on the pelvis" in doubt for doubt in falling.doubts())
