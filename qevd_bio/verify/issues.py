"""Faults of a release, all of them counted and the first of each kind told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from qevd_bio.files.strict_json import JsonValue

FaultKind = Literal[
    "path",  # a link, a pipe, or a name that leads out of the release
    "missing file",
    "extra file",
    "sum",  # bytes that are not those that were written
    "manifest",
    "unreadable",  # a shard or file that cannot be read
    "schema",
    "count",
    "described",  # card, Croissant description or changelog against the tables
    "duplicate",
    "order",
    "range",
    "choice",
    "reference",  # a row that names a row which is not there, or one that no row names
    "time",
    "rows",  # rows of a video that are not those the manifest has the digest of
    "copy",  # a value that stands twice and differs
    "sentence",
    "leak",
    "drop-in",
    "source",
]

MOST_TOLD = 20
"""Faults of one kind that are told one by one."""


@dataclass(frozen=True, slots=True)
class ReleaseIssue:
    """One thing that is wrong with a release.

    Attributes
    ----------
    kind : str
        One of `FaultKind`.
    where : str
        File relative to the release, with row or video.
    cause : str
        What is wrong, without a final full stop.
    """

    kind: FaultKind
    where: str
    cause: str


@dataclass(slots=True)
class Verdict:
    """What a check of a release found.

    Attributes
    ----------
    faults : list of ReleaseIssue
        The first `MOST_TOLD` of each kind, in the order found.
    counts : Counter of str
        All faults by kind.
    unchecked : list of str
        What could not be looked at because something it needs is at fault.
    rows : dict of str to int
        Rows read, by table.
    """

    faults: list[ReleaseIssue] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unchecked: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong, as far as it could be checked."""
        return not self.counts

    def add(self, kind: FaultKind, where: str, cause: str) -> None:
        """Note a fault."""
        self.counts[kind] += 1
        if self._room(kind):
            self.faults.append(ReleaseIssue(kind, _printable(where), _printable(cause)))

    def still_to_tell(self, kind: FaultKind, places: Sequence[int]) -> Sequence[int]:
        """Take the places whose faults will be told; the others are counted here and now.

        Whoever asks adds a fault for each place that is returned. A column of a million wrong
        numbers costs no more words than one of twenty.
        """
        room = self._room(kind)
        if len(places) > room:
            self.counts[kind] += len(places) - room
        return places[:room]

    def _room(self, kind: FaultKind) -> int:
        return max(MOST_TOLD - sum(one.kind == kind for one in self.faults), 0)

    def leave(self, what: str) -> None:
        """Note once that something is not checked."""
        if what not in self.unchecked:
            self.unchecked.append(what)

    def as_json(self) -> dict[str, JsonValue]:
        """Tell the verdict as a JSON value."""
        return {
            "sound": self.sound,
            "rows": dict(sorted(self.rows.items())),
            "counts": dict(sorted(self.counts.items())),
            "faults": [asdict(one) for one in self.faults],
            "unchecked": list(self.unchecked),
        }


def _printable(text: str) -> str:
    """Spell out what is no Unicode: names of files and JSON escapes may be anything."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
