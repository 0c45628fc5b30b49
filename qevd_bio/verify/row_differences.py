"""Published rows beside those they should be: which differ, where, and how."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

TOLERANCE = 1e-6
"""Relative to values of 1 to `LARGEST`, else to these: another machine may round differently."""

LARGEST = 1e3
"""Angles, lengths and shares are no larger; times on a clock are, and agree to a millisecond."""

LEAST_CLOCK = 1e6
"""Only times of a source clock are as large; they are copied, so that they agree exactly."""

_MOST_NAMED = 3
_MOST_TEXT = 160

Row = Mapping[str, Any]


def row_issues(
    published: Sequence[Row], due: Sequence[Row], key: Sequence[str], skip: Collection[str] = ()
) -> Iterator[tuple[int, str]]:
    """Yield the place of each published row that is not as it should be, and the cause.

    Rows are matched by the columns of their key; columns that a due row lacks are not compared.
    A row that should be there and is not is reported at the last place.
    """
    expected = {tuple(row[name] for name in key): row for row in due}
    for place, row in enumerate(published):
        named = tuple(row[name] for name in key)
        own = expected.pop(named, None)
        if own is None:
            yield place, "no such row follows from the release"
            continue
        differing = [
            difference
            for name in own
            if name not in skip and row[name] != own[name]
            for difference in _differences(row[name], own[name], name)
        ]
        if differing:
            yield place, _joined(differing)
    for named in list(expected)[:_MOST_NAMED]:
        cells = ", ".join(f"{name} {value}" for name, value in zip(key, named, strict=True))
        more = f", and {len(expected) - 1} more rows" if len(expected) > 1 else ""
        yield len(published) - 1, f"the row of {cells} is absent, which follows{more}"
        break


def _joined(differing: Sequence[str]) -> str:
    shown = "; ".join(differing[:_MOST_NAMED])
    more = len(differing) - _MOST_NAMED
    return f"{shown}; and {more} more" if more > 0 else shown


def _differences(own: Any, due: Any, name: str) -> Iterator[str]:  # noqa: ANN401
    if isinstance(due, Mapping) and isinstance(own, Mapping):
        for key in due:
            yield from _differences(own.get(key), due[key], f"{name}.{key}")
    elif isinstance(due, (list, tuple)) and isinstance(own, (list, tuple)):
        if len(own) != len(due):
            yield f"{name} has {len(own)} items, {len(due)} follow"
            return
        for place, (mine, theirs) in enumerate(zip(own, due, strict=True)):
            yield from _differences(mine, theirs, f"{name}[{place}]")
    elif not same(own, due):
        yield f"{name} is {_short(own)}, {_short(due)} follows"


def same(own: Any, due: Any) -> bool:  # noqa: ANN401
    """Whether two cells agree: numbers within `TOLERANCE`, clocks and all else exactly."""
    if isinstance(own, float) and isinstance(due, (float, int)) and not isinstance(due, bool):
        if math.isnan(due):
            return math.isnan(own)
        if abs(due) >= LEAST_CLOCK:
            return own == due
        off = TOLERANCE * min(max(1.0, abs(due)), LARGEST)
        return own == due or abs(own - due) <= off
    return bool(own == due)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}..."
