"""Atomic, durable writes: a file is complete or absent, also after a power cut."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write or replace. Missing parent folders are made. A symbolic link is
        kept and its target replaced; the mode of an existing file is kept.

    Yields
    ------
    Path
        A path in the same folder with the same suffix; the file does not exist yet.

    Raises
    ------
    FileNotFoundError
        The block ended without writing the file.
    OSError
        Writing, syncing or renaming failed.

    Notes
    -----
    File and folder are synced before the context ends. Any exception in the block,
    KeyboardInterrupt too, removes the temporary file and keeps `path` unchanged; only a failing
    sync of the folder itself is raised after the complete file has replaced `path`.
    """
    target = Path(os.path.realpath(path))
    make_folder(target.parent)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}-{target.name}")
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        sync_file(temporary)
        os.replace(temporary, target)  # noqa: PTH105  one name for tests to break
    except BaseException:
        # The first error must be raised, not one of the cleanup.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Write a file as `atomic_path` does: the old content or all of the new, never a part."""
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        file.write(data)


def write_text_atomic(path: Path, text: str) -> None:
    """Write text as `write_bytes_atomic` does, as UTF-8 with its line ends unchanged."""
    write_bytes_atomic(path, text.encode("utf-8"))


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents durably; it may exist already."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_file(path: Path) -> None:
    """Flush the bytes of a file to the disk."""
    _sync(path, os.O_RDWR)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk: those made, renamed or removed."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
