"""Atomic folders: complete or absent."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.files.atomic import TEMPORARY_PREFIX, make_folder, sync_folder


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `target` when the block succeeds.

    Parameters
    ----------
    target : Path
        The folder to make; missing parents are made.

    Yields
    ------
    Path
        An empty folder beside the target.

    Raises
    ------
    UsageError
        The target exists, before the block or at its end.

    Notes
    -----
    Any exception in the block removes the temporary folder; after a power cut or a kill it stays
    beside the target under a name that begins with `TEMPORARY_PREFIX`.
    """
    _refuse_existing(target)
    make_folder(target.parent)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}-{target.name}")
    temporary.mkdir()
    try:
        yield temporary
        for folder, _, _ in os.walk(temporary):
            sync_folder(Path(folder))
        _refuse_existing(target)
        try:
            temporary.rename(target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise _exists(target) from error
            raise
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(target.parent)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise _exists(target)


def _exists(target: Path) -> UsageError:
    return UsageError(
        "exists already and is never overwritten",
        where=str(target),
        next_step="Publish under a new version, or move the old folder away first",
    )
