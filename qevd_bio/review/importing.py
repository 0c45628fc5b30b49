"""Verdicts from elsewhere, checked against the sentences and put into the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.review.fitting import unfit
from qevd_bio.review.label_studio import read_results
from qevd_bio.review.queue_item import QueueItem
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.event_files import read_events
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.store import VerdictStore


@dataclass(frozen=True, slots=True)
class Imported:
    """How many events were read, new, about sentences generated anew, or about none."""

    read: int
    new: int
    stale: int
    unknown: int


def read_file(path: Path) -> list[VerdictEvent]:
    """Read events: ``.json`` is an export of Label Studio, else as for `read_events`."""
    return read_results(path) if path.suffix == ".json" else read_events(path)


def import_into(
    store: VerdictStore,
    items: Sequence[QueueItem],
    events: Sequence[VerdictEvent],
    edit_issues: Callable[[ItemKey, str], list[str]] = lambda _key, _text: [],
) -> Imported:
    """Store events, all or none.

    Parameters
    ----------
    store : VerdictStore
        Where they are put.
    items : sequence of QueueItem
        All sentences as they are now.
    events : sequence of VerdictEvent
        With their times.
    edit_issues : callable
        Finds the reasons to refuse an edited sentence of an item, as the review page does.

    Raises
    ------
    UsageError
        A verdict does not fit its sentence as it is now, an edit of it is refused, or as for
        `VerdictStore.import_events`.
    """
    by_key = {item.key: item for item in items}
    stale = unknown = 0
    for event in events:
        item = by_key.get(event.key)
        if item is None:
            unknown += 1
        elif event.judged != item.digest:
            stale += 1
        elif cause := unfit(event.verdict, event.reason, item.status) or _edit_cause(
            event, edit_issues
        ):
            raise UsageError(
                cause,
                where=f"verdict on video {event.key.video_id} utterance "
                f"{event.key.feedback_index} by {event.annotator}",
                next_step="Correct it where it was given; nothing was imported",
            )
    return Imported(len(events), store.import_events(events), stale, unknown)


def _edit_cause(event: VerdictEvent, edit_issues: Callable[[ItemKey, str], list[str]]) -> str:
    return "; ".join(edit_issues(event.key, event.text)) if event.verdict == "edited" else ""
