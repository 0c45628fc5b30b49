"""The queues of annotators: order, blindness, progress and undo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.review.certainty import certainty_of, margin_sigmas
from qevd_bio.review.filters import Filters
from qevd_bio.review.queue import ReviewState
from qevd_bio.review.queue_item import QueueItem, queue_items
from qevd_bio.review.queue_settings import QueueSettings, kept_settings, read_settings
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.store import VerdictStore
from tests.release.made_artifacts import kept
from tests.review.made_items import Rows, checked, items_of, rewritten, unsupported, verdict

ALONE = QueueSettings(share=0.0)
ALL_TWICE = QueueSettings(share=1.0)
ALL = Filters(status=("any",))


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = VerdictStore(tmp_path / "verdicts.sqlite")
    yield opened
    opened.close()


def eight() -> list[QueueItem]:
    """Items with distances of 1 to 8 standard deviations from the limit of 16 degrees."""
    return items_of(*(rewritten("0001", i, -(19.0 + 3.0 * i)) for i in range(8)))


def drained(state: ReviewState, annotator: str, filters: Filters | None = None) -> list[ItemKey]:
    """Accept what comes next until nothing does."""
    keys: list[ItemKey] = []
    while item := state.next_item(annotator, filters or Filters(), keys[-1] if keys else None):
        state.add(verdict(item, annotator=annotator))
        keys.append(item.key)
    return keys


def test_the_least_certain_come_first(store: VerdictStore) -> None:
    state = ReviewState(eight()[::-1], store, ALONE)
    state = ReviewState(sorted(state.items, key=lambda i: i.certainty), store, ALONE)
    assert [key.feedback_index for key in drained(state, "ann")] == list(range(8))


def test_certainty_follows_distance_words_and_capture() -> None:
    assert margin_sigmas(checked(-16.0)) == pytest.approx(0.0)
    assert margin_sigmas(checked(-19.0)) == pytest.approx(1.0)
    assert margin_sigmas(checked(13.0)) == pytest.approx(1.0), "below the limit counts alike"
    assert margin_sigmas(checked(-19.0, status="low_confidence")) is None
    plain = certainty_of(rewritten("0001", 0, -19.0))
    assert plain.value == pytest.approx(0.5) and plain.finding == "depth"
    apart = rewritten("0001", 0) | {"findings": [checked(-19.0, matches_cue=False)]}
    assert certainty_of(apart).value == pytest.approx(0.25)
    poor = certainty_of(rewritten("0001", 0, -19.0), ["the feet slide"])
    assert poor.value == pytest.approx(0.3) and poor.low_quality
    assert "the feet slide" in poor.reasons[-1]
    assert certainty_of(unsupported("0001", 0)).value < plain.value
    assert certainty_of(kept("0001", 0) | {"kind_confidence": 0.7}).value == pytest.approx(0.7)


def test_an_item_that_one_judged_leaves_the_other_queue_unless_it_is_shared(
    store: VerdictStore,
) -> None:
    items = eight()
    state = ReviewState(items, store, QueueSettings(share=0.5, seed=3))
    shared = {item.key for item in items if state.settings.is_shared(item.key)}
    assert 1 <= len(shared) <= 7
    assert set(drained(state, "ann")) == {item.key for item in items}
    assert set(drained(state, "bob")) == shared
    assert drained(state, "cid") == []


def test_nobody_sees_another_verdict_before_judging(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALL_TWICE)
    for item in state.items[:4]:
        state.add(verdict(item, "rejected", "ann"))
    item = state.items[0]
    assert state.verdict_of("bob", item.key) is None
    assert state.verdicts_seen_by("bob", item.key) == ()
    for filters in (
        Filters(annotator="ann"),
        Filters(annotator="ann", verdict=("rejected",)),
        Filters(disagreement="yes"),
        Filters(verdict=("rejected",)),
    ):
        assert state.next_item("bob", filters) is None
    assert state.next_item("bob", Filters()) == item, "in the order of an unjudged one"
    state.add(verdict(item, "accepted", "bob"))
    assert [one.annotator for one in state.verdicts_seen_by("bob", item.key)] == ["ann", "bob"]
    assert state.next_item("bob", Filters(annotator="ann")) == item
    assert state.next_item("bob", Filters(disagreement="yes")) == item


def test_a_skip_shows_nothing_of_others(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALL_TWICE)
    item = state.items[0]
    state.add(verdict(item, "rejected", "ann"))
    state.add(verdict(item, "skipped", "bob"))
    assert state.verdicts_seen_by("bob", item.key) == ()
    assert state.next_item("bob", Filters(annotator="ann")) is None
    assert state.next_item("bob", Filters(verdict=("rejected",), annotator="ann")) is None
    state.add(verdict(item, "accepted", "cid"))
    assert len(state.verdicts_seen_by("bob", item.key)) == 2, "two have judged: bob's is not asked"


def test_the_last_items_come_although_another_was_shown_them(store: VerdictStore) -> None:
    state = ReviewState(items_of(rewritten("0001", 0)), store, ALONE)
    shown = state.next_item("ann", Filters())
    assert shown is not None and state.next_item("bob", Filters()) == shown


def test_two_annotators_at_once_get_different_items(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALONE)
    first, second = state.next_item("ann", Filters()), state.next_item("bob", Filters())
    assert first is not None and second is not None and first.key != second.key
    assert state.next_item("ann", Filters()) == first, "a reload shows the same one"
    keys = {"ann": [first.key], "bob": [second.key]}
    state.add(verdict(first, annotator="ann"))
    state.add(verdict(second, annotator="bob"))
    for turn in range(6):
        name = ("ann", "bob")[turn % 2]
        item = state.next_item(name, Filters(), keys[name][-1])
        assert item is not None
        state.add(verdict(item, annotator=name))
        keys[name].append(item.key)
    assert not set(keys["ann"]) & set(keys["bob"])
    assert len(keys["ann"]) + len(keys["bob"]) == 8


def test_next_goes_on_from_the_end_to_what_is_open_and_previous_shows_all(
    store: VerdictStore,
) -> None:
    state = ReviewState(eight(), store, ALONE)
    keys = [item.key for item in state.items]
    state.add(verdict(state.items[7]))
    state.add(verdict(state.items[0]))
    found = state.next_item("ann", Filters(), keys[6])
    assert found is not None and found.key == keys[1]
    before = state.previous_item("ann", Filters(), keys[1])
    assert before is not None and before.key == keys[0], "a judged one, too"
    assert state.previous_item("ann", Filters(), keys[0]) is None
    after = state.next_item("ann", Filters(), keys[6], open_only=False)
    assert after is not None and after.key == keys[7]


def test_undo_brings_the_verdict_before_back_also_after_a_restart(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALONE)
    item, other = state.items[:2]
    state.add(verdict(item, "accepted"))
    state.add(verdict(other, "accepted"))
    state.add(verdict(item, "rejected"))
    state = ReviewState(state.items, VerdictStore(store.path), ALONE)
    undone = state.undo("ann", "undo-0000001")
    assert undone is not None and undone.key == item.key
    standing = state.verdict_of("ann", item.key)
    assert standing is not None and standing.verdict == "accepted"
    assert state.undo("ann", "undo-0000001") == undone, "sent again, it undoes nothing more"
    again = state.undo("ann", "undo-0000002")
    assert again is not None and again.key == other.key
    assert state.undo("ann", "undo-0000003") is not None
    assert state.undo("ann", "undo-0000004") is None
    assert state.undo("bob", "undo-0000005") is None
    assert state.progress("ann", Filters()) == (0, 8)


def test_progress_counts_own_and_open(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALONE)
    state.add(verdict(state.items[0], annotator="bob"))
    assert state.progress("ann", Filters()) == (0, 7)
    state.add(verdict(state.items[1]))
    assert state.progress("ann", Filters()) == (1, 7)
    assert state.progress("bob", Filters()) == (1, 7)


def test_a_sentence_generated_anew_is_asked_again_and_its_old_verdict_is_stale(
    store: VerdictStore,
) -> None:
    old = items_of(rewritten("0001", 0), rewritten("0001", 1))
    state = ReviewState(old, store, ALONE)
    drained(state, "ann")
    changed = rewritten("0001", 0) | {"feedback": "Bend your knees to 90°."}
    state = ReviewState(items_of(changed, rewritten("0001", 1)), store, ALONE)
    found = state.next_item("ann", Filters())
    assert found is not None and found.key == ItemKey("0001", 0)
    assert state.next_item("ann", Filters(verdict=("stale",))) == found
    assert state.progress("ann", Filters()) == (1, 2)
    stale = next(item for item in old if item.key == found.key)
    with pytest.raises(UsageError, match="generated anew"):
        state.add(verdict(stale, "rejected"))


def test_provenance_alone_makes_nothing_stale() -> None:
    row = rewritten("0001", 0)
    other = row | {"provenance": {**row["provenance"], "rule_version": 99}, "reason": "x"}
    assert items_of(row)[0].digest == items_of(other)[0].digest
    moved = row | {"findings": [checked(-18.0, tolerance=11.0)]}
    assert items_of(row)[0].digest != items_of(moved)[0].digest


@pytest.mark.parametrize(
    ("status", "kind"),
    [("rewritten", "kept_rightly"), ("rewritten", "should_be_rewritten"), ("kept", "accepted"),
     ("kept", "rejected")],
)  # fmt: skip
def test_a_verdict_fits_the_status(store: VerdictStore, status: str, kind: Any) -> None:
    (item,) = items_of(rewritten("0001", 0) if status == "rewritten" else kept("0001", 0))
    state = ReviewState([item], store, ALONE)
    with pytest.raises(UsageError, match="no verdict on a sentence with status"):
        state.add(verdict(item, kind))
    assert list(store.events()) == []


def test_what_is_refused_is_not_stored(store: VerdictStore) -> None:
    items = eight()
    state = ReviewState(items, store, ALONE, lambda _key, text: ["no"] if "9" in text else [])
    (unknown,) = items_of(rewritten("9999", 0))
    for event, words in (
        (verdict(items[0], "rejected", reason=""), "no reason"),
        (verdict(items[0], "edited", text="Bend 9°"), ": no"),
        (verdict(items[0], adjudication=True), "do not disagree"),
        (verdict(unknown), "is no item"),
    ):
        with pytest.raises(UsageError, match=words):
            state.add(event)
    assert list(store.events()) == []
    state.add(verdict(items[0], "edited"))


def test_a_retry_is_answered_with_what_was_stored(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALONE)
    event = verdict(state.items[0])
    first = state.add(event)
    assert state.add(event) == first
    changed = items_of(rewritten("0001", 0) | {"feedback": "Another"})
    assert ReviewState(changed, store, ALONE).add(event) == first, "also when it is stale by now"
    assert len(list(store.events())) == 1


def test_disagreements_are_decided_by_an_adjudication(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALL_TWICE)
    item = state.items[0]
    state.add(verdict(item, "accepted", "ann"))
    state.add(verdict(item, "rejected", "bob"))
    (open_one,) = state.adjudication_queue()
    assert open_one.key == item.key and len(open_one.given) == 2
    decided = state.add(verdict(item, "rejected", "cid", adjudication=True))
    assert state.adjudication_queue() == []
    assert state.verdict_of("cid", item.key) is None
    undone = state.undo("cid", "undo-0000001")
    assert undone is not None and undone.undoes == decided.event_id
    assert len(state.adjudication_queue()) == 1


def test_a_skipped_adjudication_decides_nothing(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALL_TWICE)
    item = state.items[0]
    state.add(verdict(item, "accepted", "ann"))
    state.add(verdict(item, "rejected", "bob"))
    state.add(verdict(item, "skipped", "cid", adjudication=True))
    assert [one.key for one in state.adjudication_queue()] == [item.key]
    assert state.next_item("dan", Filters(disagreement="yes")) == item


def test_an_undo_leaves_verdicts_on_what_is_gone_and_ids_of_others(store: VerdictStore) -> None:
    items = eight()
    state = ReviewState(items, store, ALONE)
    here = state.add(verdict(items[0]))
    gone = state.add(verdict(items[1]))
    state = ReviewState([items[0], *items[2:]], store, ALONE)
    for event in (here, gone):
        with pytest.raises(UsageError, match="another event's"):
            state.undo("bob", event.event_id)
    undone = state.undo("ann", "undo-0000001")
    assert undone is not None and undone.undoes == here.event_id
    assert state.undo("ann", "undo-0000002") is None


def test_what_another_process_stores_is_seen(store: VerdictStore) -> None:
    state = ReviewState(eight(), store, ALONE)
    other = ReviewState(state.items, VerdictStore(store.path), ALONE)
    first = state.next_item("ann", Filters())
    assert first is not None
    other.add(verdict(first, annotator="ann"))
    assert state.progress("ann", Filters()) == (1, 8)
    later = state.next_item("ann", Filters(), first.key)
    assert later is not None and later.key != first.key


def test_confident_items_are_passed_and_a_stated_share_is_shown(store: VerdictStore) -> None:
    rows = [rewritten(f"{i:04d}", 0, -100.0) for i in range(400)] + [rewritten("9999", 0, -16.5)]
    settings = QueueSettings(share=0.0, autopass=0.9, sample=0.1)
    state = ReviewState(items_of(*rows), store, settings)
    passed = state.passed()
    assert (passed.rate, passed.passed + passed.sampled) == (0.1, 400)
    assert 20 <= passed.sampled <= 60, "40 are expected"
    assert state.progress("ann", Filters()) == (0, passed.sampled + 1)
    assert state.next_item("ann", Filters(passed="yes"), open_only=False) is not None
    unseen = Filters(passed="yes")
    assert state.progress("ann", unseen) == (0, passed.passed)
    first = state.next_item("ann", unseen)
    assert first is not None and not settings.is_sampled(first.key)
    state.add(verdict(first))
    assert state.progress("ann", unseen) == (1, passed.passed)
    later = state.next_item("ann", unseen, first.key)
    assert later is not None and later.key != first.key
    doubtful = Rows(rows, {f"{i:04d}": ("the feet slide",) for i in range(400)})
    seen = ReviewState(queue_items(doubtful), store, settings).passed()
    assert seen.passed == 0, "what is badly captured is never passed"


def test_settings_are_kept_with_the_store(store: VerdictStore) -> None:
    assert read_settings(store) == QueueSettings()
    assert kept_settings(store, share=0.3, autopass=None) == QueueSettings(share=0.3)
    assert kept_settings(store, autopass=0.9) == QueueSettings(share=0.3, autopass=0.9)
    assert read_settings(VerdictStore(store.path)) == QueueSettings(share=0.3, autopass=0.9)
    with pytest.raises(UsageError, match="share of the queue"):
        kept_settings(store, share=1.5)


def test_filters_choose_by_every_column(store: VerdictStore) -> None:
    rows = [rewritten("0001", 0), kept("0001", 1, "Nice one!"), unsupported("0002", 0)]
    rows.append(rewritten("0003", 0, exercise="lunge"))
    state = ReviewState(items_of(*rows), store, ALONE)

    def shown(**query: str) -> set[tuple[str, int]]:
        keys, after = set(), None
        while True:
            item = state.next_item("ann", Filters.from_query(query), after, open_only=False)
            if item is None or (item.key.video_id, item.key.feedback_index) in keys:
                return keys
            after = item.key
            keys.add((after.video_id, after.feedback_index))

    assert shown() == {("0001", 0), ("0003", 0)}
    assert len(shown(status="any")) == 4
    assert shown(status="kept,unsupported") == {("0001", 1), ("0002", 0)}
    assert shown(exercise="lunge") == {("0003", 0)}
    assert shown(status="any", q="NICE  one") == {("0001", 1)}
    assert shown(status="any", kind="corrective", finding="depth") == {
        ("0001", 0), ("0002", 0), ("0003", 0),
    }  # fmt: skip
    assert shown(split="test") == set()
    with pytest.raises(UsageError, match="Did you mean 'lunge'"):
        shown(exercise="lungs")


@pytest.mark.slow
def test_twenty_thousand_items_are_quick_and_take_no_more_memory(store: VerdictStore) -> None:
    import tracemalloc

    rows = (rewritten(f"{i // 10:05d}", i % 10, -17.0 - i % 90) for i in range(20_000))
    state = ReviewState(items_of(*rows), store, QueueSettings())
    filters, after, taken = Filters(), None, []
    tracemalloc.start()
    for turn in range(400):
        if turn == 100:
            held = tracemalloc.get_traced_memory()[0]
        name = ("ann", "bob")[turn % 2]
        start = time.perf_counter()
        item = state.next_item(name, filters, after)
        state.progress(name, filters)
        taken.append(time.perf_counter() - start)
        assert item is not None
        state.add(verdict(item, annotator=name))
        after = item.key
    grown = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()
    assert sorted(taken)[200] < 0.005
    assert grown < 2_000 * 300, "an event takes less than 2 kB"
