"""Strict JSON: no NaN, no duplicate keys, one canonical text for one value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from qevd_bio.errors import DataError
from qevd_bio.files.open_regular import read_regular

JsonValue: TypeAlias = (
    "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)

_RESTORE = "Restore or correct the file"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')
_MOST_DIGITS = 300
"""Longer whole numbers exceed what a float holds, as 1e999 does."""


def dump_json(value: JsonValue, *, where: str, indent: int | None = None) -> str:
    """Write a value as ASCII JSON with sorted keys.

    Parameters
    ----------
    value : JsonValue
        Built of dict, list, tuple, str, int, finite float, bool and None.
    where : str
        What the value belongs to, for the error.
    indent : int, optional
        Spaces a level; without it the text is compact and canonical.

    Returns
    -------
    str
        The same text for equal values, whatever the order of their keys.

    Raises
    ------
    DataError
        The value holds NaN, an infinity or something JSON does not know.
    """
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(
            value, sort_keys=True, allow_nan=False, separators=separators, indent=indent
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"cannot be written as JSON: {error}",
            where=where,
            next_step="Use only text, finite numbers, true, false, null, lists and mappings",
        ) from error


def read_json(path: Path, *, next_step: str = _RESTORE, follow_links: bool = False) -> JsonValue:
    """Read a JSON file as `read_json_text` and `parse_json` do."""
    text = read_json_text(path, next_step=next_step, follow_links=follow_links)
    return parse_json(text, where=str(path), next_step=next_step)


def read_json_text(path: Path, *, next_step: str = _RESTORE, follow_links: bool = False) -> str:
    """Read the text of a JSON file, without the byte order mark that some editors begin with.

    Raises
    ------
    DataError
        The file cannot be read, is no regular file (`open_regular`), or is not UTF-8.
    """
    try:
        return read_regular(path, follow_links=follow_links).decode("utf-8-sig")
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
    except UnicodeDecodeError as error:
        cause = f"is not UTF-8 at byte {error.start}"
    raise DataError(cause, where=str(path), next_step=next_step)


def parse_json(text: str, *, where: str, next_step: str = _RESTORE) -> JsonValue:
    """Parse JSON strictly: what readers disagree about is an error.

    Parameters
    ----------
    text : str
        One JSON document.
    where : str
        The file the text comes from, for the error.
    next_step : str
        The advice in the error.

    Returns
    -------
    JsonValue
        Dicts, lists, text and finite numbers.

    Raises
    ------
    DataError
        Broken syntax (line and column are named), a key given twice, NaN, a number
        outside float range, or nesting deeper than the interpreter can follow.
    """
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
            parse_int=_short_int,
        )
    except json.JSONDecodeError as error:
        cause = f"malformed JSON at line {error.lineno} column {error.colno}: {error.msg}"
    except ValueError as error:
        cause = f"malformed JSON{_place_of(text, error)}: {error}"
    except (RecursionError, MemoryError):
        cause = "malformed JSON: nested too deeply"
    else:
        return value
    raise DataError(cause, where=where, next_step=next_step)


def _unique_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    keyed = dict(pairs)
    if len(keyed) < len(pairs):
        raise ValueError(key_twice(pairs))
    return keyed


def key_twice(pairs: Sequence[tuple[str, object]]) -> str:
    """Name the first key that an object gives twice."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return f"key {ascii(name)[:80]} is given twice"
        seen.add(name)
    raise AssertionError("no key is given twice")


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is no JSON number")


def _place_of(text: str, error: ValueError) -> str:
    """Find the first NaN or Infinity outside of strings; the parser gives no position."""
    if "is no JSON number" not in str(error):
        return ""
    found = _TOKEN.search(text)
    while found is not None and found[1] is None:
        found = _TOKEN.search(text, found.end())
    if found is None:
        return ""
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
    return f" at line {line} column {column}"


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(out_of_range(text))
    return value


def _short_int(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(out_of_range(text))
    return int(text)


def out_of_range(text: str) -> str:
    """Say that a number has too many digits, or too large an exponent."""
    shown = text if len(text) <= 40 else f"{text[:20]}... of {len(text)} characters"
    return f"number {shown} is out of range"
