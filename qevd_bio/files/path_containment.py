"""Names and paths from data files, contained in the folder they belong to."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from qevd_bio.errors import DataError

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def contained_path(root: Path, relative: str, *, where: str) -> Path:
    """Join a path from a data file to its root and refuse any path outside the root.

    Parameters
    ----------
    root : Path
        The folder that must contain the file.
    relative : str
        The path in the data file, with forward slashes.
    where : str
        The data file and record, for the error.

    Returns
    -------
    Path
        Absolute, symbolic links resolved; the file need not exist.

    Raises
    ------
    DataError
        The path is empty, absolute (POSIX or Windows), holds ``..``, a NUL or a line
        break, or leaves the root through a symbolic link.
    """
    posix, windows = PurePosixPath(relative), PureWindowsPath(relative)
    if not relative.strip() or not posix.parts:
        cause = "is empty"
    elif any(ord(letter) < 32 for letter in relative):
        cause = "holds a control character"
    elif posix.is_absolute() or windows.drive or windows.root:
        cause = "is absolute"
    elif ".." in posix.parts or ".." in windows.parts:
        cause = "holds '..'"
    else:
        home = root.resolve()
        path = (home / posix).resolve()
        if path.is_relative_to(home) and path != home:
            return path
        cause = "leaves its folder through a symbolic link"
    raise DataError(
        f"path {relative!r} {cause}",
        where=where,
        next_step="Give a path inside the data folder, relative to it",
    )


def is_plain_name(text: str) -> bool:
    """Check whether a text can name a folder on every system."""
    return _PLAIN_NAME.fullmatch(text) is not None


def plain_name(text: str, *, where: str) -> str:
    """Return a text that can name a folder on every system, such as a video id or stage name.

    Raises
    ------
    DataError
        It has other characters than letters, digits, dot, underscore and hyphen, starts with a
        dot, is empty or longer than 128.
    """
    if not is_plain_name(text):
        raise DataError(
            f"{text!r} cannot name a folder",
            where=where,
            next_step="Use 1 to 128 of A-Z a-z 0-9 . _ - and no dot in front",
        )
    return text
