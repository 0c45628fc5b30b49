"""What an event may hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.verdicts.event import MOST_TEXT, check_event, event_from, is_time
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.reasons import REASONS
from tests.verdicts.made_events import event, undo

HOSTILE = [
    "<script>alert(1)</script>",
    "' OR 1=1; DROP TABLE events; --",
    "\u202egnp",
    "a\tb\nc",
    "🏋️",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_is_only_text_is_an_edit_like_any_other(text: str) -> None:
    check_event(event("edited", text=text, note=text))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "a\0b"),
        ("text", "\ud800"),
        ("text", "x" * (MOST_TEXT + 1)),
        ("text", "   "),
        ("text", 7),
        ("note", "\x1b[31m"),
        ("note", "x" * 1_000_000),
        ("annotator", ""),
        ("annotator", "a,b"),
        ("annotator", "a\nb"),
        ("annotator", " ann"),
        ("annotator", "<b>"),
        ("annotator", None),
        ("event_id", "short"),
        ("event_id", "../../../etc/passwd"),
        ("event_id", "é" * 10),
        ("judged", "0" * 63),
        ("judged", "G" * 64),
        ("verdict", "approved"),
        ("verdict", "undone"),
        ("reason", "because"),
        ("undoes", "event-00000000"),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", -1.0),
        ("seconds", "3"),
        ("seconds", True),
        ("time", "yesterday"),
        ("time", "2026-02-30T10:00:00.000000Z"),
        ("adjudication", 1),
        ("key", ItemKey("", 0)),
        ("key", ItemKey("\ud800", 0)),
        ("key", ItemKey("0001", -1)),
        ("key", ItemKey("0001", 2**31)),
        ("key", ItemKey("0001", True)),
        ("key", ItemKey("0001", 1.5)),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_stored_or_shown_is_refused(field: str, value: Any) -> None:
    with pytest.raises(UsageError):
        check_event(replace(event("edited"), **{field: value}))


def test_an_event_is_made_again_from_its_values() -> None:
    for one in (event("edited", note="é\n"), undo(event()), event("rejected", adjudication=True)):
        assert event_from(one.as_json()) == one


def test_ids_of_items_are_opaque_and_do_not_collide() -> None:
    ids = {ItemKey(f"v{i}", j).item_id() for i in range(50) for j in range(50)}
    assert len(ids) == 2500 and all(len(one) == 24 and one.isalnum() for one in ids)
    assert ItemKey("1", 11).item_id() != ItemKey("11", 1).item_id()


def test_numbers_of_reasons_are_keys_and_never_given_twice() -> None:
    assert [reason.number for reason in REASONS] == list(range(1, len(REASONS) + 1))
    # The first nine are fixed: annotators know them by heart.
    assert [reason.id for reason in REASONS] == [
        "no_fault", "wrong_number", "wrong_side", "wrong_direction", "other_fault",
        "other_repetition", "wording", "capture", "other",
    ]  # fmt: skip


def test_times_are_fixed_in_width() -> None:
    assert is_time("2026-01-31T09:30:00.000001Z")
    assert not is_time("2026-01-31T09:30:00Z")
    assert not is_time("2026-01-31T09:30:00.000001+01:00")
