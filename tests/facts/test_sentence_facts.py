"""Facts are read as they were written, and from paraphrases; nothing is read that is not there."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from qevd_bio.facts.sentence_facts import Fact, facts_of
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import (
    SENTENCES,
    amount_text,
    decimals_of,
    is_too_low,
    measure_family,
    rounded,
)
from qevd_bio.feedback.statements import evidence_text, fault_limits, form, spoken
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import Finding
from tests.evaluation.planted import STYLES, sentence, statements

OTHER = {"r": "l", "l": "r"}
CHECKS = {"static": "static", "symmetry": "symmetry"}
Said = tuple[str, str, str | None, float | None, str | None, float | None, bool, str]


def said(fact: Fact) -> Said:
    has_target = fact.target is not None
    numbers = (fact.value, fact.direction, fact.amount)
    return (fact.quantity, fact.check, fact.side, *numbers, has_target, fact.phase)


def expected(one: Finding, statement: tuple[Finding, ...], policy: str) -> Said:
    """What a sentence says of a finding, from the finding itself."""
    family, check, decimals = measure_family(one), CHECKS.get(one.check, "value"), None
    decimals = decimals_of(statement)
    value, side = float(rounded(one.measured or 0.0, decimals)), one.side
    direction = None if check == "static" else "more" if is_too_low(one) else "less"
    if check == "symmetry" and (one.measured or 0) > 0:
        side, direction = OTHER[side or "r"], {"more": "less", "less": "more"}[direction or ""]
    written = amount_text(one, decimals)
    amount = None if check == "static" else float(written.split("°")[0].split(" ")[0])
    is_short = policy == "paper" and family == "trunk_forward_lean" and check != "static"
    phase = "" if is_short else one.phase
    shown = abs(value) if check == "symmetry" else value
    return (family, check, side, shown, direction, amount, not is_short, phase)


@pytest.mark.parametrize(
    ("style", "knows_rule"),
    list(zip(STYLES, (True, False, True, False), strict=True)),
    ids=["plain", "variant 1", "variant 2", "paper"],
)
def test_every_sentence_of_every_rule_is_read_as_it_was_meant(style, knows_rule):
    wrong = []
    for rule, statement in statements():
        text = sentence(rule, statement, style)
        read = [said(one) for one in facts_of(text, rule.id if knows_rule else None)]
        said_of = spoken(statement)
        meant = [expected(one, said_of, style[0]) for one in said_of]
        if read != meant:
            wrong.append((text, read, meant))
    assert not wrong, wrong[0]


def test_the_styles_use_every_wording():
    prompt = load_prompt(SENTENCES)
    for name, others in prompt["variants"].items():
        used = {form(name, Style(policy, seed)) for policy, seed in STYLES}
        assert used == {prompt["forms"][name], *others}


def test_what_was_measured_is_read_from_evidence_and_no_limit_of_a_fault():
    wrong = []
    for rule, statement in statements():
        within = [replace(one, violated=False) for one in statement]
        text = f"{evidence_text(within)} ({fault_limits(within)})"
        read = [said(one)[:4] for one in facts_of(text, rule.id)]
        meant = [expected(one, spoken(statement), "evidence")[:4] for one in spoken(statement)]
        if read != meant:
            wrong.append((text, read, meant))
    assert not wrong, wrong[0]


OF_BOTH = [
    ("knee_flexion", "value", "r", 85, "more", 5, True, "bottom"),
    ("knee_flexion", "value", "l", 80, "more", 10, True, "bottom"),
]
HIPS = [
    ("hip_flexion", "static", "r", 22, None, None, True, ""),
    ("hip_flexion", "static", "l", 29, None, None, True, ""),
]
LINE = ("body_line", "value", None, 205, "less", 15, True, "bottom")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Measured knee flexion: right 85°, left 80° (target: 90°). Increase knee flexion by 5°"
         " (right) and 10° (left) in the bottom phase.", OF_BOTH),
        ("Knee flexion measured at right 85°, left 80° (target: 90°). Increase knee flexion by 5°"
         " (right) and 10° (left) in the bottom phase.", OF_BOTH),
        ("Hip angle variance right 22°, left 29° (target: < 5°). Hold the hips still.", HIPS),
        ("Measured hip angle variance: right 22°, left 29° (target: < 5°). Hold the hips still.",
         HIPS),
        ("Shoulder-hip-ankle angle 205° (target: < 190°). Reduce shoulder-hip-ankle angle by 15°"
         " in the bottom phase.", [LINE]),
    ],
)  # fmt: skip
def test_sentences_of_version_4_are_read(text, facts):
    assert [said(one) for one in facts_of(text, "squat")] == facts


def test_targets_are_read_with_their_bound():
    def targets(text):
        return [(one.target_low, one.target_high) for one in facts_of(text)]

    assert targets("Knee flexion 85° (target: 90°).") == [(90, 90)]
    assert targets("Knee flexion 85° (target: 90-100°).") == [(90, 100)]
    assert targets("Trunk forward lean 40° (target: -10 to 30°).") == [(-10, 30)]
    assert targets("Hip angle variance 8° (target: < 5°).") == [(None, 5)]
    assert targets("Shoulder-hip-ankle line 205° (target: 170-190°).") == [(170, 190)]
    assert targets("Knee flexion 85°, target at least 90 degrees") == [(90, None)]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "Thorax forward lean 23° from vertical. Reduce thorax flexion by 8°; keep the torso"
            " upright.",
            [Fact(("trunk_forward_lean",), value=23, direction="less", amount=8)],
        ),
        ("Right knee flexion 85°, target 90°", [
            Fact(("knee_flexion",), side="r", value=85, target_low=90, target_high=90)
        ]),
        ("bend your knees 5 degrees more", [
            Fact(("knee_flexion",), direction="more", amount=5, is_named=False)
        ]),
        ("Increase your knee flexion by five degrees at the bottom.", [
            Fact(("knee_flexion",), direction="more", amount=5, phase="bottom")
        ]),
        ("Your right knee only reaches 85°, the target is 90°.", [
            Fact(("knee_flexion",), side="r", value=85, target_low=90, target_high=90,
                 is_named=False)
        ]),
        ("Knee flexion 85 (target: 90). Increase knee flexion by 5 at the bottom phase.", [
            Fact(("knee_flexion",), value=85, target_low=90, target_high=90, direction="more",
                 amount=5, phase="bottom")
        ]),
        ("You need 10° more hip flexion and 5° less knee flexion.", [
            Fact(("hip_flexion",), direction="more", amount=10),
            Fact(("knee_flexion",), direction="less", amount=5),
        ]),
        ("Increase hip flexion from 70° to 90°.", [
            Fact(("hip_flexion",), value=70, target_low=90, target_high=90, direction="more")
        ]),
        ("Left knee flexion is 12° short of the target.", [
            Fact(("knee_flexion",), side="l", direction="more", amount=12)
        ]),
        ("You're leaning forward 38 degrees, keep it below 30 degrees.", [
            Fact(("trunk_forward_lean",), value=38, target_high=30, direction="less",
                 is_named=False)
        ]),
        ("Your lumbar spine varies by 12 degrees, keep it under 5.", [
            Fact(("lumbar_flexion",), check="static", value=12, target_high=5)
        ]),
        ("Your lower back varied by 12° (right) and 14° (left), keep it under 5°.", [
            Fact(("lumbar_flexion",), check="static", side=side, value=value, target_high=5,
                 is_named=False)
            for side, value in (("r", 12), ("l", 14))
        ]),
        ("Reduce knee flexion by 5° (right) and 7° (left).", [
            Fact(("knee_flexion",), side="r", direction="less", amount=5),
            Fact(("knee_flexion",), side="l", direction="less", amount=7),
        ]),
        ("Knee flexion: a fault from 72°", [Fact(("knee_flexion",))]),
        ("Slow down: 1.2 seconds per repetition, take at least 2 seconds.", [
            Fact(("tempo",), value=1.2, target_low=2, direction="more", unit="s", is_named=False)
        ]),
        ("Right hip flexion is 20° less than the left.", [
            Fact(("hip_flexion",), check="symmetry", side="r", value=20)
        ]),
        ("Left hip flexion is 20° more than the right.", [
            Fact(("hip_flexion",), check="symmetry", side="r", value=20)
        ]),
        ("Don't bend your knees so much, reduce knee flexion by 10°.", [
            Fact(("knee_flexion",), direction="less", amount=10)
        ]),
        ("Go 5° deeper so that your knee flexion gets to 90°.", [
            Fact(("knee_flexion",), target_low=90, target_high=90, direction="more", amount=5)
        ]),
        ("Keep your trunk within 15° of vertical.", [
            Fact(("trunk_forward_lean",), target_high=15, is_named=False)
        ]),
        ("Knee flexion is 85° on the right and 83° on the left side (target: 90°).", [
            Fact(("knee_flexion",), side=side, value=value, target_low=90, target_high=90)
            for side, value in (("r", 85), ("l", 83))
        ]),
        ("Knee flexion: R: 85.5°, L: 83,25°", [
            Fact(("knee_flexion",), side=side, value=value)
            for side, value in (("r", 85.5), ("l", 83.25))
        ]),
        ("Your right knee is at 85°, your left at 83°.", [
            Fact(("knee_flexion",), side=side, value=value, is_named=False)
            for side, value in (("r", 85), ("l", 83))
        ]),
        ("Increase right knee flexion by 5° and left knee flexion by 7°.", [
            Fact(("knee_flexion",), side=side, direction="more", amount=amount)
            for side, amount in (("r", 5), ("l", 7))
        ]),
        ("Reduce hip flexion by 5° and knee flexion by 7°.", [
            Fact(("hip_flexion",), direction="less", amount=5),
            Fact(("knee_flexion",), direction="less", amount=7),
        ]),
        ("Trunk forward lean of minus ten degrees.", [
            Fact(("trunk_forward_lean",), value=-10)
        ]),
        ("Hip flexion −10.5° (target: −5 to 0°).", [
            Fact(("hip_flexion",), value=-10.5, target_low=-5, target_high=0)
        ]),
        ("Knee flexion one hundred and five degrees (target: a hundred degrees).", [
            Fact(("knee_flexion",), value=105, target_low=100, target_high=100)
        ]),
        ("Knee flexion four point five degrees.", [Fact(("knee_flexion",), value=4.5)]),
        ("Knee flexion between 80° and 85° (target: 90-100°).", [
            Fact(("knee_flexion",), target_low=90, target_high=100)
        ]),
        ("Knee flexion 85 (target: 90-100).", [
            Fact(("knee_flexion",), value=85, target_low=90, target_high=100)
        ]),
        ("Stance width 1.5x hip width (target: 1.0-1.3x).", [
            Fact(("stance_width",), value=1.5, target_low=1.0, target_high=1.3, unit="ratio")
        ]),
        ("Keep knee flexion <= 90°, you are at 95°.", [
            Fact(("knee_flexion",), value=95, target_high=90)
        ]),
        ("Both knees reach 85°.", [Fact(("knee_flexion",), value=85, is_named=False)]),
        ("Right knee flexion 85°, left knee flexion 83° (target: 90°).", [
            Fact(("knee_flexion",), side=side, value=value, target_low=90, target_high=90)
            for side, value in (("r", 85), ("l", 83))
        ]),
        ("Keep your knee flexion below 90°.", [Fact(("knee_flexion",), target_high=90)]),
        ("Knee flexion must not exceed 90 degrees.", [Fact(("knee_flexion",), target_high=90)]),
        *((text, [Fact(("knee_flexion",), value=85, target_low=90, target_high=90)]) for text in (
            "Knee flexion 85° → 90°.",
            "Knee flexion 85°->90°",
            "Knee flexion 85° vs. 90°.",
            "Knee flexion: 85° (90° expected).",
            "Your knee flexion is 85°, 90° is the target.",
        )),
        ("Increase knee flexion by 5-10°.", [
            Fact(("knee_flexion",), direction="more", amount=10)
        ]),
        ("Knee flexion dropped 5° below the 90° target.", [
            Fact(("knee_flexion",), target_low=90, target_high=90, direction="more", amount=5)
        ]),
        ("Do 3 sets of 10 reps with knee flexion 85°.", [Fact(("knee_flexion",), value=85)]),
        ("At 12.5 s knee flexion was 85°.", [Fact(("knee_flexion",), value=85)]),
        ("Shift your weight to the left, knee flexion 85°.", [Fact(("knee_flexion",), value=85)]),
        ("Both knees at 80°, 10° short.", [
            Fact(("knee_flexion",), value=80, direction="more", amount=10, is_named=False)
        ]),
        ("Great job, keep it up!", []),
        ("5 more reps!", []),
        ("First up are squats!", []),
        ("85° 90° target: < 5", []),
        ("", []),
    ],
)  # fmt: skip
def test_paraphrases(text, facts):
    assert list(facts_of(text, "squat")) == facts


def test_what_is_said_twice_is_one_fact():
    once = "Knee flexion 85° (target: 90°)."
    assert facts_of(" ".join([once] * 40)) == facts_of(once)


def test_any_text_is_read_in_a_moment():
    for piece in (
        "knee flexion ",
        "5° ",
        "target: ",
        "by 5° (right) and ",
        "9",
        "½ ",
        "\x00",
        "between 5 and ",
    ):
        begun = time.process_time()
        assert len(facts_of(piece * 5000)) <= 400
        assert time.process_time() - begun < 3, piece  # half a second; digits once took thirty


def test_a_pose_state_names_degrees_of_freedom_and_no_quantity_twice():
    text = (
        "Pose state: right knee flexion 7°, right hip flexion 8°, right hip adduction -8°,"
        " left hip internal rotation -1°. Violations: Left knee flexion 56° (target: 90°)."
    )
    assert [(one.quantity, one.side, one.value) for one in facts_of(text, "squat")] == [
        ("knee_flexion", "r", 7),
        ("hip_flexion", "r", 8),
        ("hip_adduction", "r", -8),
        ("hip_rotation", "l", -1),
        ("knee_flexion", "l", 56),
    ]
