"""The file of answers: append-only, one line a call, whole after a kill, one writer at a time.

Its lines are JSON objects. The first names the format. ``begun`` lines are written before a call
is sent, so that a call whose process died still counts. ``call`` lines hold the question, the raw
answer and who gave it. ``abilities`` lines hold what an endpoint was found to offer.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.files.atomic import make_folder, sync_folder
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.llm.budget import Spent
from qevd_bio.llm.reply import Reply, reply_from

FORMAT, VERSION = "qevd_bio.llm.answers", 1

_HEAD: JsonValue = {"format": FORMAT, "version": VERSION}
_RESTORE = "Restore it from a copy, or name another file by --answers"


class AnswerFile(AbstractContextManager["AnswerFile"]):
    """Every call that was made and what came of it.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made where they are absent.

    Attributes
    ----------
    spent : Spent
        What all calls of the file have cost. A call that never ended counts with its most tokens.

    Raises
    ------
    UsageError
        Another process writes to it.
    DataError
        It is no file of answers, of a newer version, or damaged before its end. What a kill tore
        off at its end is removed.
    EnvironmentProblem
        It cannot be opened or written.

    Notes
    -----
    Not for several threads at once, but `sync` may run beside `get`, `begin` and `end`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spent = Spent()
        self._places: dict[str, tuple[int, int]] = {}
        self._abilities: dict[str, dict[str, Any]] = {}
        self._open_calls: dict[int, tuple[int, int]] = {}
        self._calls = 0
        self._end = 0
        self._file = _locked(path)
        try:
            self._load()
        except BaseException:
            os.close(self._file)
            raise

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Bring everything to the disk and let others write."""
        if self._file >= 0:
            try:
                self.sync()
            finally:
                os.close(self._file)
                self._file = -1

    def get(self, digest: str) -> Reply | None:
        """Read the last reply to a question; None where it was never asked to the end."""
        place = self._places.get(digest)
        if place is None:
            return None
        start, length = place
        return reply_from(json.loads(os.pread(self._file, length, start))["reply"])

    def begin(self, digest: str, prompt_tokens: int, completion_tokens: int) -> int:
        """Note that a call begins, with the most tokens it may cost; returns its number."""
        self._calls += 1
        tokens = [prompt_tokens, completion_tokens]
        self._append({"begun": self._calls, "key": digest, "most_tokens": tokens})
        self._open_calls[self._calls] = (prompt_tokens, completion_tokens)
        self.spent = self.spent.plus(calls=1)
        return self._calls

    def end(
        self,
        call: int,
        digest: str,
        asked: Mapping[str, Any],
        reply: Reply,
        counted: tuple[int, int],
    ) -> None:
        """Note what came of a call; it is on the disk after the next `sync`.

        Parameters
        ----------
        call : int
            The number that `begin` gave.
        digest : str
            Under which the reply is found again.
        asked : mapping
            The question and who was asked, as JSON.
        reply : Reply
            The raw answer, without secrets.
        counted : tuple of int
            Tokens of prompt and answer that the budget counts.
        """
        line: dict[str, Any] = {
            "call": call,
            "key": digest,
            "asked": asked,
            "reply": reply.as_json(),
            "counted": list(counted),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        self._places[digest] = self._append(line)
        self._open_calls.pop(call, None)
        self.spent = self.spent.plus(prompt=counted[0], completion=counted[1])

    def abilities(self, who: Mapping[str, str]) -> dict[str, Any] | None:
        """Return what was remembered of an endpoint; None where it was not looked at."""
        return self._abilities.get(_name(who))

    def remember(self, who: Mapping[str, str], abilities: Mapping[str, Any]) -> None:
        """Keep what an endpoint offers; it replaces what was kept before."""
        self._append({"abilities": dict(abilities), "of": dict(who)})
        self._abilities[_name(who)] = dict(abilities)

    def sync(self) -> None:
        """Bring what was appended to the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _append(self, line: JsonValue) -> tuple[int, int]:
        """Write a line, all or nothing; returns where it starts and its length."""
        data = dump_json(line, where=str(self.path)).encode("ascii") + b"\n"
        start, left = self._end, memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self._take_back(start)
            raise _unwritable(self.path, error) from error
        self._end = start + len(data)
        return start, len(data)

    def _take_back(self, start: int) -> None:
        """Cut a torn line off; where that fails nothing may follow it until the next run."""
        try:
            os.ftruncate(self._file, start)
        except OSError:
            file, self._file = self._file, -1
            if file >= 0:
                os.close(file)

    def _load(self) -> None:
        if os.fstat(self._file).st_size == 0:
            self._append(_HEAD)
            self.sync()
            sync_folder(self.path.parent)
            return
        torn_at: int | None = None
        for number, (start, line) in enumerate(self._lines(), start=1):
            value = _whole(line)
            if number == 1:
                self._check_head(line, value)
            if value is None:
                torn_at = start if torn_at is None else torn_at
                continue
            if torn_at is not None:
                raise self._bad(f"is damaged before line {number}")
            self._end = start + len(line)
            try:
                self._take(value, start, len(line))
            except (KeyError, TypeError, ValueError) as error:
                raise self._bad(f"line {number} is no call ({error!r})") from error
        for prompt, completion in self._open_calls.values():
            self.spent = self.spent.plus(prompt=prompt, completion=completion)
        self._open_calls.clear()
        if torn_at is not None:
            os.ftruncate(self._file, self._end)
            if self._end == 0:
                self._append(_HEAD)
            self.sync()

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        start = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for line in file:
                yield start, line
                start += len(line)

    def _check_head(self, line: bytes, value: dict[str, Any] | None) -> None:
        head = dump_json(_HEAD, where=FORMAT).encode("ascii")
        if value is None:
            if not head.startswith(line.rstrip(b"\n")):
                raise self._bad("is no file of answers", "Name another file by --answers")
        elif value.get("format") != FORMAT:
            raise self._bad("is no file of answers", "Name another file by --answers")
        elif value.get("version") != VERSION:
            cause = f"has version {value.get('version')!r}, and {VERSION} is known"
            raise self._bad(cause, "Update qevd_bio")

    def _take(self, value: dict[str, Any], start: int, length: int) -> None:
        if "begun" in value:
            self._calls = int(value["begun"])
            prompt, completion = value["most_tokens"]
            self._open_calls[self._calls] = (int(prompt), int(completion))
            self.spent = self.spent.plus(calls=1)
        elif "call" in value:
            prompt, completion = value["counted"]
            self._open_calls.pop(value["call"], None)
            reply_from(value["reply"])
            self._places[value["key"]] = (start, length)
            self.spent = self.spent.plus(prompt=int(prompt), completion=int(completion))
        elif "abilities" in value:
            self._abilities[_name(value["of"])] = value["abilities"]

    def _bad(self, cause: str, next_step: str = _RESTORE) -> DataError:
        return DataError(cause, where=str(self.path), next_step=next_step)


def _locked(path: Path) -> int:
    """Open a file for one writer; the lock goes with the process."""
    try:
        make_folder(path.absolute().parent)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            cause, next_step = "is no regular file", "Name another file by --answers"
            raise UsageError(cause, where=str(path), next_step=next_step)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise UsageError(
            "is in use by another process",
            where=str(path),
            next_step="Wait for it, or name another file by --answers",
        ) from error
    except OSError as error:  # a file system without locks
        os.close(file)
        raise _unwritable(path, error) from error
    except BaseException:
        os.close(file)
        raise
    return file


def _whole(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _name(who: Mapping[str, str]) -> str:
    return dump_json(who, where="endpoint")


def _unwritable(path: Path, error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"cannot be used ({error.strerror or error})",
        where=str(path),
        next_step="Check that it can be written and the disk is not full",
    )
