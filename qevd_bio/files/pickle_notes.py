"""Notes of the content of a pickle: names, calls and references that are never followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class PickleRefused(ValueError):
    """The pickle refers to more than its reader admits, or is no sound pickle."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a pickle refers to; it is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Call:
    """An object that a pickle would make by calling `name` with `arguments`.

    Its `state` (None without any) and `entries` are those that it would get afterwards.
    """

    name: Name
    arguments: tuple[Any, ...] = ()
    state: Any = None
    entries: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """A reference, by its key, to an object that is stored beside the pickle."""

    key: Any
