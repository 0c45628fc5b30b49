"""Dataclasses to JSON and back, checked against their annotations."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from qevd_bio.choices import nearest
from qevd_bio.files.strict_json import JsonValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
}


@dataclass(slots=True)
class Differences:
    """Keys in which a file differs from what this version writes."""

    unknown: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def to_plain(value: Any) -> Any:  # noqa: ANN401  JSON values out of JSON-like values
    """Turn dataclasses into mappings, tuples into lists and paths into absolute text."""
    if is_dataclass(value):
        return {one.name: to_plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, tuple):
        return [to_plain(one) for one in value]
    return value


def from_plain(kind: type[T], content: JsonValue, differences: Differences, prefix: str = "") -> T:
    """Make a dataclass from what `to_plain` made of it; what is absent has its default.

    Parameters
    ----------
    differences : Differences
        Takes the names of unknown and absent keys.
    prefix : str
        Stands before these names.

    Raises
    ------
    ValueError
        A value is of the wrong type, or one without a default is absent; the message names it.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{prefix.rstrip('.') or 'the content'} is not a table of keys")
    hints, values = get_type_hints(kind), {}
    for one in fields(kind):
        name = prefix + one.name
        if one.name in content:
            values[one.name] = value_as(hints[one.name], content[one.name], name, differences)
        elif one.default is MISSING and one.default_factory is MISSING:
            raise ValueError(f"{name} is absent")
        else:
            differences.absent.append(name)
    differences.unknown += [prefix + key for key in content if key not in hints]
    return kind(**values)


def value_as(hint: Any, value: Any, name: str, differences: Differences) -> Any:  # noqa: ANN401
    """Check a plain value against an annotation and convert it.

    Raises
    ------
    ValueError
        It is of another type.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (hint,) = (one for one in arguments if one is not type(None))
        return value_as(hint, value, name, differences)
    if origin is Literal:
        if value not in arguments:
            text = f"{name} must be one of {', '.join(arguments)}, not {value!r}"
            near = nearest(str(value), arguments)
            raise ValueError(f"{text}. {near}" if near else text)
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{name} must be a list, not {value!r}")
        return tuple(value_as(arguments[0], one, name, differences) for one in value)
    if isinstance(hint, type) and is_dataclass(hint):
        return from_plain(hint, value, differences, f"{name}.")
    accepted: Any = {float: (int, float), Path: str}.get(hint, hint)
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{name} must be {_NAMES[hint]}, not {value!r}")
    return hint(value)
