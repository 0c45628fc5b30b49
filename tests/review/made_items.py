"""Sentences to judge, made up, and verdicts on them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qevd_bio.review.queue_item import QueueItem, queue_items
from qevd_bio.review.reviewed_video import ReviewedVideo
from qevd_bio.verdicts.event import VerdictEvent, VerdictKind
from tests.release.made_artifacts import annotation, finding, kept

_NUMBERS = itertools.count()


def checked(deviation: float, **changed: Any) -> dict[str, Any]:
    """A spoken finding with a deviation: violated beyond 10 degrees and two times 3."""
    cue = {"matches_cue": changed.pop("matches_cue", True), "spoken": changed.pop("spoken", True)}
    violated = abs(deviation) > 16.0
    return finding(deviation=deviation, violated=violated, **changed) | cue


def rewritten(video: str, index: int, deviation: float = -18.0, **changed: Any) -> dict[str, Any]:
    """A rewritten sentence about one finding."""
    return annotation(video, index, findings=[checked(deviation)], **changed)


def unsupported(video: str, index: int, deviation: float = -12.0) -> dict[str, Any]:
    """A sentence that was kept because nothing is violated."""
    row = kept(video, index, "Go lower on your squats!")
    found = [checked(deviation, spoken=False)]
    return row | {"status": "unsupported", "exercise": "squat", "findings": found,
                  "kind": "corrective", "cycle": annotation(video, index)["cycle"]}  # fmt: skip


class Rows:
    """Annotation rows as a source of a queue."""

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        concerns: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._rows, self._concerns = rows, concerns or {}

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield them, all of split train."""
        return ({**row, "split": "train"} for row in self._rows)

    def videos(self) -> dict[str, ReviewedVideo]:
        """Name backend and concerns of every video."""
        return {
            row["video_id"]: ReviewedVideo("made", self._concerns.get(row["video_id"], ()))
            for row in self._rows
        }


def items_of(*rows: Mapping[str, Any]) -> list[QueueItem]:
    """Make queue items of annotation rows."""
    return queue_items(Rows(rows))


def verdict(
    item: QueueItem, kind: VerdictKind = "accepted", annotator: str = "ann", **more: Any
) -> VerdictEvent:
    """A verdict on an item as it is."""
    given = {"edited": {"text": "Bend your knees more."}, "rejected": {"reason": "no_fault"}}
    values: dict[str, Any] = {
        "event_id": f"verdict-{next(_NUMBERS):08d}", "judged": item.digest, "seconds": 3.0,
        "key": item.key,
    }  # fmt: skip
    return VerdictEvent(
        annotator=annotator, verdict=kind,
        **{**values, **given.get(kind, {}), **more},
    )  # fmt: skip
