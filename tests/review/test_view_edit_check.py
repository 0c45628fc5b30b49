"""Which edits are refused, and why, in words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.edited_sentence import MOST_LETTERS, edit_issues
from qevd_bio.feedback.quantities import is_reportable
from qevd_bio.feedback.statements import joined_sides, statement_text
from qevd_bio.feedback.style import style_of
from qevd_bio.motion.constraints import Constraint, Finding, judge
from qevd_bio.motion.measured_value import MeasuredValue
from qevd_bio.review.edit_check import check_edit
from tests.release.made_artifacts import annotation, finding

RULES = load_rules()
SHALLOW = finding()
"""Right knee flexion 72°, target 90° to 120°."""


def row(*findings: dict[str, Any], **changed: Any) -> dict[str, Any]:
    marks = {"matches_cue": True, "spoken": False}
    found = [{**one, **marks} for one in findings or (SHALLOW,)]
    return annotation("0146", 0, findings=found, **changed)


EVEN = finding(
    check="symmetry", side="l", measured=-22.0, target_low=-10.0, target_high=0.0, deviation=-12.0
)
LEAN = finding(
    measure="trunk_forward_lean", joint="trunk", side=None, measured=70.0, target_low=0.0,
    target_high=45.0, deviation=25.0, instruction="Reduce the forward lean of the trunk",
)  # fmt: skip
DEEP = finding(measured=140.0, deviation=20.0, instruction="Reduce knee flexion")


@pytest.mark.parametrize(
    ("findings", "text"),
    [
        ((SHALLOW,), "Right knee flexion 72° (target: 90°). Increase right knee flexion by 18°."),
        ((SHALLOW,), "Go deeper with your right knee!"),
        ((SHALLOW,), "Bend your right knee more"),
        ((SHALLOW,), "Lower your body more"),
        ((SHALLOW,), "Don't reduce knee flexion"),
        ((SHALLOW,), "Keep it up, that's right 💪🏽"),
        ((SHALLOW,), "Bravo 🏋🏽‍♀️"),
        ((DEEP,), "Bend your right knee less"),
        ((SHALLOW, LEAN), "Bend your right knee more and lean less forward"),
        ((EVEN,), "Bend your left knee as far as the right"),
        ((EVEN,), "Bend your left knee more"),
        ((EVEN,), "Bend your right knee less"),
        ((LEAN,), "Lift your chest"),
        ((LEAN,), "Step a little to the right"),
    ],
)
def test_an_edit_that_the_findings_support_is_taken(
    findings: tuple[dict[str, Any], ...], text: str
) -> None:
    assert check_edit(row(*findings), text) == []


@pytest.mark.parametrize(
    ("findings", "text", "why"),
    [
        (
            (SHALLOW,),
            "Right knee flexion 85° (target: 90°).",
            "no finding states 85 in this place",
        ),
        ((SHALLOW,), "Right knee flexion 72° (target: 95°).", "no finding states 95"),
        ((SHALLOW,), "Do two more", "no finding states two"),
        ((SHALLOW,), "Left knee flexion 72° (target: 90°).", "no finding states 72"),
        (
            (SHALLOW,),
            "Bend your left knee more",
            "says left, but the finding is of the right side",
        ),
        ((SHALLOW,), "More depth on the left side", "says left"),
        ((SHALLOW,), "Increase left knee flexion", "says left"),
        ((SHALLOW,), "Decrease knee flexion", "asks for less, but right knee flexion is below"),
        ((SHALLOW,), "Knee flexion should be lower", "asks for less"),
        ((SHALLOW,), "Don't increase knee flexion", "asks for less"),
        ((SHALLOW,), "Bend your right knee less", "asks for less"),
        ((SHALLOW,), "Don't go so deep", "asks for less"),
        ((SHALLOW,), "Bend less", "asks for less"),
        ((DEEP,), "Bend your knees more", "asks for more, but right knee flexion is above"),
        ((DEEP,), "Raise knee flexion a bit", "asks for more"),
        ((LEAN,), "Lean further forward", "asks for more"),
        ((EVEN,), "Bend your right knee more", "asks for more"),
        ((EVEN,), "Bend your left knee less", "asks for less"),
        ((SHALLOW,), "", "is empty"),
        ((SHALLOW,), " \u00a0 ", "is empty"),
        ((SHALLOW,), "Go deeper\nnow", "U+000A"),
        ((SHALLOW,), "Go \x1b[31mdeeper", "U+001B"),
        ((SHALLOW,), "Go \u202edeeper", "U+202E"),
        ((SHALLOW,), "Go de\u200beper", "U+200B"),
        ((SHALLOW,), "in\u200dcrease", "U+200D"),
        ((SHALLOW,), "Go \ud800", "U+D800"),
        ((SHALLOW,), "a" * (MOST_LETTERS + 1), "has 2001 characters"),
    ],
)
def test_an_edit_is_refused_with_its_reason(
    findings: tuple[dict[str, Any], ...], text: str, why: str
) -> None:
    issues = check_edit(row(*findings), text)
    assert any(why in issue for issue in issues), issues
    assert all(issue == issue.strip() and "\n" not in issue for issue in issues)


def test_a_number_of_what_was_not_measured_backs_nothing() -> None:
    unsure = finding(status="low_confidence", violated=False)
    issues = check_edit(row(unsure), "Right knee flexion 72° (target: 90°).")
    assert [issue.split(";")[1] for issue in issues] == [
        " nothing was measured for this sentence"
    ] * 2


def test_the_reason_lists_what_could_be_written() -> None:
    (issue,) = check_edit(row(), "Knee flexion 73°")
    assert "right knee flexion 72, target 90 to 120" in issue


def test_a_transition_is_not_changed() -> None:
    transition = row(is_transition=True, feedback_original="Moving on to lunges!")
    assert check_edit(transition, "Moving on to lunges!") == []
    assert "transition" in check_edit(transition, "Moving on")[0]


def violations(rule: Rule) -> Iterator[tuple[Constraint, Finding, str]]:
    """Every way in which a rule can be violated, and the instruction of the opposite way."""
    for one in rule.constraints:
        beyond = one.tolerance + (20.0 if one.unit == "deg" else 0.9)
        for value, text, other in (
            (one.target_low - beyond, one.too_low, one.too_high),
            (one.target_high + beyond, one.too_high, one.too_low),
        ):
            for side in ("r", "l") if one.side != "none" and one.check != "tempo" else (None,):
                measured = MeasuredValue(value, 0.01, "measured", "")
                found = judge(one, measured, side=side, frame=0, frame_s=0.0)
                if text and is_reportable(found):
                    yield one, found, other


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_no_sentence_of_a_rule_is_refused(rule: Rule) -> None:
    for _, found, _ in violations(rule):
        for policy in ("evidence", "paper"):
            sentence = statement_text((found,), style_of(rule, policy, None))
            assert edit_issues("x", sentence, [found], groups=rule.cue_groups) == []


def test_the_opposite_instruction_of_a_rule_is_refused() -> None:
    asked = [
        (other, edit_issues("x", other, [found], groups=rule.cue_groups))
        for rule in RULES.values()
        for one, found, other in violations(rule)
        if other and other != found.instruction
    ]
    refused = [text for text, issues in asked if issues]
    assert len(asked) > 400
    # the rest says in which way to move, not how much: "bring the shoulders over the hands"
    assert len(refused) > 0.9 * len(asked)


@st.composite
def checked_cycles(draw: st.DrawFn) -> tuple[Rule, list[Finding]]:
    """A rule, and its constraints checked on a cycle with any values."""
    rule = RULES[draw(st.sampled_from(sorted(RULES)))]
    lead = draw(st.sampled_from(["r", "l"]))
    found = []
    for one in rule.constraints:
        sides = {"none": (None,), "both": ("r", "l")}.get(one.side, (lead,))
        sides = (lead,) if one.check == "symmetry" else sides
        reach = 40.0 if one.unit == "deg" else 2.0
        for side in (None,) if one.check == "tempo" else sides:
            value = draw(st.floats(one.target_low - reach, one.target_high + reach))
            measured = MeasuredValue(value, draw(st.floats(0.0, 5.0)), "measured", "")
            judged = judge(one, measured, side=side, frame=0, frame_s=0.0)
            if judged.instruction or not judged.violated:
                found.append(judged)
    return rule, found


@given(checked_cycles(), st.permutations(range(20)), st.sampled_from([None, "a", "b"]))
def test_no_generated_sentence_is_refused(
    checked: tuple[Rule, list[Finding]], order: list[int], seed: str | None
) -> None:
    """Whatever else was found on the cycle: a symmetry beside one side, top beside bottom."""
    rule, found = checked
    violated = [one for one in found if is_reportable(one)]
    shuffled = [violated[i] for i in order if i < len(violated)]
    for policy in ("evidence", "paper"):
        style = style_of(rule, policy, seed)
        text = " ".join(statement_text(one, style) for one in joined_sides(shuffled)[:2])
        assert not text or edit_issues("x", text, found, groups=rule.cue_groups) == []


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text: str) -> None:
    issues = edit_issues("x", text, [])
    assert issues or text.strip()


def test_an_answer_comes_while_one_types() -> None:
    edited = row(*[finding(constraint_id=str(i)) for i in range(16)])
    text = "Right knee flexion 72° (target: 90°). Increase right knee flexion by 18°. Go deeper!"
    assert check_edit(edited, text) == []
    begin = time.process_time()
    for _ in range(10):
        check_edit(edited, text)
    assert (time.process_time() - begin) / 10 < 0.02
