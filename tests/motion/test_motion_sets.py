"""Rows of the paper's tables for motions whose rows can be worked out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.motion.motion_sets import (
    BINS,
    SetMotion,
    corrected_row,
    diversity,
    fidelity,
    noise_floor,
    printed_row,
    sliding_m_s,
)

TIME_S = np.arange(61) / 60.0


def made(phase: float = 0.0, offset: float = 0.0) -> SetMotion:
    """Two knees swing, the pelvis goes up and down by a sine, both points of a foot rest."""
    swing = np.sin(2 * np.pi * TIME_S + phase)
    height = 0.9 + 0.1 * np.sin(2 * np.pi * TIME_S)
    pelvis = np.stack([0 * height, height, 0 * height], axis=1)
    points = np.zeros((len(TIME_S), 3, 3))
    points[:, 1, 0] = 0.2
    points[:, 2] = pelvis
    return SetMotion(
        time_s=TIME_S,
        coordinates=np.stack([swing + offset, swing + offset + 0.1, height], axis=1),
        is_angle=np.array([True, True, False]),
        pairs=((0, 1),),
        points_m=points,
        pelvis_m=pelvis,
        centre_m=pelvis * 0.5,
        tilt_deg=-30.0 * np.abs(swing),
        activation=0.4 * np.abs(swing),
    )


REFERENCE = [made(0.1 * number) for number in range(6)]


def test_a_set_is_as_faithful_as_it_is_to_itself() -> None:
    assert fidelity(REFERENCE, REFERENCE) == 0.0
    assert printed_row(REFERENCE, REFERENCE, 0.3, 0.5).fidelity == 0.0
    assert 0.0 < noise_floor(REFERENCE) < 0.01


def test_fidelity_is_in_spreads_of_the_reference_and_has_no_unit() -> None:
    """Both knees shifted by one spread, the height by none: two thirds of one."""
    spread = np.concatenate([one.coordinates[:, 0] for one in REFERENCE]).std()
    move = np.array([spread, spread, 0.0])
    shifted = [replace(one, coordinates=one.coordinates + move) for one in REFERENCE]
    assert fidelity(shifted, REFERENCE) == pytest.approx(2 / 3)
    in_mm = [[replace(one, coordinates=one.coordinates * [1, 1, 1000]) for one in chosen]
             for chosen in (shifted, REFERENCE)]  # fmt: skip
    assert fidelity(*in_mm) == pytest.approx(2 / 3)
    printed = printed_row(shifted, REFERENCE, 0.3, 0.5).fidelity
    assert printed == pytest.approx(2 * np.rad2deg(spread) ** 2)


def test_diversity_is_highest_where_all_bins_are_equally_full() -> None:
    even = np.linspace(0.0, 1.0, 4000)[:, None] * np.ones(3)
    full = replace(made(), coordinates=even)
    assert diversity([full], [full]) == pytest.approx(np.log(BINS), abs=0.01)
    frozen = replace(made(), coordinates=np.full((61, 3), 0.5))
    assert diversity([frozen], [full]) == 0.0


def test_a_resting_foot_does_not_slide_when_another_point_becomes_the_lowest() -> None:
    """The foot rolls from heel to toe: as printed, the 20 cm between them are sliding."""
    rolling = made()
    points = rolling.points_m.copy()
    points[:, 0, 1] = np.where(np.arange(61) % 2, 0.001, 0.0)
    points[:, 1, 1] = np.where(np.arange(61) % 2, 0.0, 0.001)
    rolling = replace(rolling, points_m=points)
    assert sliding_m_s(points, TIME_S) == 0.0
    assert corrected_row([rolling], REFERENCE, 0.3, 0.5).sliding_m_s == 0.0
    assert printed_row([rolling], REFERENCE, 0.3, 0.5).sliding_m_s == pytest.approx(12.0, rel=1e-3)


def test_a_sliding_foot_slides_in_both_forms() -> None:
    points = made().points_m.copy()
    points[:, :, 2] += 0.5 * TIME_S[:, None]
    slid = replace(made(), points_m=points)
    for row in (printed_row, corrected_row):
        assert row([slid], REFERENCE, 0.3, 0.5).sliding_m_s == pytest.approx(0.5)


def test_floors_of_different_height_are_no_penetration() -> None:
    low, high = made(), made()
    high = replace(high, points_m=high.points_m + np.array([0.0, 0.02, 0.0]))
    corrected = corrected_row([low, high], REFERENCE, 0.3, 0.5)
    printed = printed_row([low, high], REFERENCE, 0.3, 0.5)
    assert corrected.penetration_cm == corrected.floating_cm == 0.0
    assert printed.penetration_cm + printed.floating_cm == pytest.approx(1.0)


def test_speeds_are_those_of_the_sines() -> None:
    printed = printed_row([made()], REFERENCE, 0.3, 0.5)
    corrected = corrected_row([made()], REFERENCE, 0.3, 0.5)
    assert corrected.angular_speed_deg_s == pytest.approx(np.rad2deg(4.0), rel=0.01)
    assert printed.centre_speed_m_s == pytest.approx(0.4, rel=0.01)
    assert corrected.centre_speed_m_s == pytest.approx(0.2, rel=0.01)
    assert printed.centre_acceleration_m_s2 == pytest.approx(0.1 * 8 * np.pi, rel=0.02)
    assert corrected.centre_acceleration_m_s2 == pytest.approx(0.05 * 8 * np.pi, rel=0.02)
    assert corrected.asymmetry_deg == pytest.approx(np.rad2deg(0.1))
    assert corrected.tilt_deg == pytest.approx(-30.0, abs=0.1)


def test_the_constraint_is_a_distance_as_printed_and_a_share_when_corrected() -> None:
    """Peaks of 0.4 lie in 0.3 to 0.5 and not in 0.5 to 0.7."""
    assert corrected_row(REFERENCE, REFERENCE, 0.3, 0.5).constraint == 1.0
    assert corrected_row(REFERENCE, REFERENCE, 0.5, 0.7).constraint == 0.0
    mean = np.mean([one.activation.mean() for one in REFERENCE])
    printed = printed_row(REFERENCE, REFERENCE, 0.5, 0.7).constraint
    assert printed == pytest.approx(0.5 - mean)
