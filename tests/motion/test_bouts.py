"""Sets as a trainer counts them: repetitions without a rest."""

from __future__ import annotations

from qevd_bio.motion.repetitions.bouts import set_numbers
from qevd_bio.motion.repetitions.cycles import Cycle


def cycles(*starts_s: float, lasting_s: float = 2.0) -> list[Cycle]:
    return [
        Cycle("cycle", 0, 1, 2, at, at + lasting_s / 2, at + lasting_s, None) for at in starts_s
    ]


def test_a_rest_divides_sets_and_a_breath_does_not() -> None:
    assert set_numbers(cycles(0, 2, 4, 11, 13)) == [1] * 5
    assert set_numbers(cycles(0, 2, 4, 30, 32, 70)) == [1, 1, 1, 2, 2, 3]


def test_slow_repetitions_take_longer_breaths() -> None:
    assert set_numbers(cycles(0, 20, lasting_s=8.0)) == [1, 1]
    assert set_numbers(cycles(0, 20, lasting_s=2.0)) == [1, 2]


def test_nothing_is_no_set() -> None:
    assert set_numbers([]) == []
