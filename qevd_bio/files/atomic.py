"""Files that are there whole or not at all, also after a power cut."""

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
    """Lend a temporary path that takes the place of `path` when the block ends well.

    Parameters
    ----------
    path : Path
        The file to write or replace. Missing parent folders are made. A symbolic link is
        kept and its target replaced; the mode of an existing file is kept.

    Yields
    ------
    Path
        A path in the same folder with the same suffix; no file is there yet.

    Raises
    ------
    FileNotFoundError
        The block ended without writing the file.
    OSError
        Writing, syncing or renaming failed.

    Notes
    -----
    File and folder are synced before the context ends. Whatever leaves the block,
    KeyboardInterrupt too, removes the temporary file and leaves `path` as it was; only a
    failing sync of the folder itself comes after the (whole) file has taken its place.
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
        # The first error is the one to tell; a folder that is gone needs no cleaning.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Write a file durably: the old content or all of the new, never a part.

    Parameters
    ----------
    path : Path
        The file to write or replace; missing parent folders are made.
    data : bytes
        The whole content.

    Raises
    ------
    OSError
        Writing, syncing or renaming failed; `path` is as it was.
    """
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        file.write(data)


def write_text_atomic(path: Path, text: str) -> None:
    """Write text durably as UTF-8, with its line ends as they are.

    Parameters
    ----------
    path : Path
        The file to write or replace; missing parent folders are made.
    text : str
        The whole content.

    Raises
    ------
    OSError
        Writing, syncing or renaming failed; `path` is as it was.
    """
    write_bytes_atomic(path, text.encode("utf-8"))


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents durably.

    Parameters
    ----------
    folder : Path
        May exist already.

    Raises
    ------
    OSError
        A parent is no folder, or may not be written.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_file(path: Path) -> None:
    """Bring the bytes of a file to the disk.

    Raises
    ------
    OSError
        The disk took them not.
    """
    _sync(path, os.O_RDWR)


def sync_folder(folder: Path) -> None:
    """Bring the entries of a folder to the disk: what was made, renamed or removed in it.

    Raises
    ------
    OSError
        The disk took them not.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
