"""Results on stdout: a table for people, one JSON value for machines."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

_GAP = "  "


def emit(result: Mapping[str, Any] | Sequence[Any], text: str, *, as_json: bool) -> None:
    """Print a command's result.

    Parameters
    ----------
    result : mapping or sequence
        The result as JSON values.
    text : str
        The same for people.
    as_json : bool
        Which of the two.
    """
    if as_json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False, indent=2))
    elif text:
        print(text)


def printable(text: str) -> str:
    """Show control characters instead of sending them to the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a table for the terminal; the last column wraps.

    Parameters
    ----------
    header : sequence of str
        Column titles.
    rows : sequence of sequences
        One sequence a row, as long as the header.

    Returns
    -------
    str
        Lines without trailing blanks.
    """
    cells = [[printable(str(value)) for value in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    last = max(24, shutil.get_terminal_size((120, 24)).columns - before)
    lines = []
    for row in cells:
        pieces = textwrap.wrap(row[-1], last) or [""]
        start = _GAP.join(
            cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)
        )
        lines.append(f"{start}{_GAP if start else ''}{pieces[0]}".rstrip())
        lines += [" " * before + piece for piece in pieces[1:]]
    return "\n".join(lines)
