"""Moments around what was said: bounded, inside the segment, before the words first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.annotate.moments import LEAST_GAP_S, moments_s

seconds = st.floats(0.0, 60.0)


def test_first_comes_what_was_seen_just_before_each_utterance() -> None:
    assert moments_s(0.0, 30.0, [10.0, 20.0], 2) == (9.5, 19.5)
    assert moments_s(0.0, 30.0, [10.0, 20.0], 6) == (8.0, 9.5, 11.0, 18.0, 19.5, 21.0)


def test_what_is_left_is_spread_over_the_segment() -> None:
    chosen = moments_s(0.0, 40.0, [10.0], 7)
    assert set(chosen) >= {8.0, 9.5, 11.0} and len(chosen) == 7
    assert max(np.diff([0.0, *chosen, 40.0])) < 20.0


def test_without_words_the_moments_are_even() -> None:
    assert moments_s(0.0, 8.0, [], 4) == (1.0, 3.0, 5.0, 7.0)


def test_of_too_many_utterances_an_even_choice_is_taken() -> None:
    chosen = moments_s(0.0, 100.0, list(range(1, 100)), 4)
    assert len(chosen) == 4 and min(np.diff(chosen)) > 15.0


@given(seconds, seconds, st.lists(seconds, max_size=30), st.integers(1, 32))
def test_moments_are_bounded_ordered_apart_and_inside(
    start: float, length: float, said: list[float], count: int
) -> None:
    end = start + length
    chosen = moments_s(start, end, said, count)
    assert 1 <= len(chosen) <= count
    assert all(start <= one <= end for one in chosen)
    assert all(b - a >= LEAST_GAP_S - 1e-9 for a, b in pairwise(chosen))


@pytest.mark.parametrize("said", [[0.2], [29.9]])
def test_words_at_an_end_look_no_further_than_the_segment(said: list[float]) -> None:
    assert all(0.0 <= one <= 30.0 for one in moments_s(0.0, 30.0, said, 8))
