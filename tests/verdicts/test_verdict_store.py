"""The store of verdict events: nothing acknowledged is lost, nothing stored is changed."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.verdicts.store import VerdictStore
from tests.verdicts.made_events import event, undo


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = VerdictStore(tmp_path / "review" / "verdicts.sqlite")
    yield opened
    opened.close()


def test_an_event_comes_back_as_it_was_stored(store: VerdictStore) -> None:
    given = [event("edited", text="<script>é🏋️</script>"), event("rejected", note="a\nb")]
    stored = [store.append(one) for one in given]
    assert list(store.events()) == stored
    assert [replace(one, time="") for one in stored] == given
    assert stored[0].time < stored[1].time
    again = VerdictStore(store.path)
    assert list(again.events()) == stored
    assert [sequence for sequence, _ in again.numbered(1)] == [2]


def test_an_id_is_stored_once_and_is_one_event(store: VerdictStore) -> None:
    one = event()
    first = store.append(one)
    assert store.append(one) == first
    assert list(store.events()) == [first]
    with pytest.raises(UsageError, match="another event's"):
        store.append(replace(one, verdict="skipped"))
    assert list(store.events()) == [first]


def test_only_an_own_verdict_that_stands_is_undone(store: VerdictStore) -> None:
    one, other = store.append(event()), store.append(event(key=("0001", 1)))
    for wrong in (
        undo(one, undoes="event-unknown"),
        replace(undo(one), annotator="bob"),
        replace(undo(one), key=other.key),
    ):
        with pytest.raises(UsageError):
            store.append(wrong)
    taken = store.append(undo(one))
    with pytest.raises(UsageError, match="is undone"):
        store.append(undo(one))
    with pytest.raises(UsageError, match="no verdict"):
        store.append(replace(undo(one), undoes=taken.event_id))
    assert len(list(store.events())) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET verdict = 'accepted'",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT * FROM events",
        "REPLACE INTO events SELECT * FROM events",
        "INSERT INTO events SELECT * FROM events WHERE 1 "
        "ON CONFLICT (event_id) DO UPDATE SET text = 'x'",
    ],
)
def test_the_file_itself_refuses_to_change_events(store: VerdictStore, statement: str) -> None:
    stored = store.append(event("rejected"))
    with sqlite3.connect(store.path) as other, pytest.raises(sqlite3.IntegrityError):
        other.execute(statement)
    assert list(store.events()) == [stored]


def test_it_keeps_a_write_ahead_log_and_syncs_it_fully(store: VerdictStore) -> None:
    assert store._pragma("journal_mode") == "wal"
    assert store._pragma("synchronous") == 2, "FULL"


def test_times_of_one_item_rise_whatever_the_clock_does(store: VerdictStore) -> None:
    first = store.append(event())
    ahead = replace(event("skipped"), time="2999-12-31T23:59:59.999998Z")
    assert store.import_events([ahead]) == 1
    later = store.append(event("rejected"))
    assert first.time < ahead.time < later.time == "2999-12-31T23:59:59.999999Z"
    elsewhere = store.append(event(key=("0001", 9)))
    assert elsewhere.time < ahead.time, "only this item's clock is ahead"


def test_imports_are_whole_or_nothing_and_known_events_are_not_new(
    store: VerdictStore, tmp_path: Path
) -> None:
    other = VerdictStore(tmp_path / "other.sqlite")
    one = other.append(event())
    taken = other.append(undo(one))
    assert store.import_events([taken, one]) == 2, "an undo may come before its event"
    assert store.import_events([one, taken]) == 0
    with pytest.raises(UsageError, match="no time"):
        store.import_events([replace(event(), time=one.time), event()])
    with pytest.raises(UsageError, match="no verdict"):
        store.import_events([replace(undo(event()), time=one.time)])
    assert set(store.events()) == {one, taken}


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("no database " * 100)
    with pytest.raises(DataError, match="no sound store"):
        VerdictStore(text)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as other:
        other.execute("CREATE TABLE events (x)")
    with pytest.raises(DataError, match="something else"):
        VerdictStore(foreign)
    newer = VerdictStore(tmp_path / "newer.sqlite")
    newer._pragma("user_version = 9")
    with pytest.raises(DataError, match="version 9"):
        VerdictStore(newer.path)


def test_settings_are_kept_beside_the_events(store: VerdictStore) -> None:
    assert store.settings() == {}
    store.keep_setting("queue", {"share": 0.1})
    store.keep_setting("queue", {"share": 0.2})
    assert VerdictStore(store.path).settings() == {"queue": {"share": 0.2}}


def test_threads_append_at_once(store: VerdictStore) -> None:
    def work(name: str) -> None:
        for index in range(20):
            store.append(
                event(annotator=name, key=("0001", index), event_id=f"{name}-{index:06d}")
            )

    threads = [threading.Thread(target=work, args=(f"ann{i}",)) for i in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({one.event_id for one in store.events()}) == 80


APPEND = """
import sys
from pathlib import Path
from qevd_bio.verdicts.store import VerdictStore
from tests.verdicts.made_events import event
store = VerdictStore(Path(sys.argv[1]))
for index in range(int(sys.argv[3])):
    name = f"{sys.argv[2]}-{index:06d}"
    store.append(event(annotator=sys.argv[2], key=("0001", index), event_id=name))
    print(name, flush=True)
