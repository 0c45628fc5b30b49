"""Sentences of findings: the supplement's own, and what must hold for any finding."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.errors import DataError, RuleError
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.feedback.contexts import motion_context
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import is_reportable
from qevd_bio.feedback.statements import evidence_text, joined_sides, violation_text
from qevd_bio.feedback.style import Style
from qevd_bio.skeleton.measures import CATALOGUE
from tests.feedback.made_findings import finding, hip, knee, lean, still

NEUTRAL = "Maintain neutral spine alignment; engage the core to stabilize the lumbar region"
ALIGN = "Stabilize the hip position and maintain static alignment from the shoulders to the ankles"


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        pytest.param(
            finding(),
            "Knee flexion 85° (target: 90°). Increase knee flexion by 5° at the bottom phase.",
            id="squat",
        ),
        pytest.param(
            still("lumbar_flexion", "lumbar spine", 12.2, NEUTRAL),
            "Lumbar spine variance 12° (target: < 5°). Maintain neutral spine alignment; engage"
            " the core to stabilize the lumbar region.",
            id="push-up",
        ),
        pytest.param(
            lean(23.0),
            "Thorax forward lean 23° from vertical. Reduce thorax flexion by 8°; keep the torso"
            " upright.",
            id="lunge",
        ),
        pytest.param(
            still("hip_flexion", "hip", 8.0, ALIGN),
            "Hip angle variance 8° (target: < 5°). Stabilize the hip position and maintain static"
            " alignment from the shoulders to the ankles.",
            id="plank",
        ),
    ],
)
def test_examples_of_supplement_1_2_to_the_letter(made, sentence):
    assert violation_text((made,), Style("paper")) == sentence


def stance(measured, **changes):
    return finding(
        measure="stance_width",
        joint="stance",
        phase="",
        unit="ratio",
        measured=measured,
        target_low=1.3,
        target_high=2.0,
        tolerance=0.05,
        sigma=0.01,
        instruction="Increase stance width" if measured < 1.3 else "Reduce stance width",
        **changes,
    )


def tempo(measured, instruction="Increase the time per repetition"):
    return finding(
        constraint_id="tempo",
        measure="tempo",
        joint="tempo",
        check="tempo",
        phase="",
        unit="s",
        measured=measured,
        target_low=2.0,
        target_high=4.0,
        tolerance=0.0,
        sigma=0.0,
        instruction=instruction,
    )


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        pytest.param(
            (lean(23.0),),
            "Trunk forward lean 23° from vertical (target: < 15°). Reduce trunk forward lean by"
            " 8° at the bottom phase; keep the torso upright.",
            id="lean with its target",
        ),
        pytest.param(
            (knee(84.6, "r"), knee(82.5, "l")),
            "Knee flexion right 85°, left 83° (target: 90°). Increase knee flexion by 5° (right)"
            " and 7° (left) at the bottom phase.",
            id="both sides",
        ),
        pytest.param(
            (knee(84.4, "r"), knee(85.6, "l")),
            "Knee flexion 85° (target: 90°). Increase knee flexion by 5° at the bottom phase.",
            id="sides that noise does not part",
        ),
        pytest.param(
            (knee(130.0, "l"),),
            "Left knee flexion 130° (target: < 120°). Reduce left knee flexion by 10° at the"
            " bottom phase.",
            id="one side too high",
        ),
        pytest.param(
            (knee(80.0, "r", instruction="Sit deeper"),),
            "Right knee flexion 80° (target: 90°). Sit deeper on the right side at the bottom"
            " phase: increase knee flexion by 10°.",
            id="instruction without amount or joint",
        ),
        pytest.param(
            (
                knee(
                    70.0,
                    "l",
                    joint="front knee",
                    instruction="Increase knee flexion of the front leg; sit lower",
                ),
            ),
            "Left knee flexion 70° (target: 90°). Increase left knee flexion of the front leg by"
            " 20° at the bottom phase; sit lower.",
            id="leading leg",
        ),
        pytest.param(
            (stance(1.08),),
            "Stance width 1.1 x hip width (target: 1.3 x). Increase stance width by 0.2 x hip"
            " width.",
            id="ratio",
        ),
        pytest.param(
            (tempo(1.2),),
            "Tempo 1.2 s per repetition (target: 2-4 s). Increase the time per repetition by"
            " 0.8 s.",
            id="tempo too fast",
        ),
        pytest.param(
            (tempo(5.0, "Reduce the time per repetition; keep it fluid"),),
            "Tempo 5.0 s per repetition (target: 2-4 s). Reduce the time per repetition by 1.0 s;"
            " keep it fluid.",
            id="tempo too slow",
        ),
        pytest.param(
            (finding(measured=89.6, tolerance=0.0, sigma=0.0),),
            "Knee flexion 89.6° (target: 90°). Increase knee flexion by 0.4° at the bottom phase.",
            id="more decimals where the whole degrees would hide the fault",
        ),
        pytest.param(
            (finding(measured=80.0, target_low=92.5, target_high=None),),
            "Knee flexion 80.0° (target: 92.5°). Increase knee flexion by 12.5° at the bottom"
            " phase.",
            id="target with a decimal, open above",
        ),
        pytest.param(
            (
                still("hip_flexion_r", "hip", 18.0, ALIGN, side="r"),
                still("hip_flexion_l", "hip", 7.0, ALIGN, side="l"),
            ),
            f"Hip angle varies by 18° (right) and 7° (left) (target: < 5°). {ALIGN}.",
            id="both sides not still",
        ),
    ],
)
def test_forms(statement, sentence):
    assert violation_text(statement) == sentence


def test_a_height_named_after_a_limb_gets_no_side():
    low = finding(
        measure="shoulder_elevation",
        joint="shoulder",
        side="r",
        instruction="Raise the arm to shoulder height",
    )
    assert "Raise the right arm to shoulder height at" in violation_text((low,))


@pytest.mark.parametrize(
    ("violations", "groups"),
    [
        pytest.param([knee(80, "l"), knee(82, "r")], [["r", "l"]], id="same direction"),
        pytest.param([knee(80, "l"), knee(130, "r")], [["l"], ["r"]], id="opposite directions"),
        pytest.param([knee(80, "r"), hip(60)], [["r"], [None]], id="two measures"),
        pytest.param([knee(80, "r"), knee(80, "l", phase="top")], [["r"], ["l"]], id="two phases"),
        pytest.param(
            [knee(80, "r"), knee(82, "r"), knee(84, "l")], [["r", "l"], ["r"]], id="side twice"
        ),
    ],
)
def test_sides_share_a_statement_only_for_the_same_violation(violations, groups):
    assert [[f.side for f in group] for group in joined_sides(violations)] == groups


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        pytest.param(finding(instruction="Reduce knee flexion"), "opposite", id="low, reduce"),
        pytest.param(
            finding(measured=99.0, instruction="Increase knee flexion"),
            "opposite",
            id="high, increase",
        ),
        pytest.param(finding(measured=90.0), "without a violation", id="on target"),
        pytest.param(finding(measure="toe_curl"), "has no words", id="unknown measure"),
        pytest.param(finding(unit="rad"), "unknown unit", id="unknown unit"),
        pytest.param(finding(target_low=90.123), "cannot be written", id="unwritable target"),
    ],
)
def test_faulty_rules_are_named(made, cause):
    with pytest.raises(RuleError, match=cause):
        violation_text((made,))


def test_a_measured_finding_without_number_is_an_error():
    with pytest.raises(DataError, match="the number is nan"):
        evidence_text([finding(measured=math.nan)])


MEASURES = sorted({sideless(name) for name in CATALOGUE} - {"stance_width"})
BOUNDS = st.integers(-180, 180).map(float) | st.integers(-1800, 1800).map(lambda n: n / 10)


@st.composite
def findings_of_any_kind(draw, *, side=None):
    bounds = sorted([draw(BOUNDS), draw(BOUNDS)])
    beyond = draw(st.floats(0.001, 150.0))
    too_low = draw(st.booleans())
    check = draw(st.sampled_from(["dynamic", "static"]))
    if check == "static":
        too_low, bounds = False, [0.0, abs(bounds[1])]
    verb = "Increase" if too_low else "Reduce"
    measure = draw(st.sampled_from(MEASURES))
    side = side or draw(st.sampled_from([None, "r", "l"]))
    return finding(
        measure=f"{measure}_{side}" if side else measure,
        joint=measure.split("_")[0],
        side=side,
        check=check,
        phase="" if check == "static" else draw(st.sampled_from(["bottom", "top", ""])),
        measured=bounds[0] - beyond if too_low else bounds[1] + beyond,
        target_low=bounds[0],
        target_high=bounds[1],
        tolerance=0.0,
        sigma=0.0,
        instruction="Hold still" if check == "static" else f"{verb} it; with care",
    )


@given(st.lists(findings_of_any_kind(), min_size=1, max_size=5))
def test_no_number_is_invented(made):
    for text in (motion_context(made, ()), evidence_text(made)):
        assert unbacked_numbers(text, made) == []
    for statement in joined_sides([f for f in made if is_reportable(f)]):
        for policy in ("evidence", "paper"):
            assert unbacked_numbers(violation_text(statement, Style(policy)), statement) == []


@given(findings_of_any_kind())
def test_increase_stands_only_below_the_target(made):
    if not is_reportable(made):
        return
    text = violation_text((made,))
    assert ("Increase" in text) == (made.measured < made.target_low)
    assert ("Reduce" in text) == (made.check == "dynamic" and made.measured > made.target_high)


@given(findings_of_any_kind(side="r"))
def test_the_side_is_named_and_no_column_name_appears(made):
    if is_reportable(made):
        text = violation_text((made,))
        assert text.startswith("Right ")
        assert "left" not in text
        assert "_" not in text


@given(st.floats(20.0, 89.0), st.integers(90, 120))
def test_written_numbers_add_up(measured, target):
    made = finding(measured=measured, target_low=float(target), target_high=None, tolerance=0.0)
    if not made.violated:
        return
    value, bound, amount = map(float, re.findall(r"\d+(?:\.\d+)?", violation_text((made,))))
    assert value + amount == pytest.approx(bound, abs=1e-9)


@pytest.mark.parametrize("rule", load_rules().values(), ids=list(load_rules()))
@pytest.mark.parametrize("beyond", [-7.3, 7.3], ids=["too low", "too high"])
def test_every_constraint_of_a_shipped_rule_has_a_sentence_in_both_directions(rule, beyond):
    for constraint in rule.constraints:
        if beyond > 0 or constraint.check != "static":
            for side in ("r", None):
                check_sentence(constraint, beyond, side)


def check_sentence(constraint, beyond, side):
    value = (constraint.target_low if beyond < 0 else constraint.target_high) + (
        beyond + math.copysign(constraint.tolerance, beyond)
    )
    made = finding(
        constraint_id=constraint.id,
        measure=f"{constraint.measure}_{side}" if side else constraint.measure,
        joint=constraint.joint,
        side=side,
        check=constraint.check,
        phase=constraint.phase,
        measured=value,
        target_low=constraint.target_low,
        target_high=constraint.target_high,
        unit=constraint.unit,
        tolerance=constraint.tolerance,
        sigma=0.0,
        instruction=constraint.too_low if beyond < 0 else constraint.too_high,
    )
    where = f"{constraint.id}, side {side}"
    assert made.violated, where
    for policy in ("evidence", "paper"):
        text = violation_text((made,), Style(policy))
        assert unbacked_numbers(text, [made]) == [], where
        assert "_" not in text, where
        assert "  " not in text, where
        assert text.endswith("."), where
        way = "increase" if beyond < 0 else "reduce"
        if constraint.check != "static":
            sized = re.search(rf"\b{way} [a-z -]+ by \d", text.casefold())
            assert sized, f"no size: {where}"
            phase = {"throughout": "during the repetition"}.get(constraint.phase, constraint.phase)
            is_said = constraint.check == "tempo" or policy == "paper" or phase in text
            assert is_said, where
        assert ("right" in text.casefold().split()) == (side == "r"), where


def test_every_measure_of_the_catalogue_has_words():
    assert {sideless(name) for name in CATALOGUE} <= set(
        load_prompt("sentences.json")["quantities"]
    )
