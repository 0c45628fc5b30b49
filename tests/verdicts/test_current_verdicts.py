"""What events come to, whatever their order."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.verdicts.current import Current, VerdictFold, current, is_stale, resolved
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from tests.verdicts.made_events import DIGEST, event, undo

NEW = "1" * 64
KEY = ItemKey("0001", 0)

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["accepted", "rejected", "skipped", "edited", "undo"]),
        st.sampled_from(["ann", "bob"]),
        st.integers(0, 2),
    ),
    max_size=40,
)


def played(actions: Iterable[tuple[str, str, int]]) -> tuple[list[VerdictEvent], Current]:
    """Make events as annotators would, and the verdicts that stand, kept on a stack each."""
    events: list[VerdictEvent] = []
    stacks: dict[tuple[str, ItemKey], list[VerdictEvent]] = {}
    for number, (verdict, annotator, index) in enumerate(actions):
        stack = stacks.setdefault((annotator, ItemKey("0001", index)), [])
        if verdict != "undo":
            made = event(verdict, annotator, ("0001", index))  # type: ignore[arg-type]
            stack.append(replace(made, time=f"2026-01-01T00:00:00.{number:06d}Z"))
            events.append(stack[-1])
        elif stack:
            taken = undo(stack.pop())
            events.append(replace(taken, time=f"2026-01-01T00:00:00.{number:06d}Z"))
    return events, {place: stack[-1] for place, stack in stacks.items() if stack}


@settings(max_examples=150, deadline=None)
@given(ACTIONS, st.randoms(use_true_random=False))
def test_the_newest_verdict_that_is_not_undone_stands(
    actions: list[tuple[str, str, int]], rng: random.Random
) -> None:
    events, standing = played(actions)
    assert current(events) == standing
    mixed = [*events, *events]
    rng.shuffle(mixed)
    assert current(mixed) == standing, "in any order, and twice"


@settings(max_examples=50, deadline=None)
@given(ACTIONS)
def test_taking_events_in_one_by_one_gives_the_same_at_every_moment(
    actions: list[tuple[str, str, int]],
) -> None:
    events, _ = played(actions)
    fold = VerdictFold()
    for count, one in enumerate(events, start=1):
        fold.add(one)
        assert fold.verdicts == current(events[:count])


def timed(*events: VerdictEvent) -> list[VerdictEvent]:
    return [replace(e, time=f"2026-01-01T00:00:00.{n:06d}Z") for n, e in enumerate(events)]


def test_states_of_an_item() -> None:
    ann, bob, cid = (event("accepted", name) for name in ("ann", "bob", "cid"))
    no = event("rejected", "bob")

    def state(*events: VerdictEvent, digest: str = DIGEST) -> tuple[str, VerdictEvent | None]:
        found = resolved(timed(*events), {KEY: digest})
        return (found[KEY].state, found[KEY].verdict) if found else ("none", None)

    assert state(ann)[0] == "single"
    assert state(ann, bob)[0] == "agreed"
    assert state(ann, no) == ("disagreeing", None)
    assert state(ann, event("skipped", "bob"))[0] == "single"
    assert state(event("skipped", "bob"))[0] == "none"
    assert state(ann, no, undo(no))[0] == "single"
    assert state(ann, bob, digest=NEW) == ("stale", None)
    decided = event("rejected", "cid", adjudication=True)
    given, (name, verdict) = timed(ann, no, decided), state(ann, no, decided)
    assert (name, verdict) == ("adjudicated", given[2])
    assert state(ann, no, decided, undo(decided)) == ("disagreeing", None)
    assert state(ann, no, decided, replace(cid, judged=NEW), digest=NEW)[0] == "single"


def test_edits_agree_when_their_texts_do() -> None:
    same = timed(
        event("edited", "ann", text="Lower  it."), event("edited", "bob", text="Lower it.")
    )
    other = timed(
        event("edited", "ann", text="Lower it."), event("edited", "bob", text="Lift it.")
    )
    assert resolved(same, {KEY: DIGEST})[KEY].state == "agreed"
    assert resolved(other, {KEY: DIGEST})[KEY].state == "disagreeing"


def test_a_stale_verdict_is_named_and_does_not_count() -> None:
    old, new = timed(event("accepted", "ann"), event("rejected", "bob", judged=NEW))
    assert is_stale(old, NEW) and not is_stale(new, NEW)
    found = resolved([old, new], {KEY: NEW})[KEY]
    assert (found.state, found.verdict, found.stale) == ("single", new, (old,))
    gone = resolved([old], {})[KEY]
    assert (gone.state, gone.stale) == ("stale", (old,))
