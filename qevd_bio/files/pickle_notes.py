"""What a pickle says, written down: names, calls and references that are never followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class PickleRefused(ValueError):
    """A pickle that asks for more than its reader admits, or is no sound pickle."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name a pickle refers to; it is never looked up.

    Attributes
    ----------
    module, name : str
    """

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Call:
    """An object a pickle would have made by calling a name.

    Attributes
    ----------
    name : Name
        What would have been called.
    arguments : tuple
        With what.
    state : object
        What it would have been given as its state; None without any.
    entries : dict
        What would have been put into it by key.
    """

    name: Name
    arguments: tuple[Any, ...] = ()
    state: Any = None
    entries: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """A reference to something that is kept beside the pickle.

    Attributes
    ----------
    key : object
        As the file spells it.
    """

    key: Any
