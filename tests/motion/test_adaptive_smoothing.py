"""Period, noise, and the movement that several angles share."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.motion.noise import jitter
from qevd_bio.motion.repetitions.adaptive_smoothing import dominant_period_s, smooth_adaptively
from qevd_bio.motion.repetitions.principal_components import blend_with_principal_components

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


def test_only_a_noisy_curve_is_smoothed_by_its_period():
    valid = np.ones(900, dtype=bool)
    clean = smooth_adaptively(waves(3.0), TIME_S, valid, shortest_s=0.8)
    noisy = smooth_adaptively(waves(3.0, 0.1), TIME_S, valid, shortest_s=0.8)
    assert np.ptp(clean) == pytest.approx(1.0, abs=0.02)
    assert jitter(noisy) < 0.002 and 0.8 < np.ptp(noisy) < 1.0


def test_principal_components_reduce_noise_and_keep_the_movement():
    truth = waves(2.0)
    rng = np.random.default_rng(1)
    curves = truth[:, None] * [1.0, 0.8, -0.9, 0.7, 0.6, 1.1]
    curves = curves + 0.1 * rng.standard_normal(curves.shape)
    valid = np.ones(900, dtype=bool)
    valid[100:110] = False
    mixed = blend_with_principal_components(curves[:, 0], curves[:, 1:], TIME_S, valid)
    assert np.isnan(mixed[100:110]).all()
    known = np.isfinite(mixed)

    def error(curve):
        return np.std(curve[known] - truth[known])

    assert error(mixed) < 0.85 * error(curves[:, 0])
    assert np.corrcoef(mixed[known], truth[known])[0, 1] > 0.97
