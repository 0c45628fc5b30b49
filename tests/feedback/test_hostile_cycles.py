"""Cycles with many, contradictory and missing findings of every rule: what is said of them."""

from __future__ import annotations

import random
import re

import pytest

from qevd_bio.exercises.load import load_rules
from qevd_bio.feedback.finding_choice import independent_statements, is_same_fault
from qevd_bio.feedback.keep_or_rewrite import rewrite
from qevd_bio.feedback.kinds import Kind
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.feedback.style import style_of
from qevd_bio.motion.constraints import Constraint, Finding, judge
from qevd_bio.motion.measured_value import MeasuredValue
from qevd_bio.motion.repetitions.cycles import Cycle
from tests.feedback.made_findings import finding, hip, knee, still

RULES = load_rules()
CYCLE = Cycle(kind="cycle", start=0, key=15, end=30, start_s=0, key_s=0.5, end_s=1, side=None)
CORRECTIVE = Kind("corrective", 1.0, "test")
CUES = (
    "Go deeper",
    "Don't go so low",
    "Keep your back straight",
    "Keep your shoulders, hips and ankles in a straight line",
    "Your left arm isn't going as far as your right",
    "Keep it even on both sides",
    "Hold steady",
    "Watch your form",
    "Shrug your shoulders less",
    "Slow down, bend your left knee more and raise your arms",
)
STYLES = (("evidence", None), ("evidence", "8"), ("evidence", "10"), ("paper", None))
SCALE = {"deg": 1.0, "ratio": 0.03, "s": 0.06}


def measured(one: Constraint, draw: random.Random) -> MeasuredValue:
    """Draw a value: too low, too high, on target, or none."""
    where = draw.choice(["low", "high", "high", "on target", "none"])
    if where == "none":
        return MeasuredValue(None, None, draw.choice(["unmeasurable", "low_confidence"]), "noise")
    scale = SCALE[one.unit]
    beyond = one.tolerance + draw.uniform(2.0, 40.0) * scale
    value = draw.uniform(one.target_low, one.target_high)
    if where == "low" or (where == "high" and one.check == "symmetry"):
        value = (
            max(one.target_low - beyond, 0.0)
            if one.check == "static"
            else (one.target_low - beyond)
        )
    elif where == "high":
        value = one.target_high + beyond
    return MeasuredValue(value, draw.choice([0.5, 3.0, 12.0]) * scale, "measured", "")


def made(name: str, draw: random.Random) -> list[Finding]:
    """All findings of a rule, of both sides, up to four times over."""
    found = []
    for one in RULES[name].constraints * draw.choice([1, 4]):
        sides = ("r", "l") if one.side != "none" and one.check != "symmetry" else ("r",)
        for side in (None,) if one.side == "none" else sides:
            found.append(judge(one, measured(one, draw), side=side, frame=0, frame_s=0.5))
    return found


@pytest.mark.parametrize("name", sorted(RULES))
def test_what_is_said_is_true_short_and_told_once(name):
    draw = random.Random(name)
    for cue in CUES:
        findings = made(name, draw)
        for policy, seed in STYLES:
            rule = RULES[name]
            row = rewrite(cue, CORRECTIVE, rule, CYCLE, findings, (), style_of(rule, policy, seed))
            if row.status != "rewritten":
                assert row.feedback == cue
                assert policy == "evidence" or not any(one.violated for one in findings)
                continue
            assert unbacked_numbers(row.feedback, row.chosen) == [], row.feedback
            assert not re.search(r"\b(?:slightly|a little)\b[^.;]*\bby \d", row.feedback)
            assert not re.search(r"\bthis (?:right|left)\b|  |\.\.", row.feedback)
            faults = [one for one in row.chosen if one.violated and one.check != "symmetry"]
            pairs = [(a, b) for a in faults for b in faults if a.side == b.side and a is not b]
            assert not any(is_same_fault(a, b) for a, b in pairs), row.feedback
            assert len({(one.constraint_id, one.phase) for one in row.chosen}) <= 2


def said(text, findings, name="squat", policy="evidence"):
    rule = RULES[name]
    return rewrite(text, CORRECTIVE, rule, CYCLE, findings, (), style_of(rule, policy))


