"""Sentences that people judged on the review page, as questions for a judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qevd_bio.verdicts.current import resolved_rows
from qevd_bio.verdicts.event import VerdictEvent

SCORE_OF: Mapping[str, int] = {"accepted": 5, "edited": 3, "rejected": 1}
"""Verdicts on rewritten sentences on the scale of a judge."""


@dataclass(frozen=True, slots=True)
class HumanJudged:
    """A generated sentence with what people say it should be.

    Attributes
    ----------
    key, session : str
        Video and number of the utterance; the video.
    true : str
        The sentence itself where it was accepted, the annotator's where it was edited, the
        trainer's where it was rejected.
    predicted : str
        The generated sentence.
    score : int
        `SCORE_OF` the verdict.
    """

    key: str
    session: str
    true: str
    predicted: str
    score: int


def human_judged(
    rows: Iterable[Mapping[str, Any]], events: Iterable[VerdictEvent]
) -> list[HumanJudged]:
    """List the rewritten sentences with one verdict that counts.

    Parameters
    ----------
    rows : iterable of mapping
        Annotation rows as plain values, those of a video together.
    events : iterable of VerdictEvent
        Everything in the store. Stale, disputed and skipped verdicts are left out.
    """
    found: list[HumanJudged] = []
    for own, verdicts in resolved_rows(rows, events):
        by_index = {row["feedback_index"]: row for row in own}
        for key, resolution in verdicts.items():
            verdict = resolution.verdict
            row = by_index.get(key.feedback_index)
            if verdict is None or row is None or row["status"] != "rewritten":
                continue
            if (score := SCORE_OF.get(verdict.verdict)) is None:
                continue
            texts = {"edited": verdict.text, "rejected": row["feedback_original"]}
            found.append(
                HumanJudged(
                    f"{key.video_id}:{key.feedback_index}",
                    key.video_id,
                    texts.get(verdict.verdict, row["feedback"]),
                    row["feedback"],
                    score,
                )
            )
    return found
