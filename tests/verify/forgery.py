"""What a forgery is: a change of a release, consistent but for what only a derivation shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.verify.forger import Forger

Change = Callable[[Forger], None]


@dataclass(frozen=True, slots=True)
class Forgery:
    """One way to forge a release; `missed` says why it cannot be found, where it cannot."""

    kind: str
    name: str
    change: Change
    missed: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """Puts forgeries into a list: as a decorator, or around a change made by a function."""

    forgeries: list[Forgery]

    def __call__(self, kind: str, name: str, missed: str = "") -> Callable[[Change], Change]:
        def kept(change: Change) -> Change:
            self.forgeries.append(Forgery(kind, name, change, missed))
            return change

        return kept
