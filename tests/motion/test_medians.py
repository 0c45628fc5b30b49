"""Quick medians equal numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qevd_bio.motion.medians import medians_of_known

NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))


@given(arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 9)), elements=NUMBERS))
def test_medians_of_known_are_those_of_numpy(windows: np.ndarray) -> None:
    known = np.isfinite(windows).any(axis=1)
    ours = medians_of_known(windows)
    assert np.isnan(ours[~known]).all()
    if known.any():
        assert ours[known] == pytest.approx(np.nanmedian(windows[known], axis=1), abs=1e-9)
