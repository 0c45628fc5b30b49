"""The report of a run about exercises without a rule."""

from __future__ import annotations

from pathlib import Path

from qevd_bio.exercises.load import load_rules
from qevd_bio.stages.sessions import load_sessions
from tests.pipeline.sessions_made import record, write_root


def spoken(first: str, second: str):
    return [
        (5, f"First up are {first}!", 12, True),
        (150, "Sink deeper", 20, False),
        (220, f"Moving on to {second}!", 12, True),
        (300, "Sink deeper", 20, False),
        (400, "That's it for today!", 12, True),
    ]


def test_names_that_differ_in_case_or_number_count_as_one(tmp_path: Path) -> None:
    records = [
        record("0001", spoken("squats", "thrusters")),
        record("0002", spoken("zorbing", "Thruster")),
    ]
    sessions = load_sessions(write_root(tmp_path, records), load_rules())
    assert list(sessions.without_rule(sessions.by_id).items()) == [
        ("thrusters", 2),
        ("zorbing", 1),
    ]
    assert sessions.without_rule(["0001"]) == {"thrusters": 1}
    assert sessions.without_rule([]) == {}


def test_a_name_that_is_only_spelled_like_another_is_reported(tmp_path: Path) -> None:
    records = [record("0001", spoken("squats", "jump jacks"))]
    sessions = load_sessions(write_root(tmp_path, records), load_rules())
    taken = {one.exercise_text: rule.id for one in sessions.by_id["0001"].segments
             for rule in [sessions.by_id["0001"].rules[one.index]]}  # fmt: skip
    assert taken == {"squats": "squat", "jump jacks": "jumping_jack"}
    assert sessions.taken_names(sessions.by_id) == {"jump jacks": "Jumping jack"}
