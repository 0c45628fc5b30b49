"""What people decided on the review page, as questions with known answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qevd_bio.evaluation.human_verdicts import human_judged
from qevd_bio.released.loading import load_table
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.judged import judged_digest
from tests.evaluation.archived import unpacked


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return load_table("train", unpacked(tmp_path_factory.mktemp("archive"))).to_pylist()


def verdict(row, kind, number, **more):
    key = ItemKey(row["video_id"], row["feedback_index"])
    time = f"2026-01-01T00:00:{number:02d}.000000Z"
    return VerdictEvent(
        f"event-{number:04d}", "anna", key, judged_digest(row), kind, time=time, **more
    )


def test_each_verdict_becomes_a_pair_with_its_score(rows):
    first, second = (row for row in rows if row["status"] == "rewritten")
    kept = next(row for row in rows if row["status"] == "kept")
    events = [
        verdict(first, "edited", 1, text="Bend the right knee more."),
        verdict(second, "rejected", 2, reason="no_fault"),
        verdict(kept, "kept_rightly", 3),
    ]
    found = human_judged(rows, events)
    assert [(one.true, one.predicted, one.score) for one in found] == [
        ("Bend the right knee more.", first["feedback"], 3),
        (second["feedback_original"], second["feedback"], 1),
    ]
    (accepted,) = human_judged(rows, [verdict(first, "accepted", 4)])
    assert (accepted.true, accepted.score) == (accepted.predicted, 5)
    assert accepted.key == f"{first['video_id']}:{first['feedback_index']}"


def test_stale_disputed_and_skipped_verdicts_say_nothing(rows):
    first, second = (row for row in rows if row["status"] == "rewritten")
    given = verdict(second, "accepted", 2)
    events = [
        replace(verdict(first, "accepted", 1), judged="0" * 64),
        given,
        replace(verdict(second, "rejected", 3, reason="no_fault"), annotator="ben"),
    ]
    assert human_judged(rows, events) == []
    assert human_judged(rows, [verdict(first, "skipped", 4)]) == []
    assert len(human_judged(rows, [given])) == 1
