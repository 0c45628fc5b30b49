"""What events come to: the verdict of each annotator, and one verdict of each item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.judged import judged_digest

State = Literal["adjudicated", "agreed", "single", "disagreeing", "stale"]

Current = dict[tuple[str, ItemKey], VerdictEvent]
"""Newest verdict by annotator and item."""


class VerdictFold:
    """Events taken in one by one, and the verdicts that stand.

    The result depends on the set of events, not on the order in which they come: of several
    verdicts of an annotator the one with the latest time stands that is not undone.
    """

    def __init__(self) -> None:
        self.verdicts: Current = {}
        self.adjudications: Current = {}
        self._of: dict[tuple[bool, str, ItemKey], dict[str, VerdictEvent]] = {}
        self._judges: dict[ItemKey, set[str]] = {}
        self._undone: set[tuple[str, ItemKey, str]] = set()
        self._seen: set[str] = set()

    def add(self, event: VerdictEvent) -> None:
        """Take an event in; one that is known changes nothing."""
        if event.event_id in self._seen:
            return
        self._seen.add(event.event_id)
        if event.verdict == "undone":
            self._undone.add((event.annotator, event.key, event.undoes))
            self._stand(event.adjudication, event.annotator, event.key)
            self._stand(not event.adjudication, event.annotator, event.key)
            return
        place = (event.adjudication, event.annotator, event.key)
        self._of.setdefault(place, {})[event.event_id] = event
        self._judges.setdefault(event.key, set()).add(event.annotator)
        self._stand(*place)

    def is_undone(self, event: VerdictEvent) -> bool:
        """Return whether an event was taken back."""
        return (event.annotator, event.key, event.event_id) in self._undone

    def judged_items(self) -> list[ItemKey]:
        """List the items with a verdict that stands and is no skip, sorted."""
        standing = (*self.verdicts.items(), *self.adjudications.items())
        return sorted({key for (_, key), event in standing if event.verdict != "skipped"})

    def resolution(self, key: ItemKey, digest: str) -> Resolution:
        """Resolve the verdicts on one item; `digest` is that of its row now."""
        judges = [(name, key) for name in sorted(self._judges.get(key, ()))]
        own, deciding = (
            [standing[one] for one in judges if one in standing]
            for standing in (self.verdicts, self.adjudications)
        )
        return _resolution(key, own, deciding, digest)

    def _stand(self, adjudication: bool, annotator: str, key: ItemKey) -> None:
        left = [
            event
            for event in self._of.get((adjudication, annotator, key), {}).values()
            if not self.is_undone(event)
        ]
        standing = self.adjudications if adjudication else self.verdicts
        if left:
            standing[annotator, key] = max(left, key=_when)
        else:
            standing.pop((annotator, key), None)


def _when(event: VerdictEvent) -> tuple[str, str]:
    return event.time, event.event_id


def fold(events: Iterable[VerdictEvent]) -> VerdictFold:
    """Take all events in."""
    found = VerdictFold()
    for event in events:
        found.add(event)
    return found


def current(events: Iterable[VerdictEvent]) -> Current:
    """Find the verdict of each annotator on each item, undone ones taken back.

    Adjudications are left out.
    """
    return fold(events).verdicts


def is_stale(event: VerdictEvent, row_digest: str) -> bool:
    """Return whether the sentence or its findings changed since it was judged."""
    return event.judged != row_digest


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the verdicts on one item come to.

    Attributes
    ----------
    key : ItemKey
        The item.
    state : str
        ``adjudicated``; ``agreed``: several annotators say the same; ``single``;
        ``disagreeing``; ``stale``: every verdict is about an earlier sentence.
    verdict : VerdictEvent or None
        The one that counts; None where annotators disagree or all verdicts are stale.
    given : tuple of VerdictEvent
        Verdicts on the sentence as it is now, the earliest first; skipped ones left out.
    stale : tuple of VerdictEvent
        Verdicts on an earlier sentence.
    """

    key: ItemKey
    state: State
    verdict: VerdictEvent | None
    given: tuple[VerdictEvent, ...] = ()
    stale: tuple[VerdictEvent, ...] = field(default=())


def resolved(
    events: Iterable[VerdictEvent], digests: Mapping[ItemKey, str]
) -> dict[ItemKey, Resolution]:
    """Find the one verdict of each item that was judged.

    Parameters
    ----------
    events : iterable of VerdictEvent
        All events, in any order.
    digests : mapping of ItemKey to str
        `judged_digest` of every row as it is now.

    Returns
    -------
    dict
        In the order of the keys. An adjudication counts before the annotators' own verdicts.
        Verdicts on items that are gone are stale. Items that were only skipped are absent.
    """
    found = fold(events)
    return {key: found.resolution(key, digests.get(key, "")) for key in found.judged_items()}


def resolved_rows(
    rows: Iterable[Mapping[str, Any]], events: Iterable[VerdictEvent]
) -> Iterator[tuple[list[Mapping[str, Any]], dict[ItemKey, Resolution]]]:
    """Yield the rows of each video with what the verdicts on them come to.

    `rows` are annotation rows as plain values, those of a video together; those of one video are
    in memory. At last come the verdicts on videos that are gone, without rows.
    """
    of_video: dict[str, list[VerdictEvent]] = {}
    for event in events:
        of_video.setdefault(event.key.video_id, []).append(event)
    for video, group in groupby(rows, key=lambda row: str(row["video_id"])):
        own, given = list(group), of_video.pop(video, [])
        judged = {event.key.feedback_index for event in given}
        digests = {
            ItemKey(video, row["feedback_index"]): judged_digest(row)
            for row in own
            if row["feedback_index"] in judged
        }
        yield own, resolved(given, digests)
    for given in of_video.values():
        yield [], resolved(given, {})


def _resolution(
    key: ItemKey,
    verdicts: Sequence[VerdictEvent],
    adjudications: Sequence[VerdictEvent],
    digest: str,
) -> Resolution:
    verdicts, adjudications = (
        [event for event in events if event.verdict != "skipped"]
        for events in (verdicts, adjudications)
    )
    given = tuple(sorted((e for e in verdicts if e.judged == digest), key=_when))
    deciding = sorted((e for e in adjudications if e.judged == digest), key=_when)
    old = [event for event in (*verdicts, *adjudications) if event.judged != digest]
    stale = tuple(sorted(old, key=_when))
    if deciding:
        return Resolution(key, "adjudicated", deciding[-1], given, stale)
    if not given:
        return Resolution(key, "stale", None, given, stale)
    if len(given) == 1:
        return Resolution(key, "single", given[0], given, stale)
    if len({said(event) for event in given}) == 1:
        return Resolution(key, "agreed", given[0], given, stale)
    return Resolution(key, "disagreeing", None, given, stale)


def said(event: VerdictEvent) -> tuple[str, str]:
    """Return what two annotators must share to agree: the verdict, and the text of an edit."""
    return event.verdict, " ".join(event.text.split())
