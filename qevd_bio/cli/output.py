"""Results on stdout: a table for people, one JSON value for machines."""

from __future__ import annotations

import io
import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from qevd_bio.files.visible_text import visible, visible_json

_GAP = "  "


def emit(result: object, text: str, *, as_json: bool) -> None:
    """Print a command's result: as JSON, or the same as text.

    Dataclasses become objects and paths text in the JSON.
    """
    if as_json:
        print(json_text(result))
    elif text:
        print(visible(text))


def json_text(result: object) -> str:
    """Write a result as JSON that any terminal takes: plain ASCII where it is not UTF-8."""
    is_unicode = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    text = json.dumps(
        result, ensure_ascii=not is_unicode, allow_nan=False, indent=2, default=_plain
    )
    return visible_json(text)


def take_any_text() -> None:
    """Let stdout and stderr spell characters out that the terminal's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _plain(value: Any) -> Any:  # noqa: ANN401  what JSON has no form for
    if is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def printable(text: str) -> str:
    """Show control characters instead of sending them to the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a table for the terminal; the last column wraps."""
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


def counts_table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Lay out numbers by stage and word."""
    header = ("stage", *next(iter(counts.values()), {}))
    return table(header, [(stage, *numbers.values()) for stage, numbers in counts.items()])
