"""Verdicts and sentences of a folder written for other tools."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

from qevd_bio.errors import UsageError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.review.filters import Filters
from qevd_bio.review.label_studio import LABEL_CONFIG, write_tasks
from qevd_bio.review.opening import open_verdicts
from qevd_bio.review.queue_item import queue_items
from qevd_bio.review.queue_masks import QueueMasks
from qevd_bio.review.queue_settings import QueueSettings
from qevd_bio.review.source import open_source
from qevd_bio.verdicts.event_files import write_events


def export_events(folder: Path, store: Path | None, out: Path) -> int:
    """Write all events of a store to ``.parquet`` or ``.jsonl``; return their number."""
    _, verdicts = open_verdicts(folder, store)
    return write_events(out, verdicts.events())


def export_tasks(folder: Path, out: Path, query: str) -> int:
    """Write sentences as tasks of Label Studio, and its labelling interface beside them.

    `query` holds filters as the page's address does; those of verdicts are refused.
    """
    try:
        given = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError as error:
        raise UsageError(
            f"is no filter ({error})", where=query, next_step="Give exercise=squat&split=train"
        ) from error
    filters = Filters.from_query(given)
    if filters.verdict or filters.annotator or filters.disagreement or filters.passed:
        raise UsageError(
            "asks for verdicts, and tasks are given out without them",
            where=query,
            next_step="Filter by exercise, split, status, kind, finding, q or order",
        )
    items = queue_items(open_source(folder))
    masks = QueueMasks(items, QueueSettings())
    places = masks.in_order(masks.static(filters), filters.order).tolist()
    write_text_atomic(out.with_suffix(".xml"), LABEL_CONFIG)
    return write_tasks(out, (items[place] for place in places))
