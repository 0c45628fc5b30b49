"""Which sentences of a queue are shown: filters as they stand in the address of the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from qevd_bio.choices import suggestion
from qevd_bio.errors import UsageError
from qevd_bio.tables.annotations import TABLE
from qevd_bio.verdicts.event import VERDICTS

ANY = "any"
OPEN, STALE = "open", "stale"
MOST_SEARCH = 200

_NAME = re.compile(r"[\w .@+-]{1,100}")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "split": ("train", "test"),
    "status": (ANY, *TABLE.choices["status"]),
    "kind": TABLE.choices["kind"],
    "verdict": (OPEN, STALE, *(one for one in VERDICTS if one != "undone")),
    "disagreement": ("yes",),
    "passed": ("yes",),
    "order": ("certainty", "time", "random"),
}
_SINGLE = ("disagreement", "passed", "order", "q", "annotator")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which sentences are shown, and in which order.

    Attributes
    ----------
    exercise, split, status, kind, finding : tuple of str
        A sentence has one of these values; empty: any. The status alone is ``rewritten`` if
        nothing is given.
    verdict : tuple of str
        The viewer's own verdict; ``open`` is none, ``stale`` one on an earlier sentence. With
        `annotator`, that annotator's.
    annotator : str
        Sentences that this annotator judged.
    disagreement : str
        ``yes``: annotators disagree and nobody has decided.
    passed : str
        ``yes``: sentences that were certain enough to be passed.
    q : str
        Words that one of the two sentences or the video's id holds.
    order : str
        ``certainty``: the least certain first; ``time``: by video and utterance; ``random``.
    """

    exercise: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    status: tuple[str, ...] = ("rewritten",)
    kind: tuple[str, ...] = ()
    finding: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    annotator: str = ""
    disagreement: str = ""
    passed: str = ""
    q: str = ""
    order: str = "certainty"

    @staticmethod
    def from_query(query: Mapping[str, str]) -> Filters:
        """Read filters from the parameters of an address; several values stand with commas.

        Raises
        ------
        UsageError
            A parameter or value is unknown.
        """
        known = [field.name for field in fields(Filters)]
        given: dict[str, str | tuple[str, ...]] = {}
        for name, text in query.items():
            if name not in known:
                raise _bad(name, "is no filter", suggestion(name, known))
            if text == "":
                continue
            if name == "q":
                given[name] = _search(text)
                continue
            values = tuple(dict.fromkeys(text.split(",")))
            _check(name, values)
            given[name] = values[0] if name in _SINGLE else values
        return Filters(**given)  # type: ignore[arg-type]  # names and kinds were checked

    def to_query(self) -> dict[str, str]:
        """Write what differs from the default as parameters of an address."""
        usual = Filters()
        return {
            field.name: value if isinstance(value, str) else ",".join(value)
            for field in fields(self)
            if (value := getattr(self, field.name)) != getattr(usual, field.name)
        }


def _check(name: str, values: tuple[str, ...]) -> None:
    if name in _SINGLE and len(values) > 1:
        raise _bad(name, "has several values", "Give one")
    for value in values:
        choices = CHOICES.get(name)
        if choices is not None and value not in choices:
            hint = suggestion(value, choices)
            raise _bad(name, f"is {ascii(value)[:80]}", hint)
        if not _NAME.fullmatch(value):
            raise _bad(name, f"is {ascii(value)[:80]}", "Use letters, digits, '-', '_' and '.'")


def _search(text: str) -> str:
    if len(text) > MOST_SEARCH:
        raise _bad("q", f"has {len(text)} characters", f"At most {MOST_SEARCH} are searched for")
    return " ".join(text.split()).casefold()


def _bad(name: str, cause: str, next_step: str) -> UsageError:
    return UsageError(cause, where=f"filter {ascii(name)[:40]}", next_step=next_step)
