"""Form errors of a set, without a trainer's words."""

from __future__ import annotations

from qevd_bio.feedback.form_errors import form_errors
from qevd_bio.feedback.style import Style
from tests.feedback.made_findings import finding

LEAN = {
    "constraint_id": "lean",
    "measure": "trunk_forward_lean",
    "joint": "trunk",
    "target_low": -10.0,
    "target_high": 45.0,
    "instruction": "Decrease forward lean",
}


def test_the_error_with_the_largest_sum_comes_first() -> None:
    cycles = [
        [finding(measured=80.0), finding(**LEAN, measured=50.0)],
        [finding(measured=75.0), finding(**LEAN, measured=40.0)],
        [finding(measured=70.0), finding(**LEAN, measured=44.0)],
    ]
    knee, lean = form_errors(cycles, Style())
    assert knee.repetitions == (0, 1, 2) and knee.checked == 3
    assert lean.repetitions == (0,) and lean.checked == 3
    assert knee.severity > lean.severity
    # the repetition of middle severity speaks
    assert knee.shown_in == 1 and "75°" in knee.text


def test_what_is_not_measured_with_confidence_is_not_told() -> None:
    unsure = finding(measured=40.0, status="low_confidence", reason="nobody is seen well")
    assert form_errors([[unsure], [unsure]], Style()) == ()


def test_opposite_deviations_are_two_errors() -> None:
    too_deep = finding(measured=130.0, target_high=120.0, instruction="Decrease knee flexion")
    found = form_errors([[finding(measured=70.0, target_high=120.0)], [too_deep]], Style())
    assert [one.repetitions for one in found] == [(0,), (1,)]


def test_sides_that_noise_tells_apart_are_two_errors() -> None:
    cycles = [[finding(side="r", measured=70.0)], [finding(side="l", measured=70.0)]]
    right, left = form_errors(cycles, Style())
    assert "right" in right.text.lower() and "left" in left.text.lower()
    assert right.checked == left.checked == 1
