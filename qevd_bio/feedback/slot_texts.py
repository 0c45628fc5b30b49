"""The motion context of a segment as a model reads it: texts, and from when each is in force.

F feature frames, S slots
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray

Row = Mapping[str, Any]


class SlotText(NamedTuple):
    """A text that is in force from a time on, until the next one; seconds of the source."""

    time_s: float
    text: str


def slot_texts(rows: Sequence[Row], *, least_apart_s: float = 0.0) -> tuple[SlotText, ...]:
    """List the texts of a slot that is refreshed when a cycle completes.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of one segment of the table `contexts`, in time order.
    least_apart_s : float
        Leaves out a refresh that comes sooner than this after the one before. The next one states
        what is known then, so only time is lost.

    Returns
    -------
    tuple of SlotText
        First that of the first row, then one a refresh; each states what was known at its time.
    """
    slots: list[SlotText] = []
    for row in rows:
        time_s = row["time_s"]
        if not slots or (row["is_refresh"] and time_s - slots[-1].time_s >= least_apart_s):
            slots.append(SlotText(time_s, row["motion_context"]))
    return tuple(slots)


def slots_in_force(slots: Sequence[SlotText], times_s: FloatArray) -> IntArray:
    """Find the slot (F,) in force at each time (F,) in seconds; -1 before the first."""
    begins_s = np.array([slot.time_s for slot in slots], dtype=np.float64)
    return np.searchsorted(begins_s, times_s, side="right").astype(np.int64) - 1


def context_at(rows: Sequence[Row], time_s: float) -> Row | None:
    """Find the newest row of a segment at or before a time; None before the first row."""
    place = bisect_right(rows, time_s, key=itemgetter("time_s"))
    return rows[place - 1] if place else None
