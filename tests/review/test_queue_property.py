"""The queues against a model that counts everything anew after every step."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.review.filters import Filters
from qevd_bio.review.queue import ReviewState
from qevd_bio.review.queue_item import QueueItem
from qevd_bio.review.queue_settings import QueueSettings
from qevd_bio.verdicts.current import current, resolved
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.store import VerdictStore
from tests.review.made_items import items_of, rewritten, verdict

NAMES = ("ann", "bob", "cid")
ITEMS = items_of(*(rewritten("0001", index, -17.0 - index) for index in range(6)))
SETTINGS = QueueSettings(share=0.5, seed=1)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accepted", "rejected", "skipped", "undo", "decide", "restart", "other"]),
        st.sampled_from(NAMES),
        st.integers(0, len(ITEMS) - 1),
    ),
    max_size=25,
)


def open_for(name: str, events: list[VerdictEvent]) -> list[QueueItem]:
    """Items that an annotator has not judged and that lack verdicts, by the definition."""
    standing = current(events)
    states = resolved(events, {item.key: item.digest for item in ITEMS})
    found = []
    for item in ITEMS:
        given_by = {who for (who, key), e in standing.items()
                    if key == item.key and e.verdict != "skipped"}  # fmt: skip
        needed = 2 if SETTINGS.is_shared(item.key) else 1
        decided = item.key in states and states[item.key].state == "adjudicated"
        if (name, item.key) not in standing and len(given_by) < needed and not decided:
            found.append(item)
    return found


def check(state: ReviewState, store: VerdictStore) -> None:
    events = list(store.events())
    standing = current(events)
    states = resolved(events, {item.key: item.digest for item in ITEMS})
    for name in NAMES:
        left = open_for(name, events)
        done = sum(who == name for who, _ in standing)
        assert state.progress(name, Filters()) == (done, done + len(left))
        assert state.next_item(name, Filters(verdict=("open",))) == (left[0] if left else None)
        offered = state.next_item(name, Filters())
        assert offered is None or offered in left
    disagreeing = [key for key, one in states.items() if one.state == "disagreeing"]
    assert sorted(one.key for one in state.adjudication_queue()) == disagreeing


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_the_queues_are_what_the_events_come_to(steps: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = VerdictStore(Path(folder) / "v.sqlite")
        other_store = VerdictStore(store.path)
        state, other = (ReviewState(ITEMS, one, SETTINGS) for one in (store, other_store))
        for number, (step, name, place) in enumerate(steps):
            if step == "undo":
                state.undo(name, f"undo-{number:08d}")
            elif step == "restart":
                state = ReviewState(ITEMS, store, SETTINGS)
            elif step == "decide":
                if queue := state.adjudication_queue():
                    item = state.item(queue[0].key)
                    state.add(verdict(item, "rejected", name, adjudication=True))
            elif step == "other":
                other.add(verdict(ITEMS[place], "accepted", name))
            else:
                state.add(verdict(ITEMS[place], step, name))  # type: ignore[arg-type]
            check(state, store)
        store.close()
        other_store.close()