"""


def start(path: Path, annotator: str, count: int) -> subprocess.Popen[str]:
    """Start a process that appends events and prints the id of each that is acknowledged."""
    return subprocess.Popen(
        [sys.executable, "-c", APPEND, str(path), annotator, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_open_a_new_file_at_once_all_append(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    running = [start(path, f"annotator{i}", 25) for i in range(2)]
    for one in running:
        out, errors = one.communicate(timeout=120)
        assert (one.returncode, len(out.split())) == (0, 25), errors
    store = VerdictStore(path)
    assert len({one.event_id for one in store.events()}) == 50


@pytest.mark.slow
@pytest.mark.parametrize("kills", [12, pytest.param(50, marks=pytest.mark.long)])
def test_killed_processes_lose_no_acknowledged_event(tmp_path: Path, kills: int) -> None:
    path, rng, acknowledged = tmp_path / "v.sqlite", random.Random(0), set()
    VerdictStore(path).close()
    for kill in range(kills):
        running = start(path, f"annotator{kill}", 100_000)
        assert running.stdout is not None
        acknowledged.add(running.stdout.readline().strip())
        time.sleep(rng.uniform(0.0, 0.12))
        running.send_signal(signal.SIGKILL)
        out, _ = running.communicate()
        lines = out.split("\n")
        # The last line may be cut; a whole one was printed after its event was stored.
        acknowledged |= set(lines[:-1])
    acknowledged.discard("")
    stored = [one.event_id for one in VerdictStore(path).events()]
    assert len(acknowledged) > 2 * kills
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_was_deleted_or_replaced_takes_no_verdict(tmp_path: Path) -> None:
    path, kept = tmp_path / "verdicts.sqlite", tmp_path / "kept.sqlite"
    store = VerdictStore(path)
    store.append(event())
    path.rename(kept)
    with pytest.raises(EnvironmentProblem, match="deleted or replaced"):
        store.append(event())
    path.touch()
    with pytest.raises(EnvironmentProblem, match="deleted or replaced"):
        store.append(event())
    kept.replace(path)
    store.append(event())
    assert len(list(store.events())) == 2


def test_no_time_leaves_no_room_for_a_later_one(tmp_path: Path) -> None:
    store = VerdictStore(tmp_path / "verdicts.sqlite")
    last = replace(event(), time="9999-12-31T23:59:59.999999Z")
    with pytest.raises(UsageError, match="time is"):
        store.import_events([last])
    late = replace(event(), time="8999-12-31T23:59:59.999999Z")
    store.import_events([late])
    assert store.append(event()).time > late.time
