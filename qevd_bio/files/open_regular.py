"""Opening of regular files: no link is followed, no pipe waited for, no device touched."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISLNK, errno.ELOOP, "is a symbolic link, which is not followed"),
    (stat.S_ISDIR, errno.EISDIR, "is a folder"),
    (stat.S_ISFIFO, errno.EINVAL, "is a pipe, not a regular file"),
    (stat.S_ISSOCK, errno.EINVAL, "is a socket, not a regular file"),
    (lambda mode: not stat.S_ISREG(mode), errno.EINVAL, "is a device, not a regular file"),
)
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that takes the file's place must not block
)


def open_regular(path: Path, *, follow_links: bool = False) -> BinaryIO:
    """Open a regular file for reading.

    Parameters
    ----------
    path : Path
        The file.
    follow_links : bool
        Whether the path itself may be a symbolic link. For files that a person names, and model
        folders, in which links are usual. Links among the folders above are always followed.

    Returns
    -------
    binary file
        Readable from its start.

    Raises
    ------
    OSError
        The file is absent or not readable, is a link, folder, pipe, socket or device, or its path
        can name no file. `strerror` tells which.
    """
    flags = _FLAGS if follow_links else _FLAGS | getattr(os, "O_NOFOLLOW", 0)
    try:
        # before opening, as opening a device may have an effect of its own
        _check(path.stat(follow_symlinks=follow_links).st_mode, path)
        descriptor = os.open(path, flags)
    except ValueError as error:
        raise OSError(errno.EINVAL, "its path can name no file", ascii(str(path))) from error
    try:
        _check(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(
    path: Path, *, most_bytes: int | None = None, follow_links: bool = False
) -> bytes:
    """Read a regular file as `open_regular` opens it; also `OSError` above `most_bytes`."""
    with open_regular(path, follow_links=follow_links) as file:
        if most_bytes is None:
            return file.read()
        held = file.read(most_bytes + 1)
    if len(held) > most_bytes:
        raise OSError(errno.EFBIG, f"has more than {most_bytes} bytes", str(path))
    return held


def read_text_regular(
    path: Path, *, most_bytes: int | None = None, follow_links: bool = False
) -> str:
    """Read UTF-8 text, without a byte order mark; also `UnicodeDecodeError`."""
    data = read_regular(path, most_bytes=most_bytes, follow_links=follow_links)
    return data.decode("utf-8-sig")


def _check(mode: int, path: Path) -> None:
    for is_kind, number, cause in _KINDS:
        if is_kind(mode):
            raise OSError(number, cause, str(path))
