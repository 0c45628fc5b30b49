"""Files of events and of applied verdicts: nothing is lost, no change goes unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.verdicts.applied import AppliedVerdict, read_applied, write_applied
from qevd_bio.verdicts.event_files import read_events, write_events
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.store import VerdictStore
from tests.verdicts.made_events import DIGEST, event, undo

TEXTS = ["<script>alert(1)</script>", '"; DROP TABLE', "é 🏋️ \u202e \u2028", "a\tb\nc", "x" * 2000]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_events_go_through_a_file_into_another_store(tmp_path: Path, suffix: str) -> None:
    store = VerdictStore(tmp_path / "a.sqlite")
    for text in TEXTS:
        store.append(event("edited", text=text, note=text, seconds=1 / 3))
    store.append(undo(store.append(event("rejected", "bob", ("0002", 7), adjudication=True))))
    file = tmp_path / f"events{suffix}"
    assert write_events(file, store.events()) == 7
    assert read_events(file) == list(store.events())
    other = VerdictStore(tmp_path / "b.sqlite")
    assert other.import_events(read_events(file)) == 7
    assert other.import_events(read_events(file)) == 0
    assert set(other.events()) == set(store.events())
    written = file.read_bytes()
    write_events(file, store.events())
    assert file.read_bytes() == written


def test_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="csv"):
        write_events(tmp_path / "events.csv", [])


def damaged(text: str, how: str) -> str:
    head, _, body = text.partition("\n")
    return {
        "a line less": head + "\n" + body.partition("\n")[2],
        "a cut line": text[:-20],
        "another word": text.replace('"accepted"', '"rejected"', 1),
        "another format": text.replace("qevd_bio.", "other.", 1),
        "a newer version": text.replace('"version":1', '"version":2', 1),
        "no head": body,
        "nothing": "",
        "bytes": "\xff" + text,
    }[how]


@pytest.mark.parametrize(
    "how",
    ["a line less", "a cut line", "another word", "another format", "a newer version", "no head",
     "nothing", "bytes"],
)  # fmt: skip
def test_a_changed_file_is_refused(tmp_path: Path, how: str) -> None:
    file = tmp_path / "events.jsonl"
    write_events(file, [event(), event("rejected")])
    file.write_text(damaged(file.read_text(), how), encoding="latin-1")
    with pytest.raises(DataError, match="Write the file again"):
        read_events(file)


def test_a_row_that_breaks_the_schema_is_named(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    write_events(file, [event(), replace(event(), verdict="approved")])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="line 3 key verdict"):
        read_events(file)


def applied(index: int = 0, **changed: str) -> AppliedVerdict:
    values = {
        "judged": DIGEST, "verdict": "edited", "text": "é", "reason": "", "annotator": "ann",
        "time": "2026-01-01T00:00:00.000000Z", "decided": "single", "event_id": f"event-{index}",
    }  # fmt: skip
    return AppliedVerdict(key=ItemKey("0001", index), **{**values, **changed})


def test_applied_verdicts_come_back_with_their_policy(tmp_path: Path) -> None:
    file = tmp_path / "review" / "applied.jsonl"
    assert read_applied(file).verdicts == {} and read_applied(file).sha256 == ""
    given = [applied(2), applied(0, verdict="rejected", reason="wording"), applied(11)]
    write_applied(file, given, "drop")
    found = read_applied(file)
    assert found.rejected == "drop"
    assert found.verdicts == {"0001": {one.key.feedback_index: one for one in given}}
    first = file.read_bytes()
    write_applied(file, reversed(given), "drop")
    assert file.read_bytes() == first
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["rows"] == 3 and lines[0]["rejected"] == "drop"


def test_applied_verdicts_are_not_edited_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "applied.jsonl"
    write_applied(file, [applied()], "original")
    file.write_text(file.read_text().replace('"rejected":"original"', '"rejected":"burn"'))
    with pytest.raises(DataError, match="'burn'"):
        read_applied(file)
    write_applied(file, [applied(), applied()], "original")
    with pytest.raises(DataError, match="twice"):
        read_applied(file)
