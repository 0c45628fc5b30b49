"""Figures from sums, their intervals over sessions, and tests between two systems."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.evaluation.figures import differences, figures, values
from qevd_bio.evaluation.pairs import TrueSegment
from qevd_bio.evaluation.rouge_l import rouge_l
from qevd_bio.evaluation.segment_scores import count_segment
from tests.evaluation.made_references import spoken

TEXTS = {"rouge_l": rouge_l}
FIGURES = figures(("rouge_l",))
TRUE = TrueSegment(
    "squat",
    spoken(
        (1.0, "Knee flexion 85° (target: 90°)."),
        (5.0, "Nice work"),
        (9.0, "Knee flexion 70° (target: 90°)."),
    ),
)


def sums(*sessions: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array([one[name] for one in sessions]) for name in sessions[0]}


def figure(name: str, *sessions: dict[str, float]) -> float | None:
    return values(sums(*sessions), FIGURES, draws=10)[name].value


def test_a_perfect_system_reaches_one_and_silence_nothing() -> None:
    perfect = count_segment(TRUE, TRUE.utterances, TEXTS)
    silent = count_segment(TRUE, (), TEXTS)
    for one in FIGURES:
        assert figure(one.name, perfect) == pytest.approx(1.0), one.name
    assert figure("t_f", silent) == figure("strict_rouge_l", silent) == 0.0
    assert figure("rouge_l", silent) is None, "FitCoach averages over pairs, and there are none"
    assert figure("facts_recall", silent) == 0.0 and figure("facts_precision", silent) is None


def test_silence_costs_recall_in_strict_figures_alone() -> None:
    one_said = count_segment(TRUE, TRUE.utterances[:1], TEXTS)
    assert figure("rouge_l", one_said) == 1.0
    assert figure("strict_precision", one_said) == 1.0
    assert figure("strict_recall", one_said) == pytest.approx(1 / 3)
    assert figure("strict_rouge_l", one_said) == pytest.approx(2 / (3 + 1))


def test_chatter_costs_precision() -> None:
    chatter = spoken(*((0.5 * k, "Nice work") for k in range(40)))
    counts = count_segment(TRUE, chatter, TEXTS)
    assert figure("strict_recall", counts) == 1.0
    assert figure("strict_precision", counts) == pytest.approx(3 / 40)
    # FitCoach matches from both sides: 13 pairs of one sentence are not counted thrice.
    assert counts["matched_true"] == 3 and counts["matched_predicted"] == 3


def test_a_wrong_number_costs_a_detail() -> None:
    wrong = spoken((1.0, "Knee flexion 45° (target: 90°)."), *TRUE.utterances[1:])
    right, false = (count_segment(TRUE, said, TEXTS) for said in (TRUE.utterances, wrong))
    assert false["details_true"] == right["details_true"] > 0
    assert false["details_agreeing"] == right["details_agreeing"] - 1


def test_empty_texts_find_no_partner() -> None:
    counts = count_segment(TRUE, spoken((1.0, ""), (5.0, "Nice work")), TEXTS)
    assert counts["paired"] == 1 and counts["matched_true"] == 1 and counts["predicted"] == 2


def test_intervals_are_of_sessions_and_not_of_exercises() -> None:
    """Two sessions that differ: drawn anew, they give one of three results."""
    good = count_segment(TRUE, TRUE.utterances, TEXTS)
    bad = count_segment(TRUE, (), TEXTS)
    found = values(sums(good, bad), FIGURES)["strict_recall"]
    assert found.value == 0.5 and found.interval == (0.0, 1.0)
    assert values(sums(good), FIGURES)["strict_recall"].interval is None


def test_intervals_cover_the_true_figure_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    empty = count_segment(TRUE, (), TEXTS)
    for seed in range(200):
        hits = generator.binomial(5, 0.4, size=30).astype(float)
        made = {**sums(*[empty] * 30), "true": np.full(30, 5.0), "paired": hits}
        interval = values(made, FIGURES, seed=seed, draws=400)["strict_recall"].interval
        assert interval is not None
        covered += interval[0] <= 0.4 <= interval[1]
    assert 0.88 <= covered / 200 <= 0.98


def test_p_values_are_uniform_between_equal_systems() -> None:
    generator = np.random.default_rng(1)
    empty = sums(*[count_segment(TRUE, (), TEXTS)] * 12)
    small = 0
    for seed in range(200):
        one, other = (
            {**empty, "true": np.full(12, 9.0), "paired": generator.binomial(9, 0.5, 12) * 1.0}
            for _ in range(2)
        )
        p = differences(one, other, FIGURES, seed=seed, draws=200)["strict_recall"].p
        assert p is not None
        small += p <= 0.1
    assert 0.05 <= small / 200 <= 0.16


def test_a_difference_in_every_session_is_significant() -> None:
    good = count_segment(TRUE, TRUE.utterances, TEXTS)
    bad = count_segment(TRUE, TRUE.utterances[:1], TEXTS)
    found = differences(sums(*[good] * 10), sums(*[bad] * 10), FIGURES)["strict_recall"]
    assert found.value == pytest.approx(2 / 3) and found.p is not None and found.p < 0.01
    assert found.interval == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    same = differences(sums(good, bad), sums(good, bad), FIGURES)["strict_recall"]
    assert same.value == 0.0 and same.p == 1.0
