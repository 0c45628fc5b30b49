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
    seen = wrap_angle(true)
    seen[5], seen[6] = np.nan, -50.0
    valid = np.ones(21, dtype=bool)
    valid[6] = False
    back = unwrap_angles(seen, valid)
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
