"""The store of verdict events: one SQLite file that only grows."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.files.atomic import make_folder
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.verdicts.event import NAMES, VerdictEvent, check_event, event_from, time_text

_APPLICATION_ID = 0x71627276
"""``qbrv`` in ASCII; marks the file as a store of verdicts."""

_VERSION = 1
_IDENTITY = "store"
_WAIT_S = 30.0
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_BATCH = 1_000

_COLUMNS = ("video_id", "feedback_index", *(name for name in NAMES if name != "key"))
_TABLES = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    annotator TEXT NOT NULL,
    video_id TEXT NOT NULL,
    feedback_index INTEGER NOT NULL,
    judged TEXT NOT NULL,
    verdict TEXT NOT NULL,
    text TEXT NOT NULL,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    undoes TEXT NOT NULL,
    seconds REAL NOT NULL,
    time TEXT NOT NULL,
    adjudication INTEGER NOT NULL
);
CREATE INDEX events_of_item ON events (video_id, feedback_index, annotator);
CREATE INDEX events_undone ON events (undoes) WHERE undoes != '';
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TRIGGER events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'verdict events are never changed'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'verdict events are never deleted'); END;
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
    WHEN EXISTS (
        SELECT 1 FROM events WHERE event_id = NEW.event_id OR sequence = NEW.sequence
    )
    BEGIN SELECT RAISE(ABORT, 'verdict events are never replaced'); END;
"""


