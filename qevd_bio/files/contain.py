"""Names and paths from data files, kept inside the folder they belong to."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from qevd_bio.errors import DataError

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def contained_path(root: Path, relative: str, *, where: str) -> Path:
    """Join a path from a data file to its root and refuse whatever would leave the root.

    Parameters
    ----------
    root : Path
        The folder that must hold the file.
    relative : str
        The path as the data file spells it, with forward slashes.
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
    """Say whether a text can be the name of a folder everywhere."""
    return _PLAIN_NAME.fullmatch(text) is not None


def plain_name(text: str, *, where: str) -> str:
    """Check that a text can be the name of a folder everywhere.

    Parameters
    ----------
    text : str
        A video id or stage name.
    where : str
        Where the name comes from, for the error.

    Returns
    -------
    str
        `text` itself.

    Raises
    ------
    DataError
        It has other signs than letters, digits, dot, underscore and hyphen, starts with
        a dot, is empty or longer than 128.
    """
    if _PLAIN_NAME.fullmatch(text) is None:
        raise DataError(
            f"{text!r} cannot name a folder",
            where=where,
            next_step="Use 1 to 128 of A-Z a-z 0-9 . _ - and no dot in front",
        )
    return text
