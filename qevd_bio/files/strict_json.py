"""Strict JSON: no NaN, no duplicate keys, one canonical text for one value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from qevd_bio.errors import DataError

JsonValue: TypeAlias = (
    "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)

_RESTORE = "Restore or correct the file"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')


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


def read_json(path: Path, *, next_step: str = _RESTORE) -> JsonValue:
    """Read a JSON file as `parse_json` does.

    Raises
    ------
    DataError
        The file cannot be read, is not UTF-8, or is no JSON as `parse_json` reads it.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
    except UnicodeDecodeError as error:
        cause = f"is not UTF-8 at byte {error.start}"
    else:
        return parse_json(text, where=str(path), next_step=next_step)
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
        )
    except json.JSONDecodeError as error:
        cause = f"malformed JSON at line {error.lineno} column {error.colno}: {error.msg}"
    except ValueError as error:
        cause = f"malformed JSON{_place_of(text, error)}: {error}"
    except RecursionError:
        cause = "malformed JSON: nested too deeply"
    else:
        return value
    raise DataError(cause, where=where, next_step=next_step)


def _unique_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    keyed = dict(pairs)
    if len(keyed) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"key {twice[0]!r} is given twice")
    return keyed


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
        raise ValueError(f"number {text[:40]} is out of range")
    return value