class VerdictStore:
    """Verdict events on disk, for several threads and processes at once.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made where they are absent.
    wait_s : float
        For so long every call waits for another process that has locked the file, and for the
        threads that wait for it; then the call fails and has done nothing.

    Raises
    ------
    DataError
        The file is no store of verdicts, of a newer version, or damaged.
    EnvironmentProblem
        The disk does not let SQLite keep a write-ahead log there; another process has locked the
        file. The latter can be raised by every method.

    Notes
    -----
    Write-ahead log, ``synchronous = FULL``: an event is on the disk before `append` returns.
    Triggers refuse to change, replace or delete an event.
    """

    def __init__(self, path: Path, *, wait_s: float = _WAIT_S) -> None:
        self.path, self.wait_s = path, wait_s
        self._lock = threading.RLock()
        make_folder(path.parent)
        with self._errors():
            self._connection = sqlite3.connect(
                path, timeout=wait_s, isolation_level=None, check_same_thread=False
            )
        try:
            with self._errors():
                self._open()
        except BaseException:
            self._connection.close()
            raise

    def append(self, event: VerdictEvent) -> VerdictEvent:
        """Store an event and return it as it is stored, with its time.

        Parameters
        ----------
        event : VerdictEvent
            Its time is set here. An id that is stored already, with the same content, stores
            nothing and returns the first one.

        Raises
        ------
        UsageError
            As for `qevd_bio.verdicts.event.check_event`; the id is another event's; the event to
            undo is absent, undone already, or of another annotator or item.
        """
        check_event(replace(event, time=""))
        with self._transaction():
            stored = self._stored(event.event_id)
            if stored is not None:
                return _same(stored, event)
            self._check_undo(event)
            timed = replace(event, time=self._time_for(event))
            self._insert(timed)
        return timed

    def import_events(self, events: Iterable[VerdictEvent]) -> int:
        """Store events of another store with their times, all or none; return how many are new.

        Raises
        ------
        UsageError
            As for `append`, and where an event has no time. An undone event may come later in
            `events` than its undo.
        """
        new = []
        with self._transaction():
            for event in events:
                check_event(event)
                if not event.time:
                    raise _bad(event, "has no time", "Import what `review export` wrote")
                stored = self._stored(event.event_id)
                if stored is None:
                    self._insert(event)
                    new.append(event)
                elif stored != event:
                    _same(stored, event)
            for event in new:
                self._check_undo(event, is_stored=True)
        return len(new)

    def events(self, since: int = 0) -> Iterator[VerdictEvent]:
        """Yield the events after a sequence number, in the order they were stored."""
        return (event for _, event in self.numbered(since))

    def numbered(self, since: int = 0) -> Iterator[tuple[int, VerdictEvent]]:
        """Yield sequence number and event, a batch of rows in memory at a time."""
        query = (
            f"SELECT sequence, {', '.join(_COLUMNS)} FROM events "  # noqa: S608  own names only
            "WHERE sequence > ? ORDER BY sequence LIMIT ?"
        )
        while True:
            with self._used():
                rows = self._connection.execute(query, (since, _BATCH)).fetchall()
            for sequence, *values in rows:
                since = sequence
                yield sequence, _event(values)
            if len(rows) < _BATCH:
                return

    def get(self, event_id: str) -> VerdictEvent | None:
        """Return a stored event; None where there is none with that id."""
        with self._used():
            return self._stored(event_id)

    def identity(self) -> str:
        """Return the name of this store, which no other one has; drawn when it is first asked."""
        with self._transaction():
            self._connection.execute(
                "INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)",
                (_IDENTITY, json.dumps(secrets.token_hex(16))),
            )
            (text,) = self._connection.execute(
                "SELECT value FROM settings WHERE name = ?", (_IDENTITY,)
            ).fetchone()
        return str(json.loads(text))

    def settings(self) -> dict[str, JsonValue]:
        """Read what was kept beside the events, by name."""
        with self._used():
            rows = self._connection.execute("SELECT name, value FROM settings").fetchall()
        return {name: json.loads(value) for name, value in rows}

    def keep_setting(self, name: str, value: JsonValue) -> None:
        """Keep a value beside the events; it replaces the one of that name."""
        text = dump_json(value, where=f"setting {name}")
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, text)
            )

    def close(self) -> None:
        """Close the file; what was stored is on the disk already."""
        with self._lock:
            self._connection.close()

    def _open(self) -> None:
        tables = self._pragma("schema_version")
        self._file = _file_id(self.path)
        marked = self._pragma("application_id"), self._pragma("user_version")
        if tables and marked[0] != _APPLICATION_ID:
            raise DataError(
                "is a database of something else",
                where=str(self.path),
                next_step="Name another file by --store",
            )
        if tables and marked[1] > _VERSION:
            raise DataError(
                f"has version {marked[1]}; this version of qevd_bio knows {_VERSION}",
                where=str(self.path),
                next_step="Update qevd_bio",
            )
        if self._write_ahead() != "wal":
            raise EnvironmentProblem(
                "cannot keep a write-ahead log",
                where=str(self.path),
                next_step="Put the store on a local disk by --store",
            )
        self._pragma("synchronous = FULL")
        self._pragma("trusted_schema = OFF")
        if not marked[1]:
            self._make_tables()

    def _make_tables(self) -> None:
        with self._transaction():
            if self._pragma("user_version"):
                return  # another process was first
            for statement in _statements(_TABLES):
                self._connection.execute(statement)
            self._pragma(f"application_id = {_APPLICATION_ID}")
            self._pragma(f"user_version = {_VERSION}")

    def _write_ahead(self) -> object:
        """Switch to WAL; SQLite does not wait when two processes do so at once, so this does."""
        ends = time.monotonic() + self.wait_s
        while True:
            try:
                return self._pragma("journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > ends:
                    raise
            time.sleep(0.02)

    def _pragma(self, text: str) -> Any:  # noqa: ANN401  a number or a word
        row = self._connection.execute(f"PRAGMA {text}").fetchone()
        return row[0] if row else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._used():
            self._check_place()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _check_place(self) -> None:
        """Refuse to write into a file that was deleted or replaced: nobody would find it."""
        try:
            is_same = _file_id(self.path) == self._file
        except OSError:
            is_same = False
        if not is_same:
            raise EnvironmentProblem(
                "was deleted or replaced while it was open",
                where=str(self.path),
                next_step="Put the file back, then start the command again",
            )

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Let one thread at a time use the file."""
        if not self._lock.acquire(timeout=self.wait_s):
            raise self.locked()
        try:
            with self._errors():
                yield
        finally:
            self._lock.release()

    def locked(self) -> EnvironmentProblem:
        """Make the error of a file that another process has locked."""
        return EnvironmentProblem(
            "is locked by another process",
            where=str(self.path),
            next_step="Wait until that process has ended, or end it: a `review import`, a backup "
            "or a database browser may hold the file",
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _LOCKED:
                raise self.locked() from error
            raise EnvironmentProblem(
                f"cannot be used ({error})",
                where=str(self.path),
                next_step="Check that the file can be written and the disk is not full",
            ) from error
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"is no sound store of verdicts ({error})",
                where=str(self.path),
                next_step="Restore it from a copy, or import what `review export` wrote",
            ) from error

    def _stored(self, event_id: str) -> VerdictEvent | None:
        row = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM events WHERE event_id = ?",  # noqa: S608  as above
            (event_id,),
        ).fetchone()
        return None if row is None else _event(row)

    def _insert(self, event: VerdictEvent) -> None:
        values = event.as_json()
        marks = ", ".join("?" for _ in _COLUMNS)
        self._connection.execute(
            f"INSERT INTO events ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608  as above
            [values[name] for name in _COLUMNS],
        )

    def _time_for(self, event: VerdictEvent) -> str:
        """Read the clock; later than all events of this annotator about this item."""
        now = time_text(datetime.now(UTC))
        last = self._connection.execute(
            "SELECT MAX(time) FROM events "
            "WHERE video_id = ? AND feedback_index = ? AND annotator = ?",
            (event.key.video_id, event.key.feedback_index, event.annotator),
        ).fetchone()[0]
        if last is None or now > last:
            return now
        # the clock was set back, or another machine's is ahead
        return time_text(datetime.fromisoformat(last) + timedelta(microseconds=1))

    def _check_undo(self, event: VerdictEvent, *, is_stored: bool = False) -> None:
        if event.verdict != "undone":
            return
        target = self._stored(event.undoes)
        if target is None or target.verdict == "undone":
            raise _bad(event, f"undoes {event.undoes}, which is no verdict", "Show the item again")
        if (target.annotator, target.key) != (event.annotator, event.key):
            raise _bad(event, "undoes another annotator's or item's verdict", "Undo your own only")
        (undone,) = self._connection.execute(
            "SELECT COUNT(*) FROM events WHERE undoes = ?", (event.undoes,)
        ).fetchone()
        if undone and not is_stored:
            raise _bad(event, f"undoes {event.undoes}, which is undone", "Show the item again")


def _file_id(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _event(values: Iterable[Any]) -> VerdictEvent:
    named: Mapping[str, Any] = dict(zip(_COLUMNS, values, strict=True))
    return event_from({**named, "adjudication": bool(named["adjudication"])})


def _same(stored: VerdictEvent, event: VerdictEvent) -> VerdictEvent:
    if replace(stored, time="") != replace(event, time="", seconds=float(event.seconds)):
        raise _bad(event, "the id is another event's", "Give every event an id of its own")
    return stored


def _statements(script: str) -> Iterator[str]:
    """Cut a script into statements; triggers hold semicolons."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""


def _bad(event: VerdictEvent, cause: str, next_step: str) -> UsageError:
    return UsageError(cause, where=f"verdict {event.event_id}", next_step=next_step)
