"""Matching by time against FitCoach's own results, and against all possible matchings."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.evaluation.figures import figures
from qevd_bio.evaluation.pairs import TrueSegment, Utterance
from qevd_bio.evaluation.segment_scores import count_segment
from qevd_bio.evaluation.time_matching import best_by_time, matched_by_time

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "evaluation"
VECTORS = json.loads((GOLDEN / "tfscore.json").read_text(encoding="utf-8"))
T_F = figures(())[0]


def said(times_s: list[float], texts: list[str]) -> tuple[Utterance, ...]:
    return tuple(Utterance(time_s, text) for time_s, text in zip(times_s, texts, strict=True))


def test_fitcoach_matches_and_scores_alike() -> None:
    total: dict[str, np.ndarray] = {}
    for case in VECTORS["cases"]:
        true_s, predicted_s = np.array(case["gt_timestamps"]), np.array(case["pred_timestamps"])
        forth = matched_by_time(true_s, predicted_s, case["pred"])
        back = matched_by_time(predicted_s, true_s, case["gt"])
        assert forth == [tuple(pair) for pair in case["matched_gt_to_pred"]], case["kind"]
        assert back == [tuple(pair) for pair in case["matched_pred_to_gt"]], case["kind"]
        true = TrueSegment(None, said(case["gt_timestamps"], case["gt"]))
        counts = count_segment(true, said(case["pred_timestamps"], case["pred"]), {})
        total = {name: total.get(name, np.zeros(1)) + count for name, count in counts.items()}
        stats = case["running_stats"]
        assert total["true"] == stats["total_num_gt_feedbacks"]
        assert total["predicted"] == stats["total_num_pred_feedbacks"]
        assert total["matched_true"] == stats["total_matched_gt_feedbacks"]
        assert total["matched_predicted"] == stats["total_matched_pred_feedbacks"]
        assert T_F.formula(total)[0] == pytest.approx(case["running_f"], abs=1e-12)
    assert len(VECTORS["cases"]) == 47


def _best(true: list[float], predicted: list[float]) -> tuple[int, float]:
    """Try all one-to-one matchings: most pairs, then the smallest total distance."""
    best = (0, 0.0)
    few, many = sorted((true, predicted), key=len)
    for chosen in itertools.permutations(range(len(many)), len(few)):
        apart = [abs(few[i] - many[j]) for i, j in enumerate(chosen)]
        near = [one for one in apart if one < 1.5]
        if (len(near), -sum(near)) > (best[0], -best[1]):
            best = (len(near), sum(near))
    return best


def test_the_best_matching_is_the_best_of_all() -> None:
    generator = np.random.default_rng(0)
    for _ in range(60):
        true, predicted = (sorted(generator.uniform(0, 6, generator.integers(1, 6)).tolist())
                           for _ in range(2))  # fmt: skip
        found = best_by_time(np.array(true), np.array(predicted))
        total = sum(abs(true[i] - predicted[j]) for i, j in found)
        count, smallest = _best(true, predicted)
        assert len(found) == count and total == pytest.approx(smallest)
