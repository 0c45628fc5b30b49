"""A JSON file with one list, in which one ill item costs no other."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import (
    JsonValue,
    key_twice,
    out_of_range,
    parse_json,
    read_json_text,
)

_DEEPEST = 100
_SPACE = re.compile(r"[ \t\n\r]*")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|([\]}])', re.DOTALL)
_TOO_DEEP = "is nested too deeply"


@dataclass(frozen=True, slots=True)
class JsonItems:
    """The items of a list, and by index what is ill in some.

    In an ill item, values that strict JSON has no form for stand as text; one that is nested too
    deeply is a text as a whole.
    """

    items: tuple[JsonValue, ...]
    faults: Mapping[int, str]


def read_json_items(path: Path, *, next_step: str) -> JsonItems:
    """Read the items of a list, each checked by itself.

    NaN, numbers out of range, keys given twice and too deep nesting are faults of their item.

    Raises
    ------
    DataError
        The file is unreadable, not UTF-8, no list, or breaks the syntax of JSON; line and column
        are then named.
    """
    text, where = read_json_text(path, next_step=next_step), str(path)
    try:
        value = parse_json(text, where=where, next_step=next_step)
    except DataError as error:
        found = _items_one_by_one(text)
        if found is None:
            raise error
        return found
    if not isinstance(value, list):
        raise DataError("is no list of records", where=where, next_step=next_step)
    return _without_deep(value, {})


def _items_one_by_one(text: str) -> JsonItems | None:
    """Read each item by itself; None where the text is no list, or ends within an item."""
    reader = _LenientReader()
    items: list[JsonValue] = []
    faults: dict[int, str] = {}
    place = _after_space(text, 0)
    if text[place : place + 1] != "[":
        return None
    while True:
        try:
            value, place = reader.item(text, _after_space(text, place + 1))
        except ValueError:
            return None
        if reader.fault:
            faults[len(items)] = reader.fault
        items.append(value)
        place = _after_space(text, place)
        mark = text[place : place + 1]
        if mark == "]":
            break
        if mark != ",":
            return None
    return _without_deep(items, faults) if _after_space(text, place + 1) == len(text) else None


class _LenientReader:
    """Reads one item at a time, and notes the first fault in it."""

    def __init__(self) -> None:
        self.fault = ""
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._pairs,
            parse_constant=lambda name: self._ill(name, f"{name} is no JSON number"),
            parse_float=self._number,
            parse_int=self._number,
        )

    def item(self, text: str, place: int) -> tuple[JsonValue, int]:
        """Read the item at a place; returns it and where it ends. `ValueError`: broken syntax."""
        self.fault = ""
        try:
            return self._decoder.raw_decode(text, place)
        except (RecursionError, MemoryError):
            self.fault = _TOO_DEEP
            return _TOO_DEEP, _end_of_item(text, place)

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keyed = dict(pairs)
        if len(keyed) < len(pairs):
            self.fault = self.fault or key_twice(pairs)
        return keyed

    def _number(self, text: str) -> float | int | str:
        value = float(text)
        if not math.isfinite(value):
            return self._ill(text, out_of_range(text))
        return int(text) if text.lstrip("-").isdigit() else value

    def _ill(self, text: str, fault: str) -> str:
        self.fault = self.fault or fault
        return text


def _end_of_item(text: str, place: int) -> int:
    """Find the end of a list or object by its brackets; `ValueError` where it has none."""
    depth = 0
    for token in _BRACKET.finditer(text, place):
        if token[0][0] == '"':
            continue
        depth += -1 if token[1] else 1
        if depth == 0:
            return token.end()
    raise ValueError("the item does not end")


def _without_deep(items: Sequence[JsonValue], faults: Mapping[int, str]) -> JsonItems:
    """Replace items that are nested more deeply than can be written again."""
    deep = {index for index, item in enumerate(items) if _is_deep(item)}
    shown = tuple(_TOO_DEEP if index in deep else item for index, item in enumerate(items))
    return JsonItems(shown, {**faults, **dict.fromkeys(deep, _TOO_DEEP)})


def _is_deep(item: JsonValue) -> bool:
    layer: list[Any] = [item]
    for _ in range(_DEEPEST):
        layer = [part for one in layer for part in _inner(one)]
        if not layer:
            return False
    return True


def _inner(one: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(one, dict):
        one = one.values()
    elif not isinstance(one, list):
        return
    yield from (part for part in one if isinstance(part, dict | list))


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
