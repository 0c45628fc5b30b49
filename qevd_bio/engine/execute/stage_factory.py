"""How a worker process comes by the stages: a function it can import, and its arguments."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from qevd_bio.engine.stage import Stage
from qevd_bio.files.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class StageFactory:
    """What makes the stages anew in another process; nothing is pickled.

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
        """Make the stages.

        Raises
        ------
        Exception
            Whatever importing or calling the function raises.
        """
        make = getattr(importlib.import_module(self.module), self.function)
        return cast("Sequence[Stage]", make(**self.arguments))


def stage_factory_of(make: Callable[..., Sequence[Stage]], **arguments: JsonValue) -> StageFactory:
    """Describe a call so that another process can make it.

    Parameters
    ----------
    make : callable
        A function at the top of an importable module.
    **arguments : JsonValue
        Its arguments.

    Returns
    -------
    StageFactory
    """
    return StageFactory(make.__module__, make.__qualname__, arguments)
