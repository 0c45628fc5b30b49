"""Judges that are scripted: what is reported of a good one, a careless one and a silent one."""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import mean

import pytest

from qevd_bio.errors import DataError
from qevd_bio.evaluation.human_verdicts import HumanJudged
from qevd_bio.evaluation.judge_controls import controls_of
from qevd_bio.evaluation.judge_report import judge_report
from qevd_bio.evaluation.judging import SCHEMA, JudgeConfig, judged_rows
from qevd_bio.evaluation.pairs import Pair
from qevd_bio.facts.sentence_facts import facts_of
from qevd_bio.llm.chat import Answer
from qevd_bio.tables.parquet import rows_table

TRUE = [
    f"{quantity} {value}° (target: 90°). Increase {quantity.lower()} by {90 - value}°."
    for quantity in ("Knee flexion", "Hip flexion", "Elbow flexion", "Shoulder elevation")
    for value in (60, 65, 70)
]
PAIRS = [
    Pair(f"v{i // 3}_{i}:0", f"v{i // 3}", "squat", "matched", text, TRUE[(i + i % 2) % len(TRUE)])
    for i, text in enumerate(TRUE)
] + [Pair("v0_0:1", "v0", "squat", "missed", "Good job!", "")]
CONTROLS = controls_of(PAIRS, seed=0)
STRICT = JudgeConfig()


def good(true: str, predicted: str, repeat: int) -> str:
    """5 for the same text, 3 for the same quantity, 1 for another."""
    if true == predicted:
        return "{'score': 5}"
    return "{'score': 3}" if true.split()[:2] == predicted.split()[:2] else "{'score': 1}"


class Judge:
    """Answers by a function of the two texts and the repeat."""

    def __init__(self, say: Callable[[str, str, int], str]):
        self.say = say

    def ask(self, requests):
        for request in requests:
            shown = request.messages[1].text
            found = re.search(r"context:\n(.*)\n.*feedback:\n(.*)\n", shown)
            yield Answer(request, "answered", self.say(found[1], found[2], request.repeat))


def report_of(say, config=STRICT, **given):
    rows = judged_rows(Judge(say), config, PAIRS, CONTROLS, given.pop("humans", ()))
    rows_table(rows, SCHEMA)
    return judge_report(rows, config, **given)


def test_the_figure_of_a_judge_that_passes():
    found = report_of(good)
    scores = [
        5 if one.true == one.predicted else 3 if "Knee" in one.true else 1 for one in PAIRS[:2]
    ]
    assert scores == [5, 3]
    want = [int(good(one.true, one.predicted, 0)[10]) for one in PAIRS if one.kind == "matched"]
    assert found.passed and found.mean == pytest.approx(mean(want))
    assert found.bounds == (found.mean, found.mean)
    assert (found.pairs, found.scored_pairs, found.answers, found.unscored) == (12, 12, 36, 0)
    assert found.spread == 0.0 and found.unequal == 0.0
    low, high = found.interval
    assert low < found.mean < high and found.sessions == 4
    assert report_of(good) == found, "the same seed gives the same table"


@pytest.mark.parametrize(
    ("say", "failed"),
    [
        (lambda *_: "{'score': 5}", {"other", "number"}),
        (lambda *_: "{'score': 1}", {"identical", "number"}),
        (lambda *_: "I like it", {"identical", "other", "number"}),
        (
            lambda true, predicted, _: (
                "{'score': 5}" if true.split()[0] == predicted.split()[0] else "{'score': 1}"
            ),
            {"number"},
        ),
    ],
    ids=["always 5", "always 1", "never a score", "blind to numbers"],
)
def test_the_figure_of_a_judge_that_fails_a_control_is_withheld(say, failed):
    found = report_of(say)
    assert {one.name for one in found.controls if one.is_required and not one.passed} == failed
    assert not found.passed and found.mean is None and found.interval is None


def test_a_judge_that_obeys_the_text_is_shown_up_and_keeps_its_figure():
    def obedient(true, predicted, repeat):
        return "{'score': 5}" if "5" in predicted and "°" not in predicted else good(
            true, predicted, repeat
        )  # fmt: skip

    by_name = {one.name: one for one in report_of(obedient).controls}
    assert (by_name["instruction"].right, by_name["instruction"].total) == (0, 5)
    found, honest = report_of(obedient), report_of(good)
    assert found.passed and found.mean == honest.mean
    assert all(one.passed for one in honest.controls)


