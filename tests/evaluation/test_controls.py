"""Speakers that understand nothing, and what is said of a figure that they reach."""

from __future__ import annotations

import pytest

from qevd_bio.evaluation.controls import (
    best_interval_s,
    interval_speaker,
    most_frequent_sentence,
    silent,
)
from qevd_bio.evaluation.figures import figures
from qevd_bio.evaluation.pairs import SegmentKey
from qevd_bio.evaluation.rouge_l import rouge_l
from qevd_bio.evaluation.score_page import score_page, score_rows
from qevd_bio.evaluation.score_report import ScoreReport, System, score_report
from tests.evaluation.made_references import reference, sessions

# Spoken to every seven seconds, most often with the same words.
TRAIN = sessions(4, (7.0 + 100, "Go lower"), (14.0 + 100, "Go lower"), (21.0 + 100, "Nice"))
OTHER = {SegmentKey("9000", 0): reference([(104.0, "Hold")], text="plank")}
ASKED = {**sessions(3, (107.0, "Go lower"), (114.0, "Back straight")), **OTHER}


def test_the_interval_is_the_one_of_the_training_sentences() -> None:
    assert best_interval_s(TRAIN) == 7


def test_sentences_of_the_exercise_are_said_in_turn() -> None:
    said = interval_speaker(TRAIN, ASKED, 7)
    assert [(one.time_s, one.text) for one in said[SegmentKey("0000", 0)]] == [
        (107.0, "Go lower"), (114.0, "Nice"), (121.0, "Go lower"), (128.0, "Nice"),
    ]  # fmt: skip
    unseen = said[SegmentKey("9000", 0)]
    assert [one.text for one in unseen] == ["Go lower", "Nice", "Go lower", "Nice"]
    assert {
        one.text for one in most_frequent_sentence(TRAIN, ASKED, 7)[SegmentKey("0000", 0)]
    } == {"Go lower"}


@pytest.fixture(scope="module")
def report() -> ScoreReport:
    perfect = {key: one.true.utterances for key, one in ASKED.items()}
    one_right = {key: said[:1] for key, said in perfect.items() if key.video_id != "9000"}
    systems = [
        System("ours", one_right, about="a test"),
        System("perfect <b>", perfect),
        System("silent", silent(ASKED), is_control=True),
        System("interval", interval_speaker(TRAIN, ASKED, 7), is_control=True),
    ]
    texts = {"rouge_l": rouge_l}
    return score_report(
        ASKED, systems, figures(tuple(texts)), texts,
        about={"release": "1.0.0"}, not_computed={"BERTScore": "no model given"}, draws=200,
    )  # fmt: skip


def test_a_figure_that_a_control_reaches_is_named(report: ScoreReport) -> None:
    ours, perfect, quiet, interval = report.systems
    assert ours.reached_by["strict_recall"] == ("interval",)
    assert ours.reached_by["strict_precision"] == ()
    assert not any(perfect.reached_by.values())
    assert not any((*quiet.reached_by.values(), *interval.reached_by.values()))
    assert ours.unanswered == 1 and ours.sentences == 3


def test_exercises_have_their_own_figures(report: ScoreReport) -> None:
    ours = report.systems[0].by_exercise
    assert set(ours) == {"squats", "plank"}
    assert ours["squats"]["strict_recall"].value == 0.5
    assert ours["plank"]["strict_recall"].value == 0.0
    reached = report.systems[0].reached_by_exercise
    assert reached["squats"]["strict_t_f"] == ("interval",)
    assert reached["plank"]["strict_t_f"] == ("silent", "interval")
    assert ours["plank"]["strict_recall"].interval is None, "one session tells no spread"


def test_the_first_system_is_compared_with_each_other(report: ScoreReport) -> None:
    assert set(report.differences) == {"perfect <b>", "silent", "interval"}
    assert report.differences["silent"]["strict_t_f"].value == pytest.approx(2 * 3 / (7 + 3))


def test_the_page_shows_it_and_names_are_escaped(report: ScoreReport) -> None:
    page = score_page(report)
    assert "perfect &lt;b&gt;" in page and "<b>" not in page
    assert "reached by interval" in page and "BERTScore: not computed, no model given" in page
    head, ours, *_ = score_rows(report)
    assert ours[head.index("strict recall")] == "0.429*"
    assert ours[head.index("strict precision")] == "1.000"
