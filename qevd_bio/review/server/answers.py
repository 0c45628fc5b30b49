"""What the page is sent: an item with the verdicts on it that the annotator may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qevd_bio.annotate.joint_review import JointReview
from qevd_bio.review.filters import ANY, CHOICES, Filters
from qevd_bio.review.item_view import item_view
from qevd_bio.review.queue import QueueItem, ReviewState
from qevd_bio.review.source import ReviewSource
from qevd_bio.verdicts.current import is_stale
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.reasons import REASONS

VERDICT_WORDS = {
    "accepted": "Accepted",
    "rejected": "Rejected",
    "edited": "Edited",
    "skipped": "Skipped",
    "kept_rightly": "Kept rightly",
    "should_be_rewritten": "Should have been rewritten",
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Review:
    """What is reviewed, the state of its queues, and joints that a model named, if any."""

    source: ReviewSource
    state: ReviewState
    joints: JointReview | None = None


def item_answer(review: Review, annotator: str, filters: Filters, item: QueueItem | None) -> Json:
    """Spell out an item as the page draws it, and the progress; no item: null."""
    answer: Json = {"item": None, "verdict": None, "stale": False, "given": []}
    progress = progress_answer(review, annotator, filters)
    if item is None:
        return {**answer, **progress}
    own = review.state.verdict_of(annotator, item.key)
    others = [
        one
        for one in review.state.verdicts_seen_by(annotator, item.key)
        if one.annotator != annotator
    ]
    view = item_view(review.source, item.key).to_json()
    return {
        "item": {**view, "digest": item.digest, "order": item.reasons_for_order},
        "verdict": None if own is None else _verdict(own),
        "stale": own is not None and is_stale(own, item.digest),
        "given": [_verdict(one) for one in others],
        **progress,
    }


def progress_answer(review: Review, annotator: str, filters: Filters) -> Json:
    """Count what is judged."""
    done, total = review.state.progress(annotator, filters)
    return {"progress": {"done": done, "total": total}}


def session_answer(review: Review, annotator: str, guidelines: Json) -> Json:
    """Say what stays the same while the server runs."""
    passed = review.state.passed()
    return {
        "annotator": annotator,
        "source": review.source.name,
        "store": review.state.store_id,
        "reasons": [{"number": r.number, "id": r.id, "words": r.words} for r in REASONS],
        "verdicts": VERDICT_WORDS,
        "guidelines": guidelines,
        "filters": filter_choices(review.state.items),
        "passed": {"count": passed.passed, "threshold": passed.threshold, "rate": passed.rate},
    }


def filter_choices(items: Sequence[QueueItem]) -> dict[str, list[str] | None]:
    """List the values that each filter can take; null where any word can be given."""
    found: dict[str, list[str] | None] = {"q": None}
    for name in ("exercise", "split", "status", "kind", "finding"):
        found[name] = sorted({getattr(item, name) for item in items} - {""})
    found["status"] = [ANY, *(found["status"] or [])]
    found["verdict"] = list(CHOICES["verdict"])
    found["annotator"] = None
    return found | {name: list(CHOICES[name]) for name in ("disagreement", "passed", "order")}


def _verdict(event: VerdictEvent) -> Json:
    names = ("event_id", "annotator", "verdict", "text", "reason", "note", "time")
    return {name: getattr(event, name) for name in names}
