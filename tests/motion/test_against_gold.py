"""Repetitions against gold executions: what counts as a difference, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.motion.against_gold import (
    USUAL_EXECUTIONS,
    USUAL_SPREAD,
    difference,
    gold_of,
)

PHASE = np.linspace(0.0, 1.0, 101)
NOISE = np.array([2.0, 2.0])


def repetition(depth: float = 90.0, rest: float = 5.0, lean: float = 20.0) -> np.ndarray:
    """A bend to `depth` from a rest, and a lean, each a raised cosine."""
    way = (1.0 - np.cos(2.0 * np.pi * PHASE)) / 2.0
    return np.stack([rest + (depth - rest) * way, lean * way], axis=1)


def execution(seed: int, depth: float = 90.0, count: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([repetition(depth + rng.normal(0, 2)) for _ in range(count)])


GOLD = gold_of([execution(1, 88.0), execution(2, 90.0), execution(3, 92.0)], NOISE)


def test_a_repetition_like_the_gold_ones_is_near() -> None:
    assert difference(repetition(), GOLD).total < 0.5


def test_a_shallow_repetition_differs_in_the_right_measure_by_the_right_amount() -> None:
    found = difference(repetition(depth=60.0), GOLD)
    assert found.extreme[0] == pytest.approx(-30.0, abs=2.0)
    assert abs(found.extreme_spreads[0]) > 3.0 > abs(found.extreme_spreads[1])
    assert found.way_spreads[0] > 2.0 > found.way_spreads[1]
    assert found.total > difference(repetition(), GOLD).total


@given(st.floats(-20.0, 20.0))
def test_an_offset_of_a_person_is_told_apart_and_is_no_part_of_the_total(offset: float) -> None:
    plain, moved = (difference(repetition() + by, GOLD) for by in (0.0, offset))
    assert moved.total == pytest.approx(plain.total, abs=1e-9)
    assert moved.rest - plain.rest == pytest.approx([offset, offset])


def test_noise_and_unlike_executions_forgive_more() -> None:
    shallow = repetition(depth=60.0)
    noisy = gold_of([execution(1)], np.array([15.0, 15.0]))
    calm = gold_of([execution(1)], NOISE)
    unlike = gold_of([execution(i, depth) for i, depth in enumerate((50, 90, 130))], NOISE)
    totals = [difference(shallow, gold).total for gold in (calm, noisy, unlike)]
    assert totals[0] > max(totals[1:])


def test_the_spread_of_a_single_execution_is_the_usual_one() -> None:
    same = np.stack([repetition()] * 3)
    gold = gold_of([same], np.zeros(2))
    # a new person differs from the mean of one person: twice the variance between people
    assert gold.spread == pytest.approx([np.sqrt(2.0) * USUAL_SPREAD] * 2)
    many = gold_of([same] * 200, np.zeros(2))
    expected = USUAL_SPREAD * np.sqrt(USUAL_EXECUTIONS / (199 + USUAL_EXECUTIONS) * 201 / 200)
    assert many.spread == pytest.approx([expected] * 2)


def test_what_is_not_known_is_left_out() -> None:
    hidden = repetition()
    hidden[:, 1] = np.nan
    found = difference(hidden, GOLD)
    assert np.isnan(found.extreme_spreads[1]) and np.isfinite(found.total)
    gold = gold_of([np.where([True, False], execution(1), np.nan)], NOISE)
    assert np.isfinite(difference(repetition(), gold).total)
    assert np.isnan(gold.spread[1])
    assert np.isnan(difference(np.full((101, 2), np.nan), GOLD).total)


def test_executions_must_fit_each_other() -> None:
    for executions in ([], [np.empty((0, 101, 2))], [execution(1), execution(1)[:, :, :1]]):
        with pytest.raises(ValueError, match="executions"):
            gold_of(executions, NOISE)
