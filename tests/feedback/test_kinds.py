"""Kinds of utterance: sentences made up in the style of trainers, then real ones."""

from __future__ import annotations

import csv
import json
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.feedback.kinds import explain_kind, kind_of
from qevd_bio.feedback.prompt_files import load_prompt

MADE_UP = {
    "corrective": [
        "Get those knees higher!",
        "Your hips are sagging",
        "Chest up, eyes forward",
        "Nice work, but your back isn't straight",
        "This looks great but let's speed it up",
        "Keep it nice and slow",
        "You’re not low enough",
        "Arms should be fully extended",
        "Don't let your hips drop",
        "Feet a bit wider please",
        "No swinging!",
        "Slow down!",
        "Not so fast",
        "Hands at hip width please. You know how it goes!",
        "Hold it steady",
        "Almost there, just a bit lower",
        "Hey, where did you go?",
        "Your knees are going past your toes",
        "Other leg!",
        "Push your hips back",
    ],
    "motivational": [
        "Keep up the pace, superstar",
        "Great depth on those lunges!",
        "Love how straight your back is!",
        "Nice and low, beautiful!",
        "Don't give up now!",
        "Those lunges don't stand a chance",
        "That's how it's done",
        "You're getting stronger with every rep",
        "Much better!",
        "Way to keep those knees up!",
        "Keep it up with those high knees",
        "Let's go!",
        "Good speed on those taps",
        "Not bad at all",
        "Yes, that's a deep squat!",
    ],
    "counting": ["15 reps, nice!", "That's 8!", "Two more!", "ten", "7", "6, 7, 8", "Last one!"],
    "transition": ["Next up, plank!", "Let's do some lunges", "Alright, time for push-ups"],
    "instructional": [
        "Remember to breathe",
        "Switch sides",
        "Start with your feet hip width apart",
    ],
    "informational": ["This exercise targets your glutes", "Squats are great for your legs"],
    "other": ["haha", "Hello there", "", "   ", "🎉🎉", "?!"],
}


@pytest.mark.parametrize(
    ("text", "name"),
    [pytest.param(text, name, id=text) for name, texts in MADE_UP.items() for text in texts],
)
def test_made_up_sentences(text, name):
    kind = kind_of(text, is_transition=False)
    assert kind.name == name, explain_kind(text)
    assert 0.0 <= kind.confidence <= 1.0
    assert kind.source == f"rules/lexicon v{load_prompt('kinds.lexicon.json')['version']}"


def test_the_flag_of_the_data_set_decides_transitions():
    kind = kind_of("Keep your back straight", is_transition=True)
    assert (kind.name, kind.confidence) == ("transition", 1.0)
    assert "flag" in kind.source


def test_disagreeing_clauses_lower_the_confidence():
    plain = kind_of("Keep your back straight", is_transition=False)
    mixed = kind_of("Great job! Keep your back straight", is_transition=False)
    assert mixed.name == plain.name == "corrective"
    assert mixed.confidence < plain.confidence


@given(st.text(max_size=200))
def test_any_text_has_a_kind_whatever_its_case_and_quotes(text):
    kind = kind_of(text, is_transition=False)
    assert 0.0 <= kind.confidence <= 1.0


@pytest.mark.parametrize("text", ["keep your ", "a", "don't ", "too ", "1 "], ids=repr)
def test_long_text_is_decided_in_time(text):
    kind_of(text * 10_000, is_transition=False)


@pytest.mark.data
def test_every_sentence_of_the_sample_has_its_kind(shared_data):
    told = {
        "counting": {"We are at 3 reps!", "4", "Yes! Three!"},
        "motivational": {
            "Nice!",
            "Great job you're crushing it!",
            "keep it up!",
            "Good work!",
            "Keep up the hustle and great form",
            "You crushed it!",
        },
    }
    checked = 0
    for file in sorted((shared_data / "qevd_sample").glob("*/feedbacks_long_range.json")):
        for record in json.loads(file.read_text(encoding="utf-8")):
            texts = [text for text, _ in groupby(record["feedbacks"]) if text]
            for text, is_transition in zip(texts, record["is_transition"], strict=True):
                name = next((kind for kind, known in told.items() if text in known), "corrective")
                expected = "transition" if is_transition else name
                assert kind_of(text, is_transition=is_transition).name == expected, text
                assert (kind_of(text, is_transition=False).name == "transition") == is_transition
                checked += 1
    assert checked == 33


@pytest.mark.data
def test_macro_f1_on_sentences_looked_at_while_developing(shared_data):
    with (shared_data / "qevd_sentences.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    names = set(MADE_UP)
    for fragments in (False, True):
        pairs = [
            (row["kind"], kind_of(row["sentence"], is_transition=False).name)
            for row in rows
            if row["kind"] in names and row["fidelity"].startswith("fragment") == fragments
        ]
        assert len(pairs) > 40
        assert macro_f1(pairs) >= 0.90


def macro_f1(pairs):
    scores = []
    for name in {true for true, _ in pairs}:
        hits = sum(true == told == name for true, told in pairs)
        wrong = sum((true == name) != (told == name) for true, told in pairs)
        scores.append(2 * hits / (2 * hits + wrong))
    return sum(scores) / len(scores)
