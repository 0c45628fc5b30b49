"""Kinds of utterance: sentences made up in the style of trainers, then real ones."""

from __future__ import annotations

import csv
import json
import time
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.annotate.kind_examples import kind_examples
from qevd_bio.feedback.kinds import kind_of, read_lexicon
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
    assert kind.name == name
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


CONFUSABLE = {
    "Lower your hips": "corrective",
    "Place your hands behind your head": "instructional",
    "If that is too hard, rest on your forearms": "instructional",
    "The lower you go, the more your glutes work": "informational",
    "Let's switch over to lunges": "transition",
    "Let's go a bit lower": "corrective",
    "Twenty seconds of rest": "transition",
    "Twenty seconds of this left": "counting",
    "Does anything hurt?": "other",
    "Let me move the camera": "other",
    "Good depth": "motivational",
    "That's it, chest up": "corrective",
    "Nice and slow": "corrective",
    "Great job, nice and slow": "motivational",
    "Keep your core tight": "corrective",
    "You've got this": "motivational",
    "Halfway there": "motivational",
    "Halfway through the set": "counting",
    "Ten seconds left": "counting",
    "Take a break": "transition",
    "Get back at it": "transition",
    "Keep the pace up": "corrective",
    "Don't slow down": "motivational",
    "Don't rush": "corrective",
    "Two more inches down": "corrective",
    "Hold for ten more seconds": "counting",
    "Bend to 90 degrees": "corrective",
    "I like how straight your back is": "motivational",
    "Your back is straight": "motivational",
    "Your back is rounding": "corrective",
    "You should feel this in your quads": "informational",
    "You should bend your knees": "corrective",
}


@pytest.mark.parametrize(("text", "name"), CONFUSABLE.items(), ids=str)
def test_confusable_sentences(text, name):
    assert kind_of(text, is_transition=False).name == name


@pytest.mark.parametrize(
    "text",
    [
        "DON’T LEAN FORWARD",
        "don't  lean\tforward",
        "💪💪 Don’t lean forward 🔥",
        "Great job don't lean forward",
        "Great job—don’t lean forward",
        "Great job \u2013 don`t lean forward, don't",
        "“Don't lean forward!”",
        "don\u2019t\u00a0lean\u00a0forward\u200b",
    ],
    ids=repr,
)
def test_spelling_and_typography_change_no_kind(text):
    assert kind_of(text, is_transition=False).name == "corrective"


@pytest.mark.parametrize(
    "text",
    [
        "keep your ",
        "a",
        "don't ",
        "too ",
        "1 ",
        "good ",
        "now and ",
        "is ",
        "x!",
        "nice & ",
        "knees ",
    ],
    ids=repr,
)
def test_long_text_is_decided_in_linear_time(text):
    def seconds(length):
        start = time.process_time()
        kind_of((text * length)[:length], is_transition=False)
        return time.process_time() - start

    seconds(100)
    assert seconds(10_000) < 1.0
    assert seconds(40_000) < 10 * max(seconds(10_000), 0.02)


def test_every_written_sentence_has_a_kind_that_is_mostly_the_judged_one():
    pairs = [
        (one.kind, kind_of(one.sentence, is_transition=False).name)
        for one in kind_examples().sentences
    ]
    assert len(pairs) >= 500
    assert macro_f1(pairs) >= 0.95


def test_a_lexicon_without_the_words_of_a_sentence_does_not_know_it():
    raw = load_prompt("kinds.lexicon.json")
    words = {**raw["words"], "praise": ["zzz"]}
    poorer = read_lexicon({**raw, "words": words})
    assert kind_of("Bravo", is_transition=False).name == "motivational"
    assert kind_of("Bravo", is_transition=False, lexicon=poorer).name == "other"


@pytest.mark.data
def test_comments_on_faults_are_corrective_and_on_flawless_clips_mostly_not(shared_data):
    rows = read_rows(shared_data / "egoexo_fitness" / "comments.tsv")
    faulty = [r["comment"] for r in rows if r["keypoints_marked_false"]]
    flawless = [
        r["comment"] for r in rows if not r["keypoints_marked_false"] and r["quality_1to5"] == "5"
    ]
    assert share_corrective(faulty) >= 0.95
    assert share_corrective(flawless) <= 0.35


def share_corrective(texts):
    found = [kind_of(text, is_transition=False).name for text in texts]
    return found.count("corrective") / len(found)


@pytest.mark.data
def test_every_sentence_of_the_sample_has_its_kind(shared_data):
    found = {
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
                name = next((kind for kind, known in found.items() if text in known), "corrective")
                expected = "transition" if is_transition else name
                assert kind_of(text, is_transition=is_transition).name == expected, text
                assert (kind_of(text, is_transition=False).name == "transition") == is_transition
                checked += 1
    assert checked == 33


@pytest.mark.data
def test_macro_f1_on_sentences_looked_at_while_developing(shared_data):
    rows = read_rows(shared_data / "qevd_sentences.tsv")
    names = set(MADE_UP)
    for fragments in (False, True):
        pairs = [
            (row["kind"], kind_of(row["sentence"], is_transition=False).name)
            for row in rows
            if row["kind"] in names and row["fidelity"].startswith("fragment") == fragments
        ]
        assert len(pairs) > 40
        assert macro_f1(pairs) >= 0.90


def read_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def macro_f1(pairs):
    scores = []
    for name in {true for true, _ in pairs}:
        hits = sum(true == found == name for true, found in pairs)
        wrong = sum((true == name) != (found == name) for true, found in pairs)
        scores.append(2 * hits / (2 * hits + wrong))
    return sum(scores) / len(scores)
