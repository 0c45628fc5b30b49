"""The median of a few numbers is numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qevd_bio.motion.medians import median


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6)))
def test_it_is_numpys(values):
    assert median(values) == np.median(values)


def test_nothing_has_no_median():
    with pytest.raises(IndexError):
        median(np.empty(0))
