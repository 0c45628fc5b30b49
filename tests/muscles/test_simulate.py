"""The shares of muscles and floor, where they can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.muscles.contact import FLESH_M
from qevd_bio.muscles.redundancy import KNOTS, Frame, share_out
from qevd_bio.muscles.simulate import Actuators, Options, Plates, simulate
from qevd_bio.muscles.smooth import smooth_coordinates
from tests.muscles.made_muscles import SeatedBlock, StandingBlock, hinge_paths, two_muscles

WEIGHT_N = 50.0 * 9.80665
TIME_S = np.arange(60) / 60.0
NEEDS_DAQP = 'needs the extra: pip install "qevd-bio[muscles]"'


def standing(centre_m=(0.1, 1.0, 0.0), plates=None, q=None, arms_m=(0.05, 0.05)):
    pytest.importorskip("daqp", reason=NEEDS_DAQP)
    actuators = Actuators(two_muscles(), hinge_paths(arms_m), np.array([0.2, 0.2]))
    q = np.zeros((len(TIME_S), 7)) if q is None else q
    return simulate(StandingBlock(centre_m), actuators, q, TIME_S, Options(1.0), plates)


@pytest.fixture(scope="module")
def block():
    return standing()


def test_muscles_share_a_moment_by_their_strength() -> None:
    """Least sum of squares under r (F1 a1 + F2 a2) = m: activations as moment arm times force."""
    pytest.importorskip("daqp", reason=NEEDS_DAQP)
    strength = np.array([1000.0, 500.0])
    frame = Frame(
        required=np.array([20.0]), arms_m=np.array([[0.05, 0.04]]),
        table_n=strength[:, None] * KNOTS, moves=np.zeros((0, 3, 1)),
        most=np.zeros(0),
    )  # fmt: skip
    found = share_out(frame, np.array([1e-3]), 500.0, np.full(2, 0.3), 0.8)
    pulls = np.array([0.05, 0.04]) * strength
    assert found.activations == pytest.approx(20.0 * pulls / (pulls @ pulls), abs=1e-3)
    assert found.reserves == pytest.approx(0.0, abs=1e-2)


def test_what_muscles_cannot_do_is_left_as_a_reserve() -> None:
    pytest.importorskip("daqp", reason=NEEDS_DAQP)
    frame = Frame(
        required=np.array([80.0]), arms_m=np.array([[0.05]]), table_n=1000.0 * KNOTS[None],
        moves=np.zeros((0, 3, 1)), most=np.zeros(0),
    )  # fmt: skip
    found = share_out(frame, np.array([1.0]), 500.0, np.full(1, 0.3), 0.8)
    assert found.activations == pytest.approx(1.0) and found.reserves == pytest.approx(30.0)


def test_the_floor_carries_the_weight_below_the_centre_of_mass(block) -> None:
    total = block.ground_n.sum(axis=1)
    assert np.allclose(total, [0, WEIGHT_N, 0], atol=0.5)
    load = block.ground_n[:, :, 1:2]
    pressure = (load * block.centres_m).sum(axis=1) / load.sum(axis=1)
    assert np.allclose(pressure[:, [0, 2]], [0.1, 0.0], atol=2e-3)
    assert block.doubts() == ()


def test_the_muscles_carry_the_hinge(block) -> None:
    moment = (block.forces_n * 0.05).sum(axis=1)
    assert np.allclose(moment, 20.0, atol=0.3)
    assert np.allclose(block.reserves[:, 6], 20.0 - moment)
    assert np.all(block.activations[:, 0] > block.activations[:, 1]), "the pennate one is weaker"


def test_who_leans_over_his_feet_cannot_be_believed() -> None:
    leaning = standing(centre_m=(0.6, 1.0, 0.0))
    assert leaning.residual_nm() > 5.0
    assert any("on the pelvis" in one for one in leaning.doubts())


def test_muscles_that_pull_the_wrong_way_cannot_be_believed() -> None:
    wrong = standing(arms_m=(-0.05, -0.05))
    assert wrong.reserve_nm() > 10.0 and "no muscle" in wrong.doubts()[0]


def test_going_up_and_down_changes_the_weight_by_mass_times_acceleration() -> None:
    q = np.zeros((len(TIME_S), 7))
    q[:, 4] = 0.05 * np.cos(2 * np.pi * TIME_S)
    found = standing(q=q)
    middle = slice(20, 40)
    wanted = WEIGHT_N - 50.0 * 0.05 * (2 * np.pi) ** 2 * np.cos(2 * np.pi * TIME_S[middle])
    assert np.allclose(found.ground_n[middle, :, 1].sum(axis=1), wanted, rtol=0.02)


def test_measured_forces_take_the_place_of_the_unknown_ones() -> None:
    force, place = np.zeros((60, 2, 3)), np.zeros((60, 2, 3))
    force[:, :, 1] = WEIGHT_N / 2
    place[:, 0] = place[:, 1] = (0.1, 0.0, 0.0)
    found = standing(plates=Plates(force, place, np.zeros((60, 2, 3))))
    assert found.residual_n() < 1e-6 and found.residual_nm() < 1e-6
    away = standing(plates=Plates(force, place + np.array([0.1, 0, 0]), np.zeros((60, 2, 3))))
    assert away.residual_nm() == pytest.approx(WEIGHT_N * 0.1)
    assert np.array_equal(found.ground_n, force)


def seated(above_m: float, seat_m: float = 0.5):
    """Simulate the block whose pelvis is so far above a seat; what the seat carries in weights."""
    pytest.importorskip("daqp", reason=NEEDS_DAQP)
    actuators = Actuators(two_muscles(), hinge_paths(), np.array([0.2, 0.2]))
    block, options = SeatedBlock(seat_m + above_m), Options(1.0, floor_m=0.0, seat_m=seat_m)
    found = simulate(block, actuators, np.zeros((len(TIME_S), 7)), TIME_S, options)
    return found, 1.0 - found.ground_n[:, :, 1].sum(axis=1).max() / WEIGHT_N


def test_a_seat_carries_only_where_flesh_is_compressed() -> None:
    shares = [seated(above_m)[1] for above_m in (0.0, 0.95 * FLESH_M, FLESH_M, 0.03, 0.041)]
    assert shares[0] > 0.12 and 0.05 < shares[1] <= 0.1 + 1e-6
    assert shares[2:] == pytest.approx([0.0] * 3, abs=1e-3)
    assert not seated(0.0)[0].doubts() and not seated(0.03)[0].doubts()


def test_a_pelvis_inside_a_seat_cannot_be_believed() -> None:
    found, share = seated(-0.55, seat_m=1.5)
    assert share == pytest.approx(0.0, abs=1e-3)
    assert found.doubts() == ("the pelvis is 55 cm below the top of the seat",)
    assert not seated(-0.01)[0].doubts()


@pytest.mark.parametrize("seat_m", [np.nan, 0.0, -0.4, np.inf])
def test_a_seat_without_a_height_is_refused(seat_m) -> None:
    with pytest.raises(UsageError, match=r"seat_m.*no height"):
        Options(1.0, seat_m=seat_m)


def test_a_low_pass_halves_the_power_at_its_corner_and_keeps_slow_motion() -> None:
    time_s = np.arange(600) / 100.0
    for hertz, gain, slack in ((1.0, 1.0, 0.01), (6.0, 1 / np.sqrt(2.0), 0.02), (30.0, 0.0, 0.01)):
        wave = np.sin(2 * np.pi * hertz * time_s)[:, None]
        low, speed, acceleration = smooth_coordinates(wave, time_s)
        middle = slice(200, 400)
        assert np.abs(low[middle]).max() == pytest.approx(gain, abs=slack)
        if hertz == 1.0:
            turns = 2 * np.pi * hertz
            assert np.abs(speed[middle]).max() == pytest.approx(turns, rel=0.01)
            assert np.abs(acceleration[middle]).max() == pytest.approx(turns**2, rel=0.01)


def test_times_decide_and_not_the_number_of_frames() -> None:
    rng = np.random.default_rng(3)
    time_s = np.sort(rng.uniform(0, 4, 240)) + np.arange(240) * 1e-4
    speed = smooth_coordinates(np.sin(time_s)[:, None], time_s)[1][:, 0]
    assert np.allclose(speed[60:-60], np.cos(time_s)[60:-60], atol=0.02)


@pytest.mark.parametrize("frames", [3, 20])
def test_a_glimpse_is_no_motion(frames) -> None:
    with pytest.raises(ValueError, match="too little"):
        smooth_coordinates(np.zeros((frames, 1)), np.arange(frames) / 60.0)
