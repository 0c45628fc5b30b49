"""Spoken names find their rule; unknown ones find none."""

from __future__ import annotations

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.names import match_name, named_match, rule_for, rule_named

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


# The names the released code accepts for the 23 types, sided stretches apart, toe touchers too.
RELEASED = {
    "squat": ["squat", "squats"],
    "pushup": ["pushup", "pushups", "push up", "push ups"],
    "jumping_jack": ["jumping jack", "jumping jacks"],
    "high_knees": ["high knees", "knees up", "knees to waist", "get those knees"],
    "squat_jumps": ["squat jump", "squat jumps", "jumping squat", "jump squat"],
    "mountain_climbers": ["mountain climber", "mountain climbers", "mountain climbing"],
    "butt_kickers": ["butt kicker", "butt kickers", "heel kick", "heel kicks"],
    "walking_lunges": ["walking lunge", "walking lunges", "lunge walk", "forward lunge"],
    "plank_taps": ["plank tap", "plank taps", "shoulder tap", "shoulder taps"],
    "quick_feet": ["quick feet", "fast feet", "quick step", "rapid feet"],
    "air_jump_rope": ["air jump rope", "jump rope", "rope jumps"],
    "good_mornings": ["good morning", "good mornings", "good morning beginner"],
    "moving_plank": ["moving plank"],
    "lunge_jumps": ["lunge jumps", "jumping lunges"],
    "puddle_jumps": ["puddle jumps"],
    "floor_touches": ["floor touches", "toe touches", "toe touchers"],
    "squat_kicks": ["squat kicks"],
    "standing_kicks": ["standing kicks"],
    "boxing_squat_punches": ["boxing squat punches", "boxing punches"],
    "deltoid_stretch_right": ["deltoid stretch right", "armcrosschest right"],
    "deltoid_stretch_left": ["deltoid stretch left", "armcrosschest left"],
    "quad_stretch_right": ["quad stretch right"],
    "quad_stretch_left": ["quad stretch left"],
    "shoulder_gators": ["shoulder gators"],
}
# Names of QEVD's fine-grained labels that mean one of these exercises.
LABELS = {
    "mountain_climbers": ["mountain-climbers"],
    "floor_touches": ["floor touches"],
    "high_knees": ["high knees"],
    "jumping_jack": ["jumping jacks"],
    "quick_feet": ["quick feet"],
    "pushup": ["pushups"],
    "walking_lunges": ["alternating forward lunges"],
    "lunge_jumps": ["jumping lunges"],
    "air_jump_rope": ["air jump rope"],
    "moving_plank": ["moving plank"],
    "squat": ["squats"],
    "plank": ["high plank", "elbow plank"],
    "quad_stretch_right": ["quad stretch (right)"],
    "good_mornings": ["good morning"],
    "plank_taps": ["plank taps"],
    "lateral_lunge": ["alternating lateral lunge"],
    "knee_pushup": ["pushups (on knees)"],
    "high_knees_march": ["high knees march"],
    "split_squat_right": ["lunges (right leg out in front)"],
}
SPOKEN = [
    (name, rule_id)
    for table in (RELEASED, LABELS)
    for rule_id, names in table.items()
    for name in names
]


@pytest.mark.parametrize("text, rule_id", SPOKEN, ids=[f"{n} is {r}" for n, r in SPOKEN])
def test_names_of_the_release_and_of_the_labels_resolve_however_they_are_written(text, rule_id):
    """In the release `jumping_jacks` finds no detector and `squats!` nothing at all."""
    for written in (text, text.title() + "!", text.replace(" ", "_"), text.replace(" ", "-")):
        found = rule_for(written, RULES)
        assert found is not None and found.id == rule_id, written


@pytest.mark.parametrize("rule_id", list(RULES))
def test_an_exercise_answers_to_its_id_and_title(rule_id):
    for text in (rule_id, RULES[rule_id].title):
        assert rule_for(text, RULES) is RULES[rule_id]