def test_unscored_answers_are_counted_and_not_averaged():
    def silent(true, predicted, repeat):
        """No score for pairs about the elbow; once in three for those about the hip."""
        is_pair = true != predicted and "100" not in predicted and "95" not in predicted
        if is_pair and "Elbow" in true and "Elbow" in predicted:
            return "no score"
        if is_pair and "Hip" in true and "Hip" in predicted and repeat == 1:
            return "{'score': 9}"
        return good(true, predicted, repeat)

    whole, found = report_of(good), report_of(silent)
    silent_pairs = [p for p in PAIRS[:12] if p.true != p.predicted and "Elbow" in p.true
                    and "Elbow" in p.predicted]  # fmt: skip
    assert silent_pairs and found.pairs - found.scored_pairs == len(silent_pairs)
    assert found.unscored > 3 * len(silent_pairs)
    assert found.unscored_share == found.unscored / 36
    assert sum(found.unscored_for.values()) == found.unscored
    kept = [int(good(p.true, p.predicted, 0)[10]) for p in PAIRS[:12] if p not in silent_pairs]
    assert found.mean == pytest.approx(mean(kept))
    missing = len(silent_pairs)
    assert found.bounds[0] == pytest.approx((sum(kept) + missing) / 12)
    assert found.bounds[1] == pytest.approx((sum(kept) + 5 * missing) / 12)
    assert found.bounds[0] < whole.mean < found.bounds[1]
    assert found.unequal > 0


def test_repeats_that_differ_are_a_spread():
    def wavering(true, predicted, repeat):
        return good(true, predicted, repeat) if true == predicted or repeat else "{'score': 2}"

    found = report_of(wavering)
    assert found.spread == pytest.approx(0.5 / 3**0.5) and found.unequal == 0.5


def test_the_paper_mode_asks_once_and_reports_no_spread():
    found = report_of(good, JudgeConfig(mode="paper"))
    assert found.answers == 12 and found.spread is None and found.unequal is None


def test_agreement_with_people():
    humans = [
        HumanJudged(f"v:{i}", "v", text, text if score == 5 else TRUE[i - 1], score)
        for i, (text, score) in enumerate(
            zip(TRUE, (5, 1, 5, 5, 3, 1, 5, 1, 1, 5, 3, 3), strict=True)
        )
    ]
    found = report_of(good, humans=humans).human
    assert found.items == 12 and 0.3 < found.kappa < 1.0
    assert report_of(lambda *_: "no", humans=humans).human == type(found)(None, 0)


def test_agreement_with_another_judge():
    other = judged_rows(Judge(good), STRICT, PAIRS, CONTROLS)
    assert report_of(good, other=other).other_judge.kappa == 1.0

    def contrary(true, predicted, repeat):
        return f"{{'score': {6 - int(good(true, predicted, repeat)[10])}}}"

    found = report_of(contrary, other=other).other_judge
    assert found.items == 12 and found.kappa < 0
    with pytest.raises(DataError, match="none of these pairs"):
        report_of(good, other=[{**row, "predicted": "something else"} for row in other])


def test_controls():
    assert controls_of(PAIRS, seed=0) == CONTROLS
    assert controls_of(PAIRS, seed=1) != CONTROLS
    texts = {one.true for one in PAIRS}
    for one in CONTROLS:
        assert one.true in texts
        if one.name == "instruction":
            assert not facts_of(one.predicted)
        if one.name == "other":
            assert one.predicted.split()[0] != one.true.split()[0]
        if one.name == "number":
            value = int(re.search(r"\d+", one.true)[0])
            assert one.predicted == one.true.replace(f"{value}°", f"{value + 30}°", 1)


def test_truths_of_one_quantity_are_controlled_by_the_examples():
    pairs = [
        Pair(f"v{i}_0:0", f"v{i}", "squat", "matched", text, text)
        for i, text in enumerate(
            f"Knee flexion {value}° (target: 90°)." for value in range(60, 80)
        )
    ]
    controls = controls_of(pairs, seed=0)
    others = [one for one in controls if one.name == "other"]
    assert len(others) == 20 and not any("Knee" in one.predicted for one in others)
    found = judge_report(judged_rows(Judge(good), STRICT, pairs, controls), STRICT)
    assert found.passed and found.mean == 5.0


def test_truths_without_numbers_get_the_examples_of_the_supplement():
    pairs = [
        Pair(f"v_{i}:0", "v", None, "matched", text, "ok")
        for i, text in enumerate(("Good job!", "Lower your body more", "Keep your back straight"))
    ]
    names = [one.name for one in controls_of(pairs, seed=0)]
    assert names.count("number") == 4 and names.count("identical") == 7
    assert names.count("other") >= 5