def tempo(measured_s):
    return finding(
        constraint_id="tempo", measure="tempo", joint="tempo", check="tempo", phase="", unit="s",
        measured=measured_s, target_low=1.0, target_high=5.0, tolerance=0.2, sigma=0.0,
        instruction="Speed up the repetition",
    )  # fmt: skip


def line(phase):
    return finding(
        constraint_id=f"line_{phase}", measure="body_line", joint="body", phase=phase,
        measured=210.0, target_low=170.0, target_high=190.0, instruction="Lift the hips",
    )  # fmt: skip


def test_words_about_form_get_form_before_tempo():
    assert said("Watch your form", [tempo(9.0), knee(80.0)]).chosen[0].measure == "knee_flexion"
    assert said("Watch your form", [tempo(9.0), knee(95.0)]).chosen[0].check == "tempo"
    assert said("Raise your toes", [tempo(9.0), knee(80.0)], policy="paper").chosen[0].check == (
        "dynamic"
    )


def test_one_position_at_two_phases_is_one_fault():
    row = said("Keep your body straight, hips up", [line("low"), line("high")], "moving_plank")
    assert len(row.chosen) == 1


def test_a_joint_in_a_wrong_position_is_told_before_its_unsteadiness():
    moving = still("hip_flexion", "hip", 20.0, "Stabilize the hip position")
    assert said("Watch your form", [moving, hip(60.0)]).chosen[0].check == "dynamic"
    assert said("Hold steady", [moving, hip(60.0)], "plank").chosen[0].check == "static"


def test_the_line_from_shoulders_to_ankles_is_a_straight_line():
    for words in (
        "Keep your shoulders, hips and ankles in a straight line",
        "Shoulders, hips, and heels in one line",
    ):
        assert said(words, [line("low")], "pushup").chosen[0].measure == "body_line"


def test_paper_prefers_the_part_and_the_side_that_words_name():
    arm = finding(
        measure="elbow_flexion", joint="elbow", measured=86.0, instruction="Increase elbow flexion"
    )
    assert said("Shrug less", [knee(40.0), arm], policy="paper").chosen[0].joint == "elbow"
    low = [hip(60.0, side="r"), finding(measure="ankle_dorsiflexion", joint="ankle", side="l")]
    row = said("Bend your left knee more", low, policy="paper")
    assert row.chosen[0].side == "l"


@pytest.mark.parametrize(
    ("joint", "instruction", "said_of_right"),
    [
        ("shoulder", "Lower the arms to the sides", "Lower the right arm to the side at"),
        ("shoulder", "Raise the upper arm", "Raise the right upper arm at"),
        ("knee", "Hold the leg up", "Hold the right leg up at"),
        ("shoulder", "Raise the opposite arm", "Raise the right arm at"),
        ("hip", "Lift this hip", "Lift the right hip at"),
        ("elbow", "Bend the kicking elbow slightly", "Bend the kicking right elbow at"),
        ("shoulder", "Bring the arms apart", "Bring the arms apart on the right side at"),
    ],
)
def test_an_instruction_names_the_limb_of_one_side(joint, instruction, said_of_right):
    one = finding(measure="knee_flexion", side="r", joint=joint, instruction=instruction)
    assert said_of_right in said("Bend your right knee more", [one]).feedback


def test_an_unsteady_arm_does_not_come_from_where_the_other_one_is():
    unsteady = still("shoulder_elevation", "shoulder", 40.0, "Keep the upper arm still", side="l")
    raised = {"constraint_id": "up", "measure": "shoulder_elevation", "joint": "shoulder",
              "measured": 30.0, "target_low": 0.0, "target_high": 20.0}  # fmt: skip
    right, left = (finding(**raised, side=side) for side in "rl")

    def told(*findings: Finding) -> set[tuple[str | None, str]]:
        return {(one.side, one.check) for said in independent_statements(findings) for one in said}

    assert ("l", "static") in told(unsteady, right), "the left arm moves; only the right is high"
    assert told(unsteady, left) == {("l", "dynamic")}
