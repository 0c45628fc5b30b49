"""Angles stay continuous, and only steps over half a turn are bent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qevd_bio.motion.angles import unwrap_angles, wrap_angle


@given(
    steps=arrays(np.float64, st.integers(2, 60), elements=st.floats(-3.0, 3.0)),
    turns=st.integers(-3, 3),
)
def test_a_wrapped_curve_comes_back_up_to_whole_turns(steps, turns):
    curve = np.cumsum(steps) + turns * 2 * np.pi
    back = unwrap_angles(wrap_angle(curve), np.ones(len(curve), dtype=bool))
    shift = (back - curve) / (2 * np.pi)
    assert np.allclose(shift, round(float(shift[0])), atol=1e-6)
    assert -np.pi - 1e-9 < np.median(back) <= np.pi + 1e-9


def test_a_true_step_of_100_degrees_is_kept():
    """The released code unwraps with period pi and turns 0, 100, 0 into 0, -80, 0."""
    curve = np.deg2rad([0.0, 0.0, 100.0, 0.0, 0.0])
    assert np.allclose(unwrap_angles(curve, np.ones(5, dtype=bool)), curve)


def test_missing_frames_take_no_part():
    true = np.deg2rad(np.linspace(165, 185, 21))
    measured = wrap_angle(true)
    measured[5], measured[6] = np.nan, -50.0
    valid = np.ones(21, dtype=bool)
    valid[6] = False
    back = unwrap_angles(measured, valid)
    keep = np.delete(np.arange(21), [5, 6])
    assert np.isnan(back[5])
    assert np.allclose(back[keep], true[keep])


@pytest.mark.parametrize(
    "angle, expected", [(np.pi, np.pi), (-np.pi, np.pi), (3.5 * np.pi, -np.pi / 2)]
)
def test_wrap_keeps_the_upper_end(angle, expected):
    assert wrap_angle(np.array(angle)) == pytest.approx(expected)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="valid"):
        unwrap_angles(np.zeros((4, 2)), np.ones(3, dtype=bool))


def test_each_curve_is_unwrapped_by_itself():
    """Against the plain formula, column by column, whether there is anything to bend or not."""
    rng = np.random.default_rng(2)
    slopes = np.array([0.0, 0.01, 0.3, -0.4, 0.0, 0.2])
    true = np.arange(80)[:, None] * slopes + [0.0, 1.0, 2.0, -3.0, 9.0, 3.0]
    measured = true.copy()
    measured[:, [2, 3, 5]] = wrap_angle(true[:, [2, 3, 5]])
    measured[rng.random(measured.shape) < 0.05] = np.nan
    measured[:, [1, 2, 4]] = np.nan_to_num(measured[:, [1, 2, 4]], nan=0.5)
    valid = rng.random(80) > 0.1
    back = unwrap_angles(measured, valid)
    for column, ours in zip(measured.T, back.T, strict=True):
        known = valid & np.isfinite(column)
        plain = np.unwrap(column[known])
        turns = np.ceil((np.median(plain) - np.pi) / (2 * np.pi))
        assert np.allclose(ours[known], plain - 2 * np.pi * turns, atol=1e-12)
        assert np.allclose(ours[~known], column[~known] - 2 * np.pi * turns, equal_nan=True)
