"""How a worker process makes the stages: a function it can import, and its arguments."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from qevd_bio.engine.stage import Stage
from qevd_bio.files.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class StageFactory:
    """Makes the stages again in another process, without pickling.

    Parameters
    ----------
    module, function : str
        A function that can be imported by name and returns the stages.
    arguments : mapping of str to JsonValue
        Given to it by name.
    """

    module: str
    function: str
    arguments: Mapping[str, JsonValue]

    def stages(self) -> Sequence[Stage]:
        """Import the function and call it; both may raise anything."""
        make = getattr(importlib.import_module(self.module), self.function)
        return cast("Sequence[Stage]", make(**self.arguments))


def stage_factory_of(make: Callable[..., Sequence[Stage]], **arguments: JsonValue) -> StageFactory:
    """Describe a call of a function at the top of a module, for another process to make."""
    return StageFactory(make.__module__, make.__qualname__, arguments)
