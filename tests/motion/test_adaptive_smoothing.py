"""Period, noise, and smoothing by them."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.motion.noise import jitter
from qevd_bio.motion.repetitions.adaptive_smoothing import (
    dominant_period_s,
    edge_true_smooth,
    smooth_by_period,
)

TIME_S = np.arange(900) / 30.0


def waves(period_s, noise_rad=0.0, seed=0):
    curve = 0.5 - 0.5 * np.cos(2 * np.pi * TIME_S / period_s)
    return curve + noise_rad * np.random.default_rng(seed).standard_normal(len(curve))


@pytest.mark.parametrize("period_s", [0.7, 1.5, 3.0])
def test_the_period_is_found_and_not_its_double(period_s):
    found = dominant_period_s(waves(period_s), TIME_S, 0.5, 3.75)
    assert found == pytest.approx(period_s, abs=0.07)


@pytest.mark.parametrize("curve", [np.zeros(900), np.linspace(0, 1, 900), np.full(900, np.nan)])
def test_what_does_not_repeat_has_no_period(curve):
    assert dominant_period_s(curve, TIME_S, 0.5, 3.75) is None


def test_jitter_is_the_noise_and_not_the_movement():
    assert jitter(waves(2.0, 0.05)) == pytest.approx(0.05, rel=0.15)
    assert jitter(waves(2.0)) < 0.01


def test_a_curve_is_smoothed_by_its_period():
    valid = np.ones(900, dtype=bool)
    bounds = {"shortest_s": 0.3, "longest_s": 15.0}
    slow = smooth_by_period(waves(3.0, 0.1), TIME_S, valid, **bounds)
    assert jitter(slow) < 0.002 and 0.95 < np.ptp(slow) < 1.1
    quick = smooth_by_period(waves(0.7), TIME_S, valid, **bounds)
    assert np.ptp(quick[30:-30]) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("missing", [0, 5])
def test_the_ends_of_a_movement_stay_where_they_are(missing):
    ramp = 2.0 * TIME_S
    valid = np.arange(900) >= missing
    smooth = edge_true_smooth(ramp, TIME_S, valid, 0.2)
    assert smooth[[missing, -1]] == pytest.approx(ramp[[missing, -1]], abs=0.1)
    assert np.abs(smooth[60:-60] - ramp[60:-60]).max() < 1e-6
