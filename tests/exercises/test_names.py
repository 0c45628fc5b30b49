"""Spoken names find their rule; unknown ones find none."""

from __future__ import annotations

import pytest

from qevd_bio.exercises.names import rule_for
from qevd_bio.exercises.rule import load_rules

RULES = load_rules()


@pytest.mark.parametrize(
    "text, rule_id",
    [
        ("squats", "squat"),
        ("Squat", "squat"),
        ("pushups", "pushup"),
        ("push ups", "pushup"),
        ("Push-ups!", "pushup"),
        ("jumping jacks", "jumping_jack"),
        ("jumping_jacks", "jumping_jack"),
        ("  Jumping   Jack ", "jumping_jack"),
        ("walking lunges", "walking_lunges"),
        ("walking lunge", "walking_lunges"),
        ("plank", "plank"),
        ("Plank.", "plank"),
    ],
)
def test_a_name_finds_its_rule(text, rule_id):
    found = rule_for(text, RULES)
    assert found is not None and found.id == rule_id


@pytest.mark.parametrize(
    "text",
    ["", "!", "squat jumps", "jump squats", "plank taps", "moving plank", "lunge jumps", "jacks"],
)
def test_another_exercise_finds_none(text):
    assert rule_for(text, RULES) is None
