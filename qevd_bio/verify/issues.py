"""Issues of a release, all of them counted and the first of each kind listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from qevd_bio.files.strict_json import JsonValue

IssueKind = Literal[
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
    "context",  # a row of contexts that does not follow from what was known by then
    "derived",  # a row that does not follow from angles, rules and source records
    "leak",
    "drop-in",
    "source",
]

MOST_LISTED = 20
"""Issues of one kind that are listed one by one."""


_RESTORE = "restore the file from where the release was published"
_AGAIN = "publish the release again; if it was just published, report this with the work folder"
_NEXT_STEPS: dict[IssueKind, str] = {
    "path": "delete it, or restore the release",
    "missing file": _RESTORE,
    "extra file": "delete it, or restore the release",
    "sum": _RESTORE,
    "unreadable": _RESTORE,
    "leak": "leave one of the two out; `qevd-bio audit` shows the evidence",
    "source": "give the source that the release was made from, or publish again from this one",
}


@dataclass(frozen=True, slots=True)
class ReleaseIssue:
    """One thing that is wrong: its kind, the file (with row and video), and the cause."""

    kind: IssueKind
    where: str
    cause: str

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return _NEXT_STEPS.get(self.kind, _AGAIN)


@dataclass(slots=True)
class Verdict:
    """What a check of a release found.

    Attributes
    ----------
    issues : list of ReleaseIssue
        The first `MOST_LISTED` of each kind, in the order found.
    counts : Counter of str
        All issues by kind.
    unchecked : list of str
        What could not be checked because something it needs is wrong.
    absent : list of str
        Tables that this version publishes and the release does not have, rightly.
    rows : dict of str to int
        Rows read, by table.
    """

    issues: list[ReleaseIssue] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unchecked: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong, as far as it could be checked."""
        return not self.counts

    def add(self, kind: IssueKind, where: str, cause: str) -> None:
        """Count an issue, and list it if there are not enough of its kind yet."""
        self.counts[kind] += 1
        if self._room(kind):
            self.issues.append(ReleaseIssue(kind, _printable(where), _printable(cause)))

    def to_list(self, kind: IssueKind, places: Sequence[int]) -> Sequence[int]:
        """Return the places to list one by one; the others are counted here and now.

        The caller adds an issue for each place that is returned. A column of a million wrong
        numbers costs no more messages than one of twenty.
        """
        room = self._room(kind)
        if len(places) > room:
            self.counts[kind] += len(places) - room
        return places[:room]

    def take(self, other: Verdict) -> None:
        """Add what another check found."""
        for one in other.issues:
            if self._room(one.kind):
                self.issues.append(one)
        self.counts.update(other.counts)
        for what in other.unchecked:
            self.skip(what)

    def has(self, where: str) -> bool:
        """Whether an issue of this very place is listed already."""
        return any(one.where == where for one in self.issues)

    def _room(self, kind: IssueKind) -> int:
        return max(MOST_LISTED - sum(one.kind == kind for one in self.issues), 0)

    def skip(self, what: str) -> None:
        """Note once that something is not checked."""
        if what not in self.unchecked:
            self.unchecked.append(what)

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the verdict out."""
        return {
            "sound": self.sound,
            "rows": dict(sorted(self.rows.items())),
            "counts": dict(sorted(self.counts.items())),
            "issues": [{**asdict(one), "next_step": one.next_step} for one in self.issues],
            "unchecked": list(self.unchecked),
            "absent_tables": list(self.absent),
        }


def _printable(text: str) -> str:
    """Spell out what is no Unicode: names of files and JSON escapes may be anything."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
