"""Digests of files and of JSON values."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

from qevd_bio.errors import DataError
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.strict_json import JsonValue, dump_json

SETTLED_NS = 1_000_000_000
"""Clocks of file systems tick: a file written to within this time may change again unseen."""

_BLOCK_BYTES = 1 << 20


class FileState(NamedTuple):
    """What changes when a file is exchanged or written to, and whether that would be seen.

    `is_settled` is True where the last change is longer ago than a clock of a file system takes to
    tick.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int
    is_settled: bool


def file_state(file: BinaryIO) -> FileState:
    """Ask for the state of an open file."""
    now = os.fstat(file.fileno())
    age_ns = time.time_ns() - max(now.st_mtime_ns, now.st_ctime_ns)
    return FileState(
        now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns, age_ns > SETTLED_NS
    )


def sha256_file(path: Path, *, follow_links: bool = False) -> str:
    """Hash the bytes of a file, in blocks: 64 hexadecimal digits.

    Raises
    ------
    DataError
        The file is absent, cannot be read, or is no regular file (`open_regular`).
    """
    try:
        with open_regular(path, follow_links=follow_links) as file:
            return _hashed(file)
    except OSError as error:
        raise _unreadable(path, error) from error


def sha256_file_once(path: Path, *, follow_links: bool = False) -> str:
    """Hash a file as `sha256_file` does, once a process while it does not change.

    A file counts as unchanged while its device, inode, size and modification and change times
    (ns) are the same, unless it was written to just before.
    """
    try:
        with open_regular(path, follow_links=follow_links) as file:
            return sha256_open(file)
    except OSError as error:
        raise _unreadable(path, error) from error


def sha256_open(file: BinaryIO) -> str:
    """Hash an open file from its start as `sha256_file_once` does, and go back to its start."""
    state = file_state(file)
    if not state.is_settled:
        return _hashed(file)
    known = _KNOWN.get(state)
    if known is None:
        known = _hashed(file)
        if file_state(file) == state:
            _KNOWN[state] = known
    return known


def sha256_json(value: JsonValue) -> str:
    """Hash a JSON value by its canonical text: 64 hexadecimal digits, whatever the order of keys.

    Raises
    ------
    DataError
        As `dump_json`.
    """
    text = dump_json(value, where="value to be hashed")
    return hashlib.sha256(text.encode("ascii")).hexdigest()


_KNOWN: dict[FileState, str] = {}
"""By the state of a file, its digest."""


def _hashed(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot be read ({error.strerror or error})",
        where=str(path),
        next_step="Restore the file and make it readable, then run again",
    )
