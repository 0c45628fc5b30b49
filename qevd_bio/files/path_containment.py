"""Names and paths from data files, contained in the folder they belong to."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from unicodedata import category

from qevd_bio.errors import DataError

_MOST_PATH, _MOST_NAME = 3000, 255
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
        The path is empty, absolute (POSIX or Windows), holds ``..``, a control character or
        half a Unicode letter, is longer than file systems allow, leaves the root through a
        symbolic link, or ends in one.
    """
    posix, windows = PurePosixPath(relative), PureWindowsPath(relative)
    if not relative.strip() or not posix.parts:
        cause = "is empty"
    elif any(category(letter) == "Cc" for letter in relative):
        cause = "holds a control character"
    elif any(category(letter) == "Cs" for letter in relative):
        cause = "is no valid Unicode"
    elif len(relative) > _MOST_PATH or max(map(len, posix.parts)) > _MOST_NAME:
        cause = "is longer than a file system allows"
    elif posix.is_absolute() or windows.drive or windows.root:
        cause = "is absolute"
    elif ".." in posix.parts or ".." in windows.parts:
        cause = "holds '..'"
    else:
        home = root.resolve()
        path = (home / posix).resolve()
        is_inside = path.is_relative_to(home) and path != home
        if is_inside and not (home / posix).is_symlink():
            return path
        cause = (
            "is a symbolic link, which is not followed"
            if is_inside
            else "leaves its folder through a symbolic link"
        )
    shown = relative if len(relative) <= 200 else f"{relative[:200]}..."
    raise DataError(
        f"path {shown!a} {cause}",
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
            f"{text[:140]!a} cannot name a folder",
            where=where,
            next_step="Use 1 to 128 of A-Z a-z 0-9 . _ - and no dot in front",
        )
    return text
