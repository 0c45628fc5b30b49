"""Tolerances that verdicts would support."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qevd_bio.review.proposals import proposals
from tests.review.made_items import items_of, rewritten, unsupported, verdict
from tests.review.test_review_statistics import timed


def judged(*pairs: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    """Judge rows; each comes with what its verdict holds."""
    rows = [row for row, _ in pairs]
    items = {(i.key.video_id, i.key.feedback_index): i for i in items_of(*rows)}
    events = [
        verdict(items[row["video_id"], row["feedback_index"]], **given) for row, given in pairs
    ]
    return proposals(rows, timed(*events))


ACCEPTED = {"kind": "accepted"}
NO_FAULT = {"kind": "rejected", "reason": "no_fault"}


def test_the_tolerance_of_the_annotators_is_found() -> None:
    """Annotators see a fault beyond 20 degrees over the guard band; the rule says 10."""
    rng = np.random.default_rng(0)
    pairs = []
    for index in range(60):
        excess = float(rng.uniform(10.5, 40.0))
        row = rewritten("0001", index, -(excess + 6.0))
        pairs.append((row, ACCEPTED if excess > 20.0 else NO_FAULT))
    (found,) = judged(*pairs)
    assert (found.exercise, found.constraint, found.sentences) == ("squat", "depth", 60)
    assert found.tolerance == 10.0 and found.right < 60
    assert found.proposed == pytest.approx(20.0, abs=1.5)
    assert (found.right_then, found.judged) == (60, 60)
    assert found.reason == "no_fault"


def test_kept_sentences_lower_a_tolerance() -> None:
    """Deviations that the rule allows, and that annotators would correct beyond 4 degrees."""
    pairs = []
    for index in range(12):
        excess = 1.0 + 0.7 * index
        given = "should_be_rewritten" if excess > 4.0 else "kept_rightly"
        pairs.append((unsupported("0001", index, -(excess + 6.0)), {"kind": given}))
    (found,) = judged(*pairs)
    assert found.sentences == 0 and found.rejected == 0
    assert found.proposed == 4.0, "the plainest number between 3.8 and 4.5"


def test_nothing_is_proposed_without_reason() -> None:
    few = [(rewritten("0001", i, -20.0), NO_FAULT) for i in range(4)]
    assert judged(*few)[0].proposed is None, "too few"
    fine = [(rewritten("0001", i, -30.0), ACCEPTED) for i in range(9)]
    assert judged(*fine)[0].proposed is None, "the present one fits"
    wording = [(rewritten("0001", i, -30.0), {"kind": "rejected", "reason": "wording"})
               for i in range(9)]  # fmt: skip
    (found,) = judged(*wording)
    assert (found.rejected, found.judged, found.proposed) == (9, 0, None)
    assert found.reason == "wording"


def test_the_most_rejected_constraint_comes_first() -> None:
    pairs = [(rewritten("0001", i, -30.0, exercise="lunge"), ACCEPTED) for i in range(9)]
    pairs += [(rewritten("0002", i, -30.0), NO_FAULT) for i in range(2)]
    assert [one.exercise for one in judged(*pairs)] == ["squat", "lunge"]


def test_a_sentence_about_both_sides_is_one_sentence() -> None:
    row = rewritten("0001", 0, -30.0)
    (left,) = row["findings"]
    both = row | {"findings": [left, left | {"side": "r"}]}
    (found,) = judged((both, NO_FAULT), (rewritten("0001", 1, -30.0), ACCEPTED))
    assert (found.sentences, found.rejected) == (2, 1)
    assert found.judged == 3, "each side is measured"
