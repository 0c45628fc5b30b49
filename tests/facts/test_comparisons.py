"""Comparisons are read in the forms that a language model uses; own sentences stay as they are."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from qevd_bio.facts.comparisons import plain_comparisons
from qevd_bio.facts.sentence_facts import Fact, facts_of
from qevd_bio.facts.stated_numbers import plain_text
from tests.evaluation.planted import STYLES, sentence, statements

WRITTEN = Path(__file__).parents[1] / "golden" / "facts" / "comparisons.tsv"
"""Sentences with their facts: ``check quantity side value amount low high direction``.

``-``: not stated; ``?``: not compared. Batch 1 was written before its author looked at the reader,
batch 2 after the first was read; each before the reader was changed for it.
"""
MISSED = (
    "Knee flexion is down 12° on the left compared to the right.",
    "Knee flexion on the left is 12° smaller; bend the left knee as far as the right.",
)
Detail = str | float | None


def rows() -> list[dict[str, str]]:
    with WRITTEN.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def details(fact: Fact) -> tuple[Detail, ...]:
    numbers = (fact.value, fact.amount, fact.target_low, fact.target_high)
    return (fact.check, fact.quantity, fact.side, *numbers, fact.direction)


def is_read(written: str, facts: tuple[Fact, ...]) -> bool:
    meant = [one.split() for one in written.split(";") if one.strip()]
    return len(meant) == len(facts) and all(
        is_meant(detail, word)
        for words, fact in zip(meant, facts, strict=True)
        for word, detail in zip(words, details(fact), strict=True)
    )


def is_meant(detail: Detail, word: str) -> bool:
    if word in ("?", "-"):
        return word == "?" or detail is None
    return detail == (float(word) if isinstance(detail, float) else word)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["sentence"])
def test_comparisons_are_read(row):
    facts = facts_of(row["sentence"], row["exercise"])
    assert is_read(row["facts"], facts) != (row["sentence"] in MISSED), facts


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Reduce left knee flexion by 12 degrees to match the right.",
         "value knee_flexion l - 12 - - less"),
        ("Lower your left arm by 12 degrees to match the right.",
         "value shoulder_elevation l - 12 - - -"),
        ("Straighten your left knee by 12 degrees to match the right.",
         "value knee_flexion l - 12 - - -"),
        ("Raise your right arm by 12 degrees to match the left.",
         "symmetry shoulder_elevation r 12 - - - more"),
        ("Knee flexion peaked at a maximum of 78 degrees (target: 90 to 120 degrees).",
         "value knee_flexion - 78 - 90 120 -"),
        ("Knee flexion peaked at max 78 degrees, target 90 degrees.",
         "value knee_flexion - 78 - 90 90 -"),
        ("Knee flexion reached its minimum of 20 degrees.", "value knee_flexion - 20 - - - -"),
        ("Keep your trunk forward lean at a maximum of 45 degrees.",
         "value trunk_forward_lean - - - - 45 -"),
        ("Trunk forward lean stayed below the maximum of 45 degrees.",
         "value trunk_forward_lean - - - - 45 -"),
        ("Knee flexion was 102 degrees, 12 degrees away from the target of 90.",
         "value knee_flexion - 102 12 90 90 -"),
        ("Knee flexion was 102 degrees, 12 degrees away from the target of 90 degrees.",
         "value knee_flexion - 102 12 90 90 -"),
        ("Your left arm needs to come down 12 degrees to match the right.",
         "value shoulder_elevation l 12 - - - -"),
        ("The left knee flexion was not 12 degrees but 5 degrees less than the right.",
         "symmetry knee_flexion l 5 - - - -"),
        ("Your right knee does not exceed the left by 12 degrees.", ""),
        ("There is no 14 degree difference between your right and left knees.", ""),
        ("Your left knee is no more than 5 degrees behind the right.", ""),
        ("Your left knee is not 5 degrees lower than the right.", ""),
        ("Your left knee isn't lower than your right by 5 degrees.", ""),
        ("Your left hip does not flex further than the right by 14 degrees.", ""),
        ("The left knee is less than 12 degrees apart from the right.", ""),
        ("Your knee isn't 10 degrees short of 90 degrees.", "value knee_flexion - - - 90 90 -"),
        ("Right knee flexion is not more than 12 degrees above the target.",
         "value knee_flexion r - - - - -"),
        ("Knee flexion must not exceed the target by 5 degrees.",
         "value knee_flexion - - - - - -"),
        ("Your knee flexion shouldn't exceed 90 degrees.", "value knee_flexion - - - - 90 -"),
        ("Never let your knee flexion fall below 90 degrees.",
         "value knee_flexion - - - 90 - -"),
        ("Avoid exceeding 45 degrees of trunk forward lean.",
         "value trunk_forward_lean - - - - 45 -"),
        ("Left knee flexion is 20% lower than the right.", "value knee_flexion l - - - - -"),
        ("The left side lags the right by 12 degrees in knee flexion.",
         "symmetry knee_flexion l 12 - - - -"),
    ],
)  # fmt: skip
def test_no_fact_is_read_from_what_is_denied_or_was_only_measured(text, facts):
    assert is_read(facts, facts_of(text, "squat")), facts_of(text, "squat")


@pytest.mark.parametrize("style", STYLES, ids=["plain", "variant 1", "variant 2", "paper"])
def test_own_sentences_have_one_form_already(style):
    for rule, statement in statements():
        text = plain_text(sentence(rule, statement, style))
        assert plain_comparisons(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "You exceeded 10 reps!",
        "5 more than last time",
        "Lower than that, please",
        "Your left knee 78°, your right knee 90°.",
        "Keep the right foot below the left knee.",
        "Add 2 more reps on the left",
    ],
)
def test_words_that_compare_no_measurement_stay(text):
    assert plain_comparisons(text) == text
