"""The checker itself: it must catch what it is there for."""

from __future__ import annotations

import pytest
from made_findings import finding, lean

from qevd_bio.feedback.numbers import unbacked_numbers


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        pytest.param("Knee flexion 85° (target: 90°), by 5°.", [], id="all backed"),
        pytest.param("Knee flexion 86° (target: 90°).", ["86"], id="wrong measured"),
        pytest.param("Increase by 6°.", ["6"], id="wrong amount"),
        pytest.param("Knee flexion 84.9°.", ["84.9"], id="false precision"),
        pytest.param("Knee flexion 85.2°, x2 faster", ["2"], id="glued to a letter"),
        pytest.param("target: 85-95°", ["95"], id="range"),
        pytest.param("Do 10 more.", ["10"], id="repetitions"),
        pytest.param("Knee flexion -85°", ["-85"], id="wrong sign"),
        pytest.param("Good form!", [], id="no number"),
    ],
)
def test_numbers_without_a_finding_are_caught(text, caught):
    assert unbacked_numbers(text, [finding(measured=85.2)]) == caught


def test_negative_bounds_are_numbers_too():
    assert unbacked_numbers("(target: -10 to 15°)", [lean(23.0)]) == []
    assert unbacked_numbers("(target: 10 to 15°)", [lean(23.0)]) == ["10"]


def test_nothing_backs_a_number_without_findings():
    assert unbacked_numbers("85° and 5", []) == ["85", "5"]
