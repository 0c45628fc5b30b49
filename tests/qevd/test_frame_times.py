from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.qevd.frame_times import frame_times_s


@given(
    st.integers(1_500_000_000 * 10**9, 2_000_000_000 * 10**9),
    st.lists(st.integers(10**6, 10**9), max_size=40),
)
def test_frame_times_equal_whole_plus_fraction_plus_shift(start: int, steps: list[int]) -> None:
    spaced = [start + sum(steps[:n]) for n in range(len(steps) + 1)]
    times_s = frame_times_s(np.array(spaced, dtype=np.int64), where="test")
    for stamp, time_s in zip(spaced, times_s, strict=True):
        assert time_s == stamp // 10**9 + (stamp % 10**9) / 1e9 + 28800
        # Half a unit in the last place of a double of this size.
        assert abs(Fraction(float(time_s)) - Fraction(stamp, 10**9) - 28800) <= Fraction(1, 2**22)


def test_integers_beyond_double_precision_keep_their_last_bits() -> None:
    stamps = np.array([2**62 + 1, 2**62 + 1_000_001], dtype=np.int64)
    whole = frame_times_s(stamps, where="test")
    assert whole[1] - whole[0] == pytest.approx(1e-3, abs=2.0**-20)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float64], ids=str)
def test_every_number_type_of_whole_nanoseconds_is_read_alike(dtype: type) -> None:
    stamps = np.arange(5, dtype=np.int64) * 33_333_248 + 1_600_523_677_967_353_856
    np.testing.assert_array_equal(
        frame_times_s(stamps.astype(dtype), where="test"), frame_times_s(stamps, where="test")
    )


START = 1_600_523_677_967_353_856


@pytest.mark.parametrize(
    ("stamps", "cause"),
    [
        (np.array([], dtype=np.int64), "not one timestamp a frame"),
        (np.full((2, 2), START), "not one timestamp a frame"),
        (np.array([START, START + 10**7, START + 10**7]), "frame 2 .* is not after"),
        (np.array([START, START - 10**7]), "frame 1 .* is not after"),
        (np.array([1600552477.96, 1600552478.03]), "look like seconds"),
        (np.array([START, np.nan]), "not whole nanoseconds"),
        (np.array([START, np.inf]), "too large"),
        (np.array([-START, START]), "negative"),
        (np.array([START, 2**64 - 1], dtype=np.uint64), "too large"),
        (np.array(["a", "b"]), "no number"),
        (np.array([START, START + 1], dtype="datetime64[ns]"), "no number"),
        (np.array([True, False]), "no number"),
    ],
    ids=[
        "empty",
        "two-dimensional",
        "repeated",
        "backwards",
        "seconds",
        "nan",
        "infinite",
        "negative",
        "over int64",
        "text",
        "dates",
        "flags",
    ],
)
def test_what_is_no_frame_clock_is_refused(stamps: np.ndarray, cause: str) -> None:
    with pytest.raises(DataError, match=cause) as caught:
        frame_times_s(stamps, where="0007_timestamps.npy")
    assert caught.value.where == "0007_timestamps.npy"
