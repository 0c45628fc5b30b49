"""The sentences to judge, least certain first, with what the filters ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from qevd_bio.review.certainty import certainty_of
from qevd_bio.review.reviewed_video import ReviewedVideo
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.judged import judged_digest

COLUMNS = (
    "video_id", "feedback_index", "exercise", "status", "kind", "kind_confidence",
    "feedback_original", "feedback", "findings", "cycle", "split",
)  # fmt: skip
"""The columns that a queue is made from: those of `annotations`, and the split."""


class QueueSource(Protocol):
    """What a queue asks of a work folder or release."""

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield annotation rows as plain values, with their ``split``."""
        ...

    def videos(self) -> Mapping[str, ReviewedVideo]:
        """Return what is known of the capture of each video."""
        ...


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One sentence to judge.

    Attributes
    ----------
    key, digest : ItemKey, str
        Which, and what a verdict on it is about.
    split, exercise, status, kind, backend : str
        Empty where there is none.
    finding : str
        Constraint the sentence is about; may be empty.
    certainty : float
        0 to 1, see `qevd_bio.review.certainty`.
    reasons_for_order : str
        Why it is no more certain, in words.
    low_quality : bool
        Whether the capture gives reason to doubt.
    feedback_original, feedback : str
        The two sentences.
    """

    key: ItemKey
    digest: str
    split: str
    exercise: str
    status: str
    kind: str
    backend: str
    finding: str
    certainty: float
    reasons_for_order: str
    low_quality: bool
    feedback_original: str
    feedback: str


def queue_items(source: QueueSource) -> list[QueueItem]:
    """List every sentence of a source, the least certain first."""
    videos = source.videos()
    unknown = ReviewedVideo("")
    items = [_item(row, videos.get(row["video_id"], unknown)) for row in source.rows(COLUMNS)]
    return sorted(items, key=lambda item: (item.certainty, item.key))


def _item(row: Mapping[str, Any], video: ReviewedVideo) -> QueueItem:
    certainty = certainty_of(row, video.concerns)
    return QueueItem(
        key=ItemKey(row["video_id"], row["feedback_index"]),
        digest=judged_digest(row),
        split=row["split"],
        exercise=row["exercise"] or "",
        status=row["status"],
        kind=row["kind"],
        backend=video.backend,
        finding=certainty.finding,
        certainty=certainty.value,
        reasons_for_order="; ".join(certainty.reasons),
        low_quality=certainty.low_quality,
        feedback_original=row["feedback_original"],
        feedback=row["feedback"],
    )
