"""Input files whose bytes are known: what was read, not what a path held at another time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from qevd_bio.errors import DataError
from qevd_bio.files.digest import file_state, sha256_open
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.strict_json import JsonValue, parse_json

AGAIN = "Leave the input files alone while they are read, and run again"


@dataclass(slots=True)
class NotedReads:
    """Path and SHA-256 of each input that was read, and inputs that changed meanwhile."""

    digests: list[tuple[Path, str]] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)


_NOTED: ContextVar[NotedReads | None] = ContextVar("noted reads", default=None)


@contextmanager
def noted_reads() -> Iterator[NotedReads]:
    """Note what is read by `opened_input` in this context."""
    noted = NotedReads()
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


@contextmanager
def opened_input(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file as `open_regular`, and see that nobody writes to it meanwhile.

    Another file that takes the path's place makes no difference: the opened one is read on.

    Raises
    ------
    OSError
        As `open_regular`.
    DataError
        The file was written to while it was open.
    """
    with open_regular(path) as file:
        noted = _NOTED.get()
        before = file_state(file)
        digest = sha256_open(file) if noted is not None or not before.is_settled else ""
        if noted is not None:
            noted.digests.append((path, digest))
        try:
            yield file
        finally:
            same = file_state(file)[:-1] == before[:-1]
            if same and not before.is_settled:
                same = sha256_open(file) == digest
            if not same and noted is not None:
                noted.changed.append(path)
        if not same:
            raise DataError("was written to while it was read", where=str(path), next_step=AGAIN)


def read_input(path: Path) -> bytes:
    """Read a whole input file; errors as of `opened_input`."""
    with opened_input(path) as file:
        return file.read()


def read_json_input(path: Path, *, next_step: str) -> JsonValue:
    """Read a JSON file as an input; `DataError` where that is not possible."""
    try:
        text = read_input(path).decode("utf-8-sig")
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
    except UnicodeDecodeError as error:
        cause = f"is not UTF-8 at byte {error.start}"
    else:
        return parse_json(text, where=str(path), next_step=next_step)
    raise DataError(cause, where=str(path), next_step=next_step)


def sha256_input(path: Path) -> str:
    """Hash an input file as `sha256_open`; errors as of `opened_input`."""
    with opened_input(path) as file:
        return sha256_open(file)
