"""Which of the sentences a filter lets through, and in which order they come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray
from qevd_bio.choices import suggestion
from qevd_bio.errors import UsageError
from qevd_bio.review.filters import ANY, Filters
from qevd_bio.review.passing import is_certain
from qevd_bio.review.queue_item import QueueItem
from qevd_bio.review.queue_settings import QueueSettings

_MOST_KEPT = 64
_STATIC = ("exercise", "split", "status", "kind", "finding")


class QueueMasks:
    """Masks over the items in their order of certainty, kept by filter."""

    def __init__(self, items: Sequence[QueueItem], settings: QueueSettings) -> None:
        self._items = items
        self.columns = {name: np.array([getattr(i, name) for i in items]) for name in _STATIC}
        self.shared = np.array([settings.is_shared(item.key) for item in items], dtype=bool)
        certain = np.array([is_certain(item, settings) for item in items], dtype=bool)
        sampled = np.array([settings.is_sampled(item.key) for item in items], dtype=bool)
        self.passed = certain & ~sampled
        self._orders = {"certainty": np.arange(len(items))}
        self._orders["time"] = np.array(
            sorted(range(len(items)), key=lambda place: items[place].key), dtype=np.int64
        )
        self._orders["random"] = np.array(
            sorted(range(len(items)), key=lambda place: settings.random_place(items[place].key)),
            dtype=np.int64,
        )
        self._ranks = {name: np.argsort(places) for name, places in self._orders.items()}
        self._kept: OrderedDict[Filters, BoolArray] = OrderedDict()

    def static(self, filters: Filters) -> BoolArray:
        """Mask the items by what no verdict changes; `UsageError` for a value no item has."""
        key = replace(filters, verdict=(), annotator="", disagreement="", passed="", order="time")
        if key not in self._kept:
            self._kept[key] = self._masked(key)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def first_after(self, mask: BoolArray, order: str, after: int | None, step: int) -> int | None:
        """Find the first place of a mask after, or before, another one in an order.

        Parameters
        ----------
        mask : ndarray of bool
            By place.
        order : str
            Of `Filters.order`.
        after : int or None
            Place; None: the beginning, or the end.
        step : int
            1 forwards, from the end on to the beginning again; -1 backwards, and no further.
        """
        ranks = np.flatnonzero(mask[self._orders[order]])
        if not len(ranks):
            return None
        if step > 0:
            start = -1 if after is None else int(self._ranks[order][after])
            found = int(np.searchsorted(ranks, start, side="right"))
            chosen = ranks[found] if found < len(ranks) else ranks[0]
        else:
            end = len(mask) if after is None else int(self._ranks[order][after])
            found = int(np.searchsorted(ranks, end, side="left")) - 1
            if found < 0:
                return None
            chosen = ranks[found]
        return int(self._orders[order][chosen])

    def in_order(self, mask: BoolArray, order: str) -> NDArray[np.int64]:
        """List the places of a mask in an order."""
        places = self._orders[order]
        found: NDArray[np.int64] = places[mask[places]]
        return found

    def _masked(self, filters: Filters) -> BoolArray:
        mask = np.ones(len(self._items), dtype=bool)
        for name, column in self.columns.items():
            wanted = getattr(filters, name)
            if not wanted or ANY in wanted:
                continue
            if name in ("exercise", "finding"):
                _check_known(name, wanted, set(column.tolist()) - {""})
            mask &= np.isin(column, wanted)
        if filters.q:
            mask &= np.array([filters.q in _searched(item) for item in self._items], dtype=bool)
        return mask


def _searched(item: QueueItem) -> str:
    texts = (item.key.video_id, item.feedback_original, item.feedback)
    return " ".join("\n".join(texts).split()).casefold()


def _check_known(name: str, wanted: Sequence[str], known: set[str]) -> None:
    for value in wanted:
        if value not in known:
            raise UsageError(
                f"is {value!r}, which no sentence has",
                where=f"filter {name}",
                next_step=suggestion(value, sorted(known)) if known else "Leave it out",
            )
