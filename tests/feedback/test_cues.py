"""Cues: the subject of trainers' words, exercise by exercise."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sentences import judged_cues
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.feedback.cues import Cue, cue_groups, cues_of, is_general
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.skeleton.measures import CATALOGUE

GOLDEN = Path(__file__).parents[1] / "golden" / "feedback"
SQUAT_DEPTH = ("knee_flexion", "hip_flexion")
RULES = load_rules()


def cues_in(text: str, exercise: str) -> tuple[Cue, ...]:
    rule = RULES[exercise]
    return cues_of(text, groups=rule.cue_groups, phases=rule.phases)


@pytest.mark.parametrize(
    ("exercise", "text", "first_measure", "direction", "about"),
    [
        ("pushup", "lower your body more", "elbow_flexion", "more", "depth"),
        ("squat", "lower your body more", "knee_flexion", "more", "depth"),
        ("squat", "Go deeper on the squat", "knee_flexion", "more", "depth"),
        ("squat", "drop your hips", "knee_flexion", "more", "depth"),
        ("plank", "drop your hips", "body_line", "more", "depth"),
        ("squat", "You're not going low enough", "knee_flexion", "more", "depth"),
        ("squat", "Don't go so low", "knee_flexion", "less", "depth"),
        ("squat", "That's too deep", "knee_flexion", "less", "depth"),
        ("squat", "Your squats are too shallow", "knee_flexion", "more", "depth"),
        ("squat", "Keep your back straight", "lumbar_flexion", None, "straight"),
        ("squat", "Keep your lower back flat", "lumbar_flexion", None, "straight"),
        ("pushup", "Keep your body in a straight line", "body_line", None, "straight"),
        ("plank", "Don't let your hips sag", "body_line", "less", "straight"),
        ("pushup", "Your hips are too high", "body_line", "more", "straight"),
        ("plank", "Hold steady", "hip_flexion", "still", "stillness"),
        ("squat", "Tighten your core!", "lumbar_flexion", "still", "core"),
        ("jumping_jack", "Raise those arms all the way up", "shoulder_elevation", "more", "reach"),
        ("squat", "Your stance is too narrow!", "stance_width", "more", "width"),
        ("squat", "Your stance is too wide!", "stance_width", "less", "width"),
        ("squat", "Feet a bit wider", "stance_width", "more", "width"),
        ("jumping_jack", "Don't bring your feet so close", "hip_abduction", "more", "width"),
        ("walking_lunges", "Don’t lean forward", "trunk_forward_lean", "less", "lean"),
        ("squat", "Lean forward a bit more", "trunk_forward_lean", "more", "lean"),
        ("squat", "Don't forget to keep your chest up", "trunk_forward_lean", "less", "lean"),
        ("squat", "Slow it down...", "tempo", "more", "tempo"),
        ("squat", "Don't rush", "tempo", "more", "tempo"),
        ("plank", "Your knees are bent", "knee_flexion", None, "flexion"),
        ("plank", "Keep your knees bent", "knee_flexion", "more", "flexion"),
        ("squat", "Your upper body is tilted forward", "trunk_forward_lean", "less", "lean"),
        ("squat", "very wide", "stance_width", "less", "width"),
        ("quick_feet", "You're lifting your feet too high", "hip_flexion", "less", "height"),
        ("quick_feet", "You're not lifting your feet", "hip_flexion", "more", "height"),
        ("plank", "You're looking up", "head_flexion", "more", "head"),
        ("squat", "You're going too fast", "tempo", "more", "tempo"),
        ("squat", "Looking good but let's pick up the pace", "tempo", "less", "tempo"),
        ("squat", "Push your knees out", "knee_valgus", "less", "knee line"),
        ("high_knees", "Raise your knees", "hip_flexion", "more", "height"),
        ("pushup", "Straighten your arms", "elbow_flexion", "less", "extension"),
        ("high_knees", "Higher!", "hip_flexion", "more", "height"),
        ("jumping_jack", "Higher!", "shoulder_elevation", "more", "height"),
        ("butt_kickers", "Higher!", "knee_flexion", "more", "height"),
        ("squat_kicks", "Not high enough", "hip_flexion", "more", "height"),
        ("squat_kicks", "Go lower", "knee_flexion", "more", "depth"),
        (
            "jumping_jack",
            "You aren't getting your arms overhead",
            "shoulder_elevation",
            "more",
            "reach",
        ),
        ("good_mornings", "Your knees are bending too much", "knee_flexion", "less", "flexion"),
        ("squat", "You're landing with locked knees", "knee_flexion", "more", "flexion"),
        ("high_knees", "Stop leaning back", "trunk_forward_lean", "more", "lean"),
        ("plank", "Your hips are creeping up", "body_line", "more", "straight"),
        ("plank", "No rocking from side to side", "hip_flexion", "still", "stillness"),
        ("squat", "The speed is a bit slow", "tempo", "less", "tempo"),
        ("squat", "You've slowed right down", "tempo", "less", "tempo"),
        ("squat", "Not fast enough", "tempo", "less", "tempo"),
        ("squat", "Slower on the way down", "tempo", "more", "tempo"),
        ("walking_lunges", "Longer steps", "thigh_split", "more", "step"),
        (
            "deltoid_stretch",
            "Pull the arm tighter",
            "shoulder_horizontal_adduction",
            "more",
            "reach",
        ),
        ("jumping_jack", "Use the full range", "shoulder_elevation", "more", "range"),
        ("squat", "Great depth, now lift your chest", "trunk_forward_lean", "less", "lean"),
        ("squat", "You should not go so deep", "knee_flexion", "less", "depth"),
        ("squat", "Make sure you don't go so low", "knee_flexion", "less", "depth"),
        ("squat", "You don't need to go that deep", "knee_flexion", "less", "depth"),
        ("squat", "It's not necessary to go that deep", "knee_flexion", "less", "depth"),
        ("squat", "You need to stop going so deep", "knee_flexion", "less", "depth"),
        ("squat", "You need to go deeper", "knee_flexion", "more", "depth"),
        ("squat", "Bend your knees less", "knee_flexion", "less", "flexion"),
        ("jumping_jack", "Raise your arms less", "shoulder_elevation", "less", "reach"),
        ("squat", "No need to slow down", "tempo", "less", "tempo"),
        ("squat", "You should not be so slow", "tempo", "less", "tempo"),
        ("squat", "Less speed please", "tempo", "more", "tempo"),
        ("squat", "Your stance doesn't need to be that wide", "stance_width", "less", "width"),
        ("squat", "Keep it even on both sides", "knee_flexion", "even", "symmetry"),
        ("mountain_climbers", "Bring your right knee further in", "hip_flexion", "more", "height"),
        ("squat", "Lower your right hand", "shoulder_elevation", "less", "reach"),
        ("squat", "Go even lower", "knee_flexion", "more", "depth"),
    ],
    ids=str,
)
def test_first_cue(exercise, text, first_measure, direction, about):
    cue = cues_in(text, exercise)[0]
    assert (cue.measures[0], cue.direction, cue.about) == (first_measure, direction, about)


def test_lower_means_knee_and_hip_in_squats_and_the_elbow_alone_in_push_ups():
    assert cues_in("lower your body", "squat")[0].measures == SQUAT_DEPTH
    assert cues_in("lower your body", "pushup")[0].measures == ("elbow_flexion",)


def test_two_clauses_give_two_cues_with_their_own_side():
    text = "Dip that back knee close to the ground and deep lunge in the front."
    assert [(c.side, c.direction) for c in cues_in(text, "walking_lunges")] == [
        ("back", "more"),
        ("front", "more"),
    ]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Bend your right elbow more", "r"),
        ("Bend your left elbow more", "l"),
        ("That's right, bend your elbows more", None),
        ("Bend your elbows right now", None),
        ("Keep your back straight", None),
    ],
    ids=str,
)
def test_sides_are_sides_only_beside_a_limb(text, side):
    assert cues_in(text, "pushup")[0].side == side


def test_the_side_named_nearest_is_meant():
    text = "Go lower with your left leg while the right leg stays straight"
    sides = [(cue.direction, cue.side) for cue in cues_in(text, "squat")]
    assert sides == [("more", "l"), ("less", "r")]


@pytest.mark.parametrize(
    ("text", "first_measure", "side"),
    [
        ("You bend your left knee more than the right", "knee_flexion", "r"),
        ("Your right arm is higher than your left", "shoulder_elevation", "l"),
        ("Your arms are not as high as the other", "shoulder_elevation", None),
        ("your left arm isn't going as far as your right", "shoulder_elevation", "l"),
        ("Your right leg is not kicking as high as the other", "hip_flexion", "r"),
        ("Bring the left knee up to match your right", "knee_flexion", "l"),
    ],
    ids=str,
)
def test_a_comparison_of_sides_asks_for_the_same_on_both(text, first_measure, side):
    (cue,) = cues_in(text, "jumping_jack")
    assert (cue.measures[0], cue.direction, cue.side) == (first_measure, "even", side)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Wrong leg, buddy!", "side"),
        ("Still waiting", "activity"),
        ("Hands at shoulder's width please", "hand place"),
        ("Remember to breathe", "breathing"),
        ("Watch your form", "form"),
    ],
    ids=str,
)
def test_subjects_that_nothing_measures(text, about):
    (cue,) = cues_in(text, "squat")
    assert (cue.about, cue.measures) == (about, ())
    assert is_general(cue) == (about == "form")


def test_a_named_joint_outranks_the_general_word():
    assert [c.about for c in cues_in("Fix your form, go deeper", "squat")] == ["depth"]


@pytest.mark.parametrize("text", ["", "What a day", "🎉", "4"], ids=repr)
def test_no_subject(text):
    assert cues_in(text, "squat") == ()


def test_every_measure_of_the_lexicon_exists():
    entries = load_prompt("cues.lexicon.json")["entries"]
    named = {name for entry in entries for names in entry["measures"].values() for name in names}
    assert named <= {sideless(name) for name in CATALOGUE} | {"tempo"}


def test_every_group_is_known_and_used():
    assert {group for rule in RULES.values() for group in rule.cue_groups} == cue_groups()


@given(st.text(max_size=200), st.sampled_from([(), ("squat",), ("kick", "squat"), ("unknown",)]))
def test_any_text_is_read(text, groups):
    for cue in cues_of(text, groups=groups):
        assert cue.direction in ("more", "less", "still", "even", None)


@pytest.mark.parametrize("text", ["lower ", "your knees ", "don't lean ", "x"], ids=repr)
def test_long_text_is_read_in_linear_time(text):
    def seconds(length):
        start = time.process_time()
        cues_of((text * length)[:length], groups=("squat",))
        return time.process_time() - start

    seconds(100)
    assert seconds(10_000) < 3.0
    assert seconds(20_000) < 5 * max(seconds(10_000), 0.05)


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("Straighten your legs at the top", "top"),
        ("Bend your knees at the bottom", "bottom"),
        ("Keep your back straight on the way down", "bottom"),
        ("Keep your back straight", ""),
    ],
)
def test_words_name_the_phase_outright(text, phase):
    assert cues_in(text, "squat")[0].phase == phase


def test_judged_cues_are_mostly_found_and_rightly():
    """Judged by hand before the cues were read; the figures are in RESULTS-language.md."""
    with (GOLDEN / "judged_cues.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    right, wrong, missed = judged_cues(rows)
    assert right / (right + wrong) >= 0.85
    assert right / (right + missed) >= 0.85


def test_every_phase_of_a_rule_is_known_to_be_above_below_or_between():
    """Only the one phase of a hold stands opposite to none."""
    phases = [phase for rule in RULES.values() for phase in rule.phases]
    assert {phase.name for phase in phases if not phase.cue_phase} == {"hold"}


@pytest.mark.parametrize(
    ("text", "exercise", "phase", "other"),
    [
        ("lower your body more", "squat_kicks", "kick", True),
        ("kick higher", "squat_kicks", "kick", False),
        ("Raise your knees", "high_knees", "top", False),
        ("Straighten your arms", "moving_plank", "low", True),
        ("Straighten your arms", "moving_plank", "high", False),
        ("Straighten your legs", "squat_jumps", "bottom", True),
    ],
)
def test_a_cue_points_at_its_own_phase_of_the_new_exercises(text, exercise, phase, other):
    assert (phase in cues_in(text, exercise)[0].other_phases) == other


@pytest.mark.parametrize(
    ("exercise", "text", "first_measure", "direction", "side"),
    [
        ("squat", "Increase the forward lean", "trunk_forward_lean", "more", None),
        ("squat", "You need more forward lean", "trunk_forward_lean", "more", None),
        ("squat", "Tilt your trunk forward more", "trunk_forward_lean", "more", None),
        ("squat", "Tilt your trunk forward less", "trunk_forward_lean", "less", None),
        ("squat", "Decrease the forward lean", "trunk_forward_lean", "less", None),
        ("squat", "Don't increase the forward lean", "trunk_forward_lean", "less", None),
        ("good_mornings", "Reduce the lean", "trunk_forward_lean", "less", None),
        ("squat", "You are leaning to the right", "trunk_side_lean", "less", "r"),
        ("squat", "Don't lean to the left", "trunk_side_lean", "more", "l"),
        ("squat", "Lean to the left less", "trunk_side_lean", "more", "l"),
        ("squat", "Lean more to the left", "trunk_side_lean", "less", "l"),
        ("squat", "Bring the knee inwards", "knee_valgus", "more", None),
        ("squat", "Move your right knee inward", "knee_valgus", "more", "r"),
        ("squat", "Don't let your knees come inwards", "knee_valgus", "less", None),
        ("squat", "Knees too far out", "knee_valgus", "more", None),
        ("mountain_climbers", "Bring your knees further in", "hip_flexion", "more", None),
        ("walking_lunges", "Reduce the bend in your back knee", "knee_flexion", "less", "back"),
        ("walking_lunges", "Increase the bend of your front knee", "knee_flexion", "more",
         "front"),
        ("squat", "Increase knee flexion", "knee_flexion", "more", None),
        ("squat", "Too much knee flexion", "knee_flexion", "less", None),
        ("squat", "Reduce your hip flexion", "hip_flexion", "less", None),
        ("squat", "Bend less at the hips", "hip_flexion", "less", None),
        ("plank", "Don't bend at the hips", "body_line", "more", None),
        ("squat", "Decrease the depth", "knee_flexion", "less", None),
        ("squat", "Don't reduce the depth", "knee_flexion", "more", None),
        ("squat", "Not so low", "knee_flexion", "less", None),
        ("squat", "Increase the width of your stance", "stance_width", "more", None),
        ("squat", "Decrease your stance width", "stance_width", "less", None),
        ("squat", "Lower the speed", "tempo", "more", None),
        ("squat", "Increase the tempo", "tempo", "less", None),
        ("pushup", "Elbows out a bit more", "shoulder_elevation", "more", None),
        ("pushup", "Drop your head", "head_flexion", "more", None),
        ("pushup", "Don't drop your head", "head_flexion", "less", None),
        ("jumping_jack", "Bring your arms all the way down", "shoulder_elevation", "less", None),
        ("high_knees", "Lower your knees a bit", "hip_flexion", "less", None),
        ("squat", "Your right goes deeper than your left", "knee_flexion", "even", "l"),
        ("squat", "Your left knee bends less than the right", "knee_flexion", "even", "l"),
    ],
    ids=str,
)  # fmt: skip
def test_verbs_of_amount_and_inward_knees(exercise, text, first_measure, direction, side):
    (cue,) = cues_in(text, exercise)
    assert (cue.measures[0], cue.direction, cue.side) == (first_measure, direction, side)


def test_a_chest_that_should_stay_down_is_not_asked_to_rise():
    assert cues_in("Keep your chest down", "squat") == ()
