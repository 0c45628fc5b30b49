"""Trunk and arms over a course, and what a measurement would make of a motion."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.synthetic.carriage import (
    ARM_RANGES,
    ASIDE_DEG,
    TRUNK,
    Carriage,
    carried,
    random_arms,
    unsteady,
)
from qevd_bio.synthetic.measured import as_measured

NAMES = (*TRUNK, *(f"{name}_{side}" for side in "rl" for name in ARM_RANGES), "knee_angle_r")
SHARE = np.array([0.0, 0.5, 1.0, 0.5, 0.0])
TIMES = np.linspace(0.0, 2.0, 5)
BACK = np.array([False, False, False, True, True])
START = dict.fromkeys(NAMES[:-1], 10.0)
END = dict.fromkeys(NAMES[:-1], 30.0)


def test_trunk_and_arms_go_from_start_to_end_and_aside_on_the_way() -> None:
    aside = np.zeros((2, len(TRUNK)))
    aside[1, 0] = -1.0
    found = np.rad2deg(carried(NAMES, Carriage(START, END, aside), SHARE, BACK, TIMES))
    assert np.allclose(found[:, 1], [10, 20, 30, 20, 10])
    assert np.allclose(found[:, 0], [10, 20, 30, 20 - ASIDE_DEG[0], 10])
    assert not found[:, -1].any(), "legs are not carried"


def test_who_is_unsteady_wavers_alike_for_one_seed_and_elbows_stop_when_straight() -> None:
    straight = START | {"elbow_flex_r": 2.0}
    shaky = Carriage(straight, straight, np.zeros((2, len(TRUNK))), shake=1.0, seed=3)
    times = np.linspace(0.0, 4.0, 60)
    level = np.zeros(60)
    found, again = (carried(NAMES, shaky, level, level > 1, times) for _ in range(2))
    assert np.array_equal(found, again)
    tilt = np.rad2deg(found[:, 0])
    assert 0.5 < tilt.std() < 5.0
    assert np.rad2deg(found[:, NAMES.index("elbow_flex_r")]).min() >= 1.99


def test_arms_are_drawn_where_people_can_hold_them_and_alike_if_symmetric() -> None:
    rng = np.random.default_rng(0)
    drawn = [random_arms(rng, symmetric=False) for _ in range(300)]
    for name, (low, high) in ARM_RANGES.items():
        values = np.array([end[f"{name}_r"] for pair in drawn for end in pair])
        assert low <= values.min() and values.max() <= high
        assert np.ptp(values) > 0.9 * (high - low)
    start, _ = random_arms(rng, symmetric=True)
    assert all(start[f"{name}_r"] == start[f"{name}_l"] for name in ARM_RANGES)


def test_unsteadiness_is_smooth_and_of_unit_variance() -> None:
    times = np.linspace(0.0, 3.0, 181)
    many = np.concatenate(
        [unsteady(np.random.default_rng(seed), times, 50) for seed in range(20)], axis=1
    )
    assert many.std() == pytest.approx(1.0, abs=0.05)
    assert np.abs(np.diff(many, axis=0)).max() < 0.5


def test_a_measurement_is_off_by_about_its_error_and_feet_by_more() -> None:
    """A third of the columns each: flexions, places, and how a foot rolls."""
    names = [*(f"knee_angle_{i}" for i in range(100)), *(f"pelvis_t{i}" for i in range(99)),
             "pelvis_ty", *(f"subtalar_angle_{i}" for i in range(100))]  # fmt: skip
    is_angle = np.array([not name.startswith("pelvis") for name in names])
    q, times = np.zeros((91, len(names))), np.linspace(0.0, 3.0, 91)
    found = as_measured(np.random.default_rng(1), q, times, names, is_angle, 1.5)
    angles, rolls = np.rad2deg(found[:, :100]).std(), np.rad2deg(found[:, 200:]).std()
    assert 0.2 * 1.5 < angles < 1.5 * 1.5
    assert found[:, 100:200].std() / 0.004 == pytest.approx(angles, rel=0.2)
    assert rolls == pytest.approx(6.0 * angles, rel=0.2)


def test_some_of_an_error_comes_and_goes_with_the_movement() -> None:
    names = ["pelvis_ty", *(f"knee_angle_{i}" for i in range(300))]
    times = np.linspace(0.0, 3.0, 91)
    q = np.zeros((91, len(names)))
    q[:, 0] = 0.9 - 0.3 * np.sin(np.pi * times / 3.0)
    is_angle = np.array([False, *[True] * 300])
    moved, still = (
        as_measured(np.random.default_rng(2), one, times, names, is_angle, 1.5)[:, 1:]
        for one in (q, np.zeros_like(q))
    )
    with_it = moved - still
    assert np.abs(with_it[[0, -1]]).max() < 1e-12
    assert np.allclose(with_it[45], with_it[20] / np.sin(np.pi * times[20] / 3.0))
    assert with_it[45].std() > 0.003
