"""The token file of a server that other machines reach: a secret for each annotator."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from qevd_bio.errors import DataError, UsageError
from qevd_bio.review.server.access import new_token

_LEAST_LETTERS = 32


def tokens_of(path: Path, annotators: Sequence[str]) -> dict[str, str]:
    """Read the token of each annotator; a file that is absent is made.

    Parameters
    ----------
    path : Path
        Lines of ``ANNOTATOR TOKEN``; only its owner may read it.
    annotators : sequence of str
        Who reviews.

    Returns
    -------
    dict of annotator to token
        For `annotators` only.

    Raises
    ------
    DataError
        Others may read the file; a line is malformed; a token is short or used twice.
    UsageError
        The file has no token for an annotator.
    """
    if not path.exists():
        _make(path, annotators)
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise DataError(
            "others than its owner may read it",
            where=str(path),
            next_step=f"chmod 600 {path}",
        )
    known = _parsed(path)
    missing = [name for name in annotators if name not in known]
    if missing:
        raise UsageError(
            f"has no token for {', '.join(missing)}",
            where=str(path),
            next_step="Add a line 'NAME TOKEN' for each, or name a new file, which is then made",
        )
    return {name: known[name] for name in annotators}


def _make(path: Path, annotators: Sequence[str]) -> None:
    text = "".join(f"{name} {new_token()}\n" for name in annotators)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _parsed(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, token = line.rpartition(" ")
        where = f"{path} line {number}"
        if not name or len(token) < _LEAST_LETTERS or not token.isascii():
            raise DataError(
                f"is no 'NAME TOKEN' with a token of at least {_LEAST_LETTERS} letters",
                where=where,
                next_step="Name a file that does not exist, and it is made with good tokens",
            )
        if name in found or token in found.values():
            raise DataError(
                "names an annotator or a token again", where=where, next_step="Remove the line"
            )
        found[name] = token
    return found