@pytest.mark.parametrize(
    "text, rule_id",
    [
        ("deltoid stretch", "deltoid_stretch"),
        ("armcrosschest", "deltoid_stretch"),
        ("quad stretch", "quad_stretch"),
    ],
)
def test_a_stretch_without_a_side_is_no_stretch_of_the_right_side(text, rule_id):
    """In the release the bare name means the right side."""
    found = rule_for(text, RULES)
    assert found is not None and found.id == rule_id
    assert found.kind == "hold" and found.representative.side == "max"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "jacks",
        "jumps",
        "plank jacks",
        "side plank",
        "knee raises",
        "pushups (on one knee)",
        "lunges (right arm out in front)",
        "squat holds",
        "stretch right",
    ],
)
def test_another_exercise_finds_none(text):
    assert rule_for(text, RULES) is None
    assert match_name(text, RULES) is None


@pytest.mark.parametrize(
    "text, rule_id, name",
    [
        ("jump jacks", "jumping_jack", "Jumping jack"),
        ("jumpingjacks", "jumping_jack", "Jumping jack"),
        ("jumping jakcs", "jumping_jack", None),
        ("jumpin jacks", "jumping_jack", "Jumping jack"),
        ("starjumps", "jumping_jack", "star jumps"),
        ("lunegs", "walking_lunges", "lunges"),
        ("walking lunging", "walking_lunges", "Walking lunge"),
        ("mountian climbers", "mountain_climbers", "Mountain climbers"),
        ("biceps crul", "biceps_curl", None),
        ("squatts", "squat", "squat"),
        ("high nees", "high_knees", None),
        ("glut bridge", "glute_bridge", "Glute bridge"),
        ("tricep dipps", "bench_dip", None),
    ],
)
def test_another_spelling_says_what_was_taken(text, rule_id, name):
    found = match_name(text, RULES)
    if name is None:
        assert found is None, "a short word has no typo"
        return
    assert found is not None and not found.is_exact
    assert (found.rule.id, found.name.lower()) == (rule_id, name.lower())


def test_an_exact_name_is_taken_as_it_is():
    for text in ("press ups", "Star jumps!", "plank"):
        found = match_name(text, RULES)
        assert found is not None and found.is_exact and found.rule is rule_for(text, RULES)


def test_every_name_of_a_rule_is_near_no_other_rule():
    for rule in RULES.values():
        others = {key: one for key, one in RULES.items() if key != rule.id}
        for name in rule.names:
            assert match_name(name, others) is None, name


def test_a_spelling_between_two_rules_is_taken_for_neither():
    from dataclasses import replace

    one = replace(RULES["squat"], id="one", title="sumo pulse", aliases=())
    other = replace(RULES["squat"], id="other", title="sumo purse", aliases=())
    assert match_name("sumo pulses", {"one": one, "other": other}).rule is one
    assert match_name("sumo pusse", {"one": one, "other": other}) is None
    assert match_name("sumo puzse", {"one": one, "other": other}) is None


def test_a_spelling_that_is_near_is_taken_and_told() -> None:
    found = named_match("starjumps", RULES, where="--exercise")
    assert found.taken_for("starjumps") == "'starjumps' was taken for Jumping jack"
    assert named_match("star jumps", RULES, where="--exercise").taken_for("star jumps") == ""
    with pytest.raises(UsageError, match="'jumping_jack'"):
        rule_named("starjumps", RULES, where="--exercise")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("curls", "biceps_curl"),
        ("dips", "bench_dip"),
        ("side plank", "plank"),
        ("zorbing", "squat"),
    ],
)
def test_an_unknown_name_is_refused_with_what_may_be_meant(text: str, asked: str) -> None:
    with pytest.raises(UsageError, match=rf"no exercise '{text}'.*\b{asked}\b"):
        named_match(text, RULES, where="--exercise")
