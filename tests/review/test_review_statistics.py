"""Figures of a review, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qevd_bio.review.queue_settings import QueueSettings
from qevd_bio.review.statistics import review_statistics
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from tests.release.made_artifacts import kept
from tests.review.made_items import items_of, rewritten, unsupported, verdict


def timed(*events: VerdictEvent) -> list[VerdictEvent]:
    return [replace(e, time=f"2026-01-01T00:00:00.{n:06d}Z") for n, e in enumerate(events)]


ITEMS = items_of(
    *(rewritten("0001", index, exercise="squat") for index in range(6)),
    *(rewritten("0002", index, exercise="lunge") for index in range(4)),
    *(unsupported("0003", index) for index in range(8)),
    kept("0004", 0),
)
BY = {(item.key.video_id, item.key.feedback_index): item for item in ITEMS}
EVENTS = timed(
    verdict(BY["0001", 0], "accepted", "ann", seconds=2.0),
    verdict(BY["0001", 0], "accepted", "bob", seconds=4.0),
    verdict(BY["0001", 1], "accepted", "ann", seconds=6.0),
    verdict(BY["0001", 1], "rejected", "bob", reason="wording", seconds=8.0),
    verdict(BY["0001", 2], "rejected", "ann", reason="no_fault", seconds=100.0),
    verdict(BY["0001", 3], "skipped", "ann", seconds=1.0),
    verdict(BY["0002", 0], "rejected", "ann", seconds=3.0),
    verdict(BY["0002", 0], "rejected", "bob", seconds=3.0),
    verdict(BY["0002", 1], "accepted", "ann", judged="f" * 64, seconds=3.0),
    verdict(BY["0003", 0], "kept_rightly", "ann"),
    verdict(BY["0003", 1], "kept_rightly", "ann"),
    verdict(BY["0003", 2], "should_be_rewritten", "ann"),
    verdict(BY["0003", 3], "edited", "ann"),
    verdict(BY["0001", 1], "rejected", "cid", adjudication=True),
)


def test_everything_is_counted_once() -> None:
    found = review_statistics(ITEMS, EVENTS, QueueSettings())
    assert found.items == 19
    assert found.states == {"adjudicated": 1, "agreed": 2, "single": 5, "stale": 1, "open": 10}
    assert found.verdicts == {
        "accepted": 1, "edited": 1, "kept_rightly": 2, "rejected": 3, "should_be_rewritten": 1,
    }  # fmt: skip
    assert found.reasons == {"no_fault": 3, "wording": 1}
    assert [(one.annotator, one.verdicts, one.skipped) for one in found.annotators] == [
        ("ann", 9, 1), ("bob", 3, 0),
    ]  # fmt: skip
    assert found.annotators[1].median_s == 4.0
    assert found.median_s == 3.0


def test_reasons_are_those_of_sentences_as_they_are_now() -> None:
    stale = timed(
        verdict(BY["0001", 0], "rejected", "ann", reason="wording"),
        verdict(BY["0001", 1], "rejected", "ann", reason="wording", judged="f" * 64),
        verdict(BY["0001", 2], "rejected", "ann", reason="no_fault", key=ItemKey("gone", 0)),
    )
    assert review_statistics(ITEMS, stale, QueueSettings()).reasons == {"wording": 1}


def test_agreement_leaves_out_stale_skipped_and_adjudicated_verdicts() -> None:
    found = review_statistics(ITEMS, EVENTS, QueueSettings())
    # units aa, ar, rr: observed 2 of 6 pairs; expected from 3 a and 3 r
    assert found.alpha_rewritten == pytest.approx(1 - 5 * 2 / (36 - 9 - 9))
    assert found.alpha_kept is None
    groups = {(one.group, one.name): (one.several, one.disagreeing) for one in found.groups}
    assert groups == {
        ("exercise", "squat"): (2, 1),
        ("exercise", "lunge"): (1, 0),
        ("finding", "depth"): (3, 1),
        ("backend", "made"): (3, 1),
    }
    assert [one.name for one in found.groups if one.group == "exercise"] == ["squat", "lunge"]
    alphas = {one.name: one.alpha_rewritten for one in found.groups}
    assert alphas["depth"] == alphas["made"] == found.alpha_rewritten
    assert alphas["squat"] is not None and alphas["squat"] < 1.0
    assert alphas["lunge"] is None, "one sentence, judged alike: nothing varies"
    assert {one.alpha_kept for one in found.groups} == {None}


def test_precision_and_recall() -> None:
    found = review_statistics(ITEMS, EVENTS, QueueSettings())
    assert (found.accepted.count, found.accepted.total) == (1, 4)
    assert {s: (one.count, one.total) for s, one in found.missed.items()} == {
        "unsupported": (2, 4)
    }
    # 10 rewritten of which a quarter is right; 8 unsupported of which half are missed
    assert found.recall == pytest.approx(2.5 / (2.5 + 4.0))
    nothing = review_statistics(ITEMS, [], QueueSettings())
    assert nothing.recall is None and nothing.accepted.share is None
    assert nothing.states == {"open": 19}


def test_the_rate_of_passed_sentences_is_stated_with_what_was_wrong() -> None:
    rows = [rewritten(f"{index:04d}", 0, -100.0) for index in range(200)]
    items, settings = items_of(*rows), QueueSettings(autopass=0.9, sample=0.1)
    shown = [item for item in items if settings.is_sampled(item.key)]
    events = timed(*(verdict(one, "rejected" if not n else "accepted")
                     for n, one in enumerate(shown)))  # fmt: skip
    passed = review_statistics(items, events, settings).passed
    assert (passed.threshold, passed.rate) == (0.9, 0.1)
    assert (passed.passed, passed.sampled) == (200 - len(shown), len(shown))
    assert (passed.wrong.count, passed.wrong.total) == (1, len(shown))


def test_a_change_of_mind_after_the_others_verdict_is_no_agreement() -> None:
    """The first verdicts were given blindly; the later one was not."""
    blind = timed(
        verdict(BY["0001", 0], "accepted", "ann"), verdict(BY["0001", 0], "rejected", "bob"),
        verdict(BY["0002", 0], "accepted", "ann"), verdict(BY["0002", 0], "accepted", "bob"),
    )  # fmt: skip
    later = timed(*blind, verdict(BY["0001", 0], "rejected", "ann"))
    before = review_statistics(ITEMS, blind, QueueSettings())
    after = review_statistics(ITEMS, later, QueueSettings())
    assert before.alpha_rewritten == after.alpha_rewritten == pytest.approx(0.0)
    assert (before.states["disagreeing"], after.states.get("disagreeing")) == (1, None)
