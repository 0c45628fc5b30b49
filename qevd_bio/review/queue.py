"""The queues of annotators: what each of them judges next, and what is done."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray
from qevd_bio.errors import UsageError
from qevd_bio.review.filters import OPEN, STALE, Filters
from qevd_bio.review.fitting import unfit
from qevd_bio.review.passing import Passed, passed_of
from qevd_bio.review.queue_item import QueueItem, queue_items
from qevd_bio.review.queue_masks import QueueMasks
from qevd_bio.review.queue_settings import QueueSettings
from qevd_bio.verdicts.current import Resolution, VerdictFold, said
from qevd_bio.verdicts.event import VERDICTS, VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.store import VerdictStore

__all__ = ["Progress", "QueueItem", "ReviewState", "queue_items"]

OFFERED_S = 600.0
"""For so long an item that one annotator was shown comes to others only after all else."""

_MOST_OFFERED = 3
"""Items that are held for one annotator: the one on the page, and those loaded ahead."""

_NONE, _STALE = 0, len(VERDICTS) + 1
_CODE = {verdict: number for number, verdict in enumerate(VERDICTS, start=1)}

Codes = NDArray[np.int8]


class Progress(NamedTuple):
    """Sentences that an annotator has judged, and those with what is still open for them."""

    done: int
    total: int


class ReviewState:
    """The events of a store, taken in as they come, and the queues that follow from them.

    Parameters
    ----------
    items : sequence of QueueItem
        From `queue_items`.
    store : VerdictStore
        Other processes may append to it, too.
    settings : QueueSettings
        What is judged twice or passed.
    edit_issues : callable, optional
        Finds the reasons to refuse an edited sentence of an item.

    Notes
    -----
    An item is open for an annotator who has not judged it as it is now, until as many annotators
    as it needs (one, or two for the shared ones) have. Until then nobody sees another's verdict on
    an item that they have not judged or only skipped. Answers take time proportional to the
    number of items only inside numpy: some 0.1 ms for 20,000.
    """

    def __init__(
        self,
        items: Sequence[QueueItem],
        store: VerdictStore,
        settings: QueueSettings | None = None,
        edit_issues: Callable[[ItemKey, str], list[str]] | None = None,
    ) -> None:
        self.items, self.settings = tuple(items), settings or QueueSettings()
        self._store, self._edit_issues = store, edit_issues
        self._places = {item.key: place for place, item in enumerate(self.items)}
        self._ids = {item.key.item_id(): item.key for item in self.items}
        self._masks = QueueMasks(self.items, self.settings)
        self._passed = passed_of(self.items, self.settings)
        self._needed = 1 + self._masks.shared.astype(np.int16)
        self._given = np.zeros(len(self.items), dtype=np.int16)
        self._disagreeing = np.zeros(len(self.items), dtype=bool)
        self._decided = np.zeros(len(self.items), dtype=bool)
        self._none: Codes = np.zeros(len(self.items), dtype=np.int8)
        self._codes: dict[str, Codes] = {}
        self._history: dict[str, list[VerdictEvent]] = {}
        self._offered: dict[str, deque[tuple[int, float]]] = {}
        self._fold, self._sequence = VerdictFold(), 0
        self._lock = threading.RLock()
        self.store_id = store.identity()
        self.refresh()

    def refresh(self) -> None:
        """Take in what was stored since, by this process or another."""
        with self._alone():
            for sequence, event in self._store.numbered(self._sequence):
                self._sequence = sequence
                self._take(event)

    def item(self, key: ItemKey) -> QueueItem:
        """Return an item; `UsageError` where there is no such one."""
        return self.items[self._place(key)]

    def key_of(self, item_id: str) -> ItemKey:
        """Return the key of an item's id; `UsageError` where there is no such one."""
        if item_id not in self._ids:
            raise UsageError("is no item", where=f"item {item_id[:40]!a}", next_step="Reload")
        return self._ids[item_id]

    def next_item(
        self,
        annotator: str,
        filters: Filters,
        after: ItemKey | None = None,
        *,
        open_only: bool = True,
    ) -> QueueItem | None:
        """Return the next item after another one, from the end on to the beginning again.

        Only items that are open for the annotator; all that fit where the filters name verdicts,
        an annotator or a disagreement. None where there is none.
        """
        with self._alone():
            self.refresh()
            mask = self._fitting(annotator, filters)
            if open_only and not (filters.verdict or filters.annotator or filters.disagreement):
                mask = mask & self._open(annotator, filters)
                free = mask & self._free(annotator)
                mask = free if free.any() else mask  # at the end of the queue two may meet
            place = self._masks.first_after(mask, filters.order, self._optional(after), 1)
            if place is None:
                return None
            offered = self._offered.setdefault(annotator, deque(maxlen=_MOST_OFFERED))
            offered.append((place, time.monotonic() + OFFERED_S))
            return self.items[place]

    def previous_item(
        self, annotator: str, filters: Filters, before: ItemKey | None = None
    ) -> QueueItem | None:
        """Return the item before another one, judged or not; None at the beginning."""
        with self._alone():
            self.refresh()
            mask = self._fitting(annotator, filters)
            place = self._masks.first_after(mask, filters.order, self._optional(before), -1)
            return None if place is None else self.items[place]

    def progress(self, annotator: str, filters: Filters) -> Progress:
        """Count what an annotator has judged, and that with what is open for them."""
        with self._alone():
            self.refresh()
            mask = self._masks.static(filters)
            if filters.passed:
                mask = mask & self._masks.passed
            done = int((mask & self._is_judged(annotator)).sum())
            return Progress(done, done + int((mask & self._open(annotator, filters)).sum()))

    def passed(self) -> Passed:
        """State how many sentences were passed, and at which rate some are shown."""
        return self._passed

    def verdict_of(self, annotator: str, key: ItemKey) -> VerdictEvent | None:
        """Return an annotator's own verdict on an item; it may be stale."""
        with self._alone():
            self.refresh()
            return self._fold.verdicts.get((annotator, key))

    def verdicts_seen_by(self, annotator: str, key: ItemKey) -> tuple[VerdictEvent, ...]:
        """Return all verdicts on an item; none while the annotator's own is asked for."""
        with self._alone():
            self.refresh()
            place = self._place(key)
            return () if self._blind(annotator)[place] else self._resolution(place).given

    def adjudication_queue(self, filters: Filters | None = None) -> list[Resolution]:
        """List the disagreements that nobody has decided, the least certain first."""
        with self._alone():
            self.refresh()
            mask = self._disagreeing & ~self._decided
            mask &= self._masks.static(filters or Filters(status=()))
            return [self._resolution(place) for place in np.flatnonzero(mask).tolist()]

    def add(self, event: VerdictEvent) -> VerdictEvent:
        """Store a verdict, and return it as stored.

        Raises
        ------
        UsageError
            The item is unknown or was generated anew, the verdict does not fit its status, a
            rejection has no reason, an edit is refused, there is nothing to adjudicate, or as
            for `VerdictStore.append`.
        """
        with self._alone():
            self.refresh()
            if event.verdict != "undone" and self._store.get(event.event_id) is None:
                self._check(event)
            stored = self._store.append(event)
            self.refresh()
            return stored

    def undo(self, annotator: str, event_id: str) -> VerdictEvent | None:
        """Take an annotator's newest verdict on an item of here back; None where there is none.

        `event_id` names the undo: sent again, it undoes nothing more. `UsageError` where it is
        the id of anything else.
        """
        with self._alone():
            self.refresh()
            known = self._store.get(event_id)
            if known is not None:
                if (known.verdict, known.annotator) != ("undone", annotator):
                    raise _refused(known, "the id is another event's", "Give the undo its own id")
                return known
            newest = next(
                (
                    event
                    for event in reversed(self._history.get(annotator, []))
                    if event.key in self._places and not self._fold.is_undone(event)
                ),
                None,
            )
            if newest is None:
                return None
            undo = replace(
                newest, event_id=event_id, verdict="undone", undoes=newest.event_id,
                text="", reason="", note="", seconds=0.0, time="",
            )  # fmt: skip
            stored = self._store.append(undo)
            self.refresh()
            return stored

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one thread at a time in; one that waits too long for the store fails."""
        if not self._lock.acquire(timeout=self._store.wait_s):
            raise self._store.locked()
        try:
            yield
        finally:
            self._lock.release()

    def _check(self, event: VerdictEvent) -> None:
        item = self.item(event.key)
        if event.judged != item.digest:
            raise _refused(event, "the sentence was generated anew", "Show the item again")
        if cause := unfit(event.verdict, event.reason, item.status):
            raise _refused(event, cause, "Give another verdict")
        if event.adjudication and not self._disagreeing[self._places[event.key]]:
            raise _refused(event, "the annotators do not disagree", "Show the item again")
        if event.verdict == "edited" and self._edit_issues is not None:
            issues = self._edit_issues(event.key, event.text)
            if issues:
                raise _refused(event, "; ".join(issues), "Change the sentence")

    def _take(self, event: VerdictEvent) -> None:
        self._fold.add(event)
        if event.verdict != "undone":
            self._history.setdefault(event.annotator, []).append(event)
        place = self._places.get(event.key)
        if place is None:
            return
        self._set_code(event.annotator, place)
        found = self._resolution(place)
        self._disagreeing[place] = len({said(one) for one in found.given}) > 1
        self._decided[place] = found.state == "adjudicated"

    def _set_code(self, annotator: str, place: int) -> None:
        item = self.items[place]
        standing = self._fold.verdicts.get((annotator, item.key))
        if annotator not in self._codes:
            self._codes[annotator] = self._none.copy()
        codes = self._codes[annotator]
        before, after = int(codes[place]), _NONE
        if standing is not None:
            after = _CODE[standing.verdict] if standing.judged == item.digest else _STALE
        codes[place] = after
        self._given[place] += int(_counts(after)) - int(_counts(before))

    def _resolution(self, place: int) -> Resolution:
        return self._fold.resolution(self.items[place].key, self.items[place].digest)

    def _fitting(self, annotator: str, filters: Filters) -> BoolArray:
        mask = self._masks.static(filters)
        if filters.passed:
            mask = mask & self._masks.passed
        whose = filters.annotator or annotator
        if filters.verdict:
            mask = mask & self._has_verdict(whose, filters.verdict)
        elif filters.annotator:
            mask = mask & self._is_judged(whose)
        if filters.disagreement:
            mask = mask & self._disagreeing & ~self._decided
        if filters.disagreement or whose != annotator:
            mask = mask & ~self._blind(annotator)
        return mask

    def _has_verdict(self, annotator: str, wanted: Sequence[str]) -> BoolArray:
        codes = self._codes.get(annotator, self._none)
        mask = np.zeros(len(self.items), dtype=bool)
        for word in wanted:
            if word == OPEN:
                mask |= self._open(annotator)
            else:
                mask |= codes == (_STALE if word == STALE else _CODE[word])
        return mask

    def _is_judged(self, annotator: str) -> BoolArray:
        codes = self._codes.get(annotator, self._none)
        return np.asarray((codes != _NONE) & (codes != _STALE))

    def _open(self, annotator: str, filters: Filters | None = None) -> BoolArray:
        """Mask what is still asked for; passed items only where the filters name these."""
        wanted = ~self._is_judged(annotator) & self._asked()
        if filters is None or not filters.passed:
            wanted &= ~self._masks.passed
        return np.asarray(wanted)

    def _blind(self, annotator: str) -> BoolArray:
        """Mask the items whose verdicts an annotator must not see, because the own may count.

        A skipped item is one: it can still be judged.
        """
        is_skipped = self._codes.get(annotator, self._none) == _CODE["skipped"]
        return np.asarray((is_skipped | ~self._is_judged(annotator)) & self._asked())

    def _asked(self) -> BoolArray:
        return np.asarray(~self._decided & (self._given < self._needed))

    def _free(self, annotator: str) -> BoolArray:
        """Mask the items that were not just shown to another annotator, unless two judge them."""
        now = time.monotonic()
        free = np.ones(len(self.items), dtype=bool)
        for name, offered in self._offered.items():
            for place, until in offered if name != annotator else ():
                free[place] &= until <= now or bool(self._masks.shared[place])
        return free

    def _place(self, key: ItemKey) -> int:
        if key not in self._places:
            raise UsageError(
                "is no item",
                where=f"video {key.video_id} utterance {key.feedback_index}",
                next_step="Open the review again",
            )
        return self._places[key]

    def _optional(self, key: ItemKey | None) -> int | None:
        return None if key is None else self._place(key)


def _counts(code: int) -> bool:
    return code not in (_NONE, _STALE, _CODE["skipped"])


def _refused(event: VerdictEvent, cause: str, next_step: str) -> UsageError:
    where = f"verdict on video {event.key.video_id} utterance {event.key.feedback_index}"
    return UsageError(cause, where=where, next_step=next_step)
