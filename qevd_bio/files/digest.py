"""Digests of files and of JSON values."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import JsonValue, dump_json


def sha256_file(path: Path) -> str:
    """Hash the bytes of a file, in blocks: 64 hexadecimal digits.

    Raises
    ------
    DataError
        The file is absent or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def sha256_file_once(path: Path) -> str:
    """Hash a file as `sha256_file` does, once a process while it does not change.

    A file counts as unchanged while its device, inode, size and modification and change times
    (ns) are the same.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    stamp = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return _sha256_of_state(path.absolute(), stamp)


def sha256_json(value: JsonValue) -> str:
    """Hash a JSON value by its canonical text: 64 hexadecimal digits, whatever the order of keys.

    Raises
    ------
    DataError
        As `dump_json`.
    """
    text = dump_json(value, where="value to be hashed")
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@cache
def _sha256_of_state(path: Path, stamp: tuple[int, ...]) -> str:
    return sha256_file(path)


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot be read ({error.strerror or error})",
        where=str(path),
        next_step="Restore the file and make it readable, then run again",
    )
