"""What is counted and added up in each exercise; every figure is made of such sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.evaluation.fact_agreement import compare_sentences, stated_details
from qevd_bio.evaluation.pairs import SegmentKey, TrueSegment, Utterance
from qevd_bio.evaluation.time_matching import best_by_time, matched_by_time

TextScore = Callable[[str, str], float]
"""Takes the true and the predicted text."""

COUNTS: Mapping[str, str] = {
    "true": "Sentences that the trainer says",
    "predicted": "Sentences that the system says",
    "matched_true": "True sentences with a partner, as FitCoach matches",
    "matched_predicted": "Predicted sentences with a partner, as FitCoach matches",
    "paired": "Pairs of the best one-to-one matching",
    "details_true": "Details of facts that the true sentences state",
    "details_predicted": "Details of facts that the predicted sentences state",
    "details_agreeing": "Details on which a pair agrees, as FitCoach matches",
}


def count_segment(
    true: TrueSegment, predicted: Sequence[Utterance], texts: Mapping[str, TextScore]
) -> dict[str, float]:
    """Score one exercise.

    Parameters
    ----------
    true : TrueSegment
        What the trainer says.
    predicted : sequence of Utterance
        What the system says; empty texts do not count.
    texts : mapping of str to callable
        Measures of text by name.

    Returns
    -------
    dict of str to float
        `COUNTS`, and for each measure its sum over FitCoach's pairs (by its name) and over the
        pairs of the best matching (``paired_`` before it).
    """
    own = true.utterances
    forth = matched_by_time(_times(own), _times(predicted), [one.text for one in predicted])
    back = matched_by_time(_times(predicted), _times(own), [one.text for one in own])
    spoken = [one for one in predicted if one.text]
    best = best_by_time(_times(own), _times(spoken))
    counts = {
        "true": len(own),
        "predicted": len(predicted),
        "matched_true": len(forth),
        "matched_predicted": len(back),
        "paired": len(best),
    }
    pairs = [(own[i].text, predicted[j].text) for i, j in forth]
    best_pairs = [(own[i].text, spoken[j].text) for i, j in best]
    sums = {
        **{name: sum(score(*pair) for pair in pairs) for name, score in texts.items()},
        **{
            f"paired_{name}": sum(score(*pair) for pair in best_pairs)
            for name, score in texts.items()
        },
    }
    lone = [(own[i].text, "") for i in {*range(len(own))} - {i for i, _ in forth}]
    extra = [("", predicted[j].text) for j in {*range(len(predicted))} - {j for _, j in forth}]
    return {**counts, **_facts([*pairs, *lone, *extra], true.exercise), **sums}


def count_all(
    true: Mapping[SegmentKey, TrueSegment],
    predicted: Mapping[SegmentKey, Sequence[Utterance]],
    texts: Mapping[str, TextScore],
) -> dict[SegmentKey, dict[str, float]]:
    """Score all exercises with a true sentence; one without a prediction was silent."""
    return {
        key: count_segment(segment, predicted.get(key, ()), texts)
        for key, segment in sorted(true.items())
    }


def _facts(pairs: Sequence[tuple[str, str]], exercise: str | None) -> dict[str, float]:
    counts = {"details_true": 0.0, "details_predicted": 0.0, "details_agreeing": 0.0}
    for true, predicted in pairs:
        found = compare_sentences(true, predicted, exercise)
        counts["details_true"] += sum(map(stated_details, found.true))
        counts["details_predicted"] += sum(map(stated_details, found.predicted))
        counts["details_agreeing"] += found.agreeing
    return counts


def _times(utterances: Sequence[Utterance]) -> FloatArray:
    return np.array([one.time_s for one in utterances], dtype=np.float64)
