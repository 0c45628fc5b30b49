"""The median of a few numbers is numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qevd_bio.motion.medians import median, medians_of_known, quantile


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6)))
def test_it_is_numpys(values):
    assert median(values) == np.median(values)


def test_nothing_has_no_median():
    with pytest.raises(IndexError):
        median(np.empty(0))


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 8), st.integers(1, 9)),
        elements=st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)),
    )
)
def test_medians_of_what_is_known_are_numpys(windows):
    known = np.isfinite(windows).any(axis=1)
    ours = medians_of_known(windows)
    assert np.isnan(ours[~known]).all()
    if known.any():
        assert ours[known] == pytest.approx(np.nanmedian(windows[known], axis=1), abs=1e-9)


@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (40,), (40, 21)])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.97, 1.0])
def test_quantile_is_that_of_numpy_to_the_bit(shape, share):
    values = np.random.default_rng(7).normal(size=shape)
    assert quantile(values, share) == np.quantile(values, share)
