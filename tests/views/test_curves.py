from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.views.curve_drawing import ticks
from qevd_bio.views.curves import Target, gaps_s, runs, thinned, value_at, value_range
from qevd_bio.views.formatting import measure_words, number_words, target_words
from tests.release.made_artifacts import START_S
from tests.views.made_curves import squat_curve

NAN = float("nan")


def _short(values: list[float]) -> Any:
    time_s = np.arange(len(values), dtype=np.float64)
    return squat_curve(time_s=time_s, values=np.array(values), cycles=(), target=None)


@pytest.mark.parametrize(
    "changed",
    [
        {"values": np.zeros(3)},
        {"time_s": np.zeros(900)},
        {"time_s": np.full(900, np.nan)},
        {"time_s": np.zeros(0), "values": np.zeros(0)},
    ],
    ids=["values", "standing time", "NaN time", "empty"],
)
def test_arrays_must_fit(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"time_s|values"):
        squat_curve(**changed)


@given(st.lists(st.booleans(), max_size=30))
def test_runs_cover_exactly_the_true_flags(flags: list[bool]) -> None:
    found = runs(np.array(flags, dtype=np.bool_))
    covered = [any(start <= i < end for start, end in found) for i in range(len(flags))]
    assert covered == flags
    assert all(end < start for (_, end), (start, _) in pairwise(found))


@pytest.mark.parametrize(
    ("values", "gaps"),
    [
        ([1, 2, 3], []),
        ([1, NAN, 3], [(0.5, 1.5)]),
        ([NAN, 2, NAN, NAN], [(0.0, 0.5), (1.5, 3.0)]),
        ([NAN], [(0.0, 0.0)]),
    ],
    ids=["none", "inside", "ends", "one frame"],
)
def test_gaps(values: list[float], gaps: list[tuple[float, float]]) -> None:
    assert gaps_s(_short(values)) == gaps


def test_value_at_a_time() -> None:
    curve = squat_curve()
    assert value_at(curve, START_S + 1.5) == pytest.approx(80.0)
    assert value_at(curve, START_S + 14.0) is None, "in the gap"
    assert value_at(curve, START_S - 1.0) is None
    assert value_at(curve, START_S + 31.0) is None


def test_range_holds_values_and_target() -> None:
    low, high = value_range(squat_curve())
    assert low < 10.0 and 130.0 < high < 145.0
    assert value_range(squat_curve(target=Target(90.0, 120.0, 10.0, guard=20.0)))[1] > 150.0
    low, high = value_range(squat_curve(target=None))
    assert low < 10.0 and 80.0 < high < 90.0
    assert value_range(_short([5.0, 5.0]))[0] < 5.0
    assert value_range(_short([NAN, NAN])) == (0.0, 1.0)


def test_bands_of_a_target_by_hand() -> None:
    assert Target(90.0, None, tolerance=10.0, guard=6.0).bands() == {
        "guard": (74.0, None),
        "tolerance": (80.0, None),
        "target": (90.0, None),
    }


@given(st.integers(0, 2000), st.integers(1, 50), st.integers(0, 9))
def test_thinning_keeps_ends_extremes_and_order(count: int, bins: int, seed: int) -> None:
    time_s = np.arange(count, dtype=np.float64)
    values = np.random.default_rng(seed).normal(size=count)
    kept_s, kept = thinned(time_s, values, bins)
    assert len(kept) <= max(4 * bins, 0) or len(kept) == count <= 4 * bins
    if count:
        assert kept.min() == values.min() and kept.max() == values.max()
        assert kept_s[0] == 0 and kept_s[-1] == count - 1
        assert np.all(np.diff(kept_s) > 0)
        np.testing.assert_array_equal(values[kept_s.astype(int)], kept)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (-7, 131, [0, 50, 100]),
        (0.02, 0.31, [0.1, 0.2, 0.3]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4))
def test_ticks_lie_on_the_axis(low: float, length: float) -> None:
    found = ticks(low, low + length)
    assert 1 <= len(found) <= 6 or len(found) == 0
    assert all(low - 1e-6 * length <= tick <= low + length * (1 + 1e-6) for tick in found)


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("knee_flexion_r", "right knee flexion"),
        ("hip_abduction_l", "left hip abduction"),
        ("trunk_forward_lean", "trunk forward lean"),
    ],
)
def test_measure_words(measure: str, words: str) -> None:
    assert measure_words(measure) == words


@pytest.mark.parametrize(
    ("value", "unit", "signed", "words"),
    [
        (72.04, "deg", False, "72.0°"),
        (-18.0, "deg", True, "−18.0°"),
        (4.0, "deg", True, "+4.0°"),
        (-0.01, "deg", True, "0.0°"),
        (1.255, "ratio", False, "1.25"),
        (2.5, "s", False, "2.50 s"),
        (None, "deg", True, "–"),
        (float("nan"), "deg", False, "–"),
        (float("inf"), "deg", False, "–"),
    ],
)
def test_number_words(value: float | None, unit: str, signed: bool, words: str) -> None:
    assert number_words(value, unit, signed=signed) == words


def test_unknown_unit_is_an_error() -> None:
    with pytest.raises(ValueError, match="unit 'rad'"):
        number_words(1.0, "rad")


@pytest.mark.parametrize(
    ("low", "high", "tolerance", "words"),
    [
        (90.0, 120.0, 10.0, "90° to 120° ± 10°"),
        (90.0, None, 0.0, "at least 90°"),
        (None, 5.0, 2.5, "at most 5° ± 2.5°"),
        (None, None, 3.0, "–"),
        (-5.0, 0.0, 0.0, "−5° to 0°"),
    ],
)
def test_target_words(low: float | None, high: float | None, tolerance: float, words: str) -> None:
    assert target_words(low, high, tolerance, "deg") == words
