"""From verdicts to what the next release takes into account, and what it does not."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qevd_bio.exercises.rule import Rule
from qevd_bio.files.atomic import write_bytes_atomic
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.qevd.drop_in import merging_pairs
from qevd_bio.release.reviewed import reviewed_row
from qevd_bio.review.edit_check import check_edit
from qevd_bio.review.fitting import unfit
from qevd_bio.tables.annotations import SCHEMA
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.verdicts.applied import (
    APPLIED_FILE,
    REVIEW_FOLDER,
    AppliedVerdict,
    RejectedPolicy,
    write_applied,
)
from qevd_bio.verdicts.current import Resolution, resolved_rows
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey

_RUN_TOGETHER = "the sentence would run together with its neighbour's, which it equals"

Row = Mapping[str, Any]
Rows = dict[int, Row]
Merging = Callable[[str, Mapping[int, str]], Iterable[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence that a verdict changes; `after` is None where the row is dropped."""

    key: ItemKey
    verdict: str
    annotator: str
    reason: str
    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A verdict that cannot be applied, and why."""

    key: ItemKey
    verdict: str
    annotator: str
    cause: str


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """What applying the verdicts would do.

    Attributes
    ----------
    rejected : str
        ``original`` or ``drop``.
    applied : tuple of AppliedVerdict
        One for each sentence with a verdict that counts.
    changes : tuple of Change
        The sentences that differ afterwards.
    stale : tuple of Resolution
        Sentences generated anew since they were judged, or gone: to be judged again.
    disagreeing : tuple of Resolution
        Sentences that nobody has decided.
    refused : tuple of Refused
        Verdicts that the page would refuse now, or that would break the release. They may have
        come by an import while their sentence was another.
    open : int
        Sentences without a verdict.
    """

    rejected: RejectedPolicy
    applied: tuple[AppliedVerdict, ...]
    changes: tuple[Change, ...]
    stale: tuple[Resolution, ...]
    disagreeing: tuple[Resolution, ...]
    refused: tuple[Refused, ...]
    open: int

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the plan out; of the verdicts that apply, how many of each kind."""
        counts = Counter(one.verdict for one in self.applied)
        return {**asdict(self), "applied": dict(sorted(counts.items()))}


def plan_for_work(
    pipeline: Pipeline, events: Iterable[VerdictEvent], rejected: RejectedPolicy
) -> ApplyPlan:
    """Plan for the annotations that a work folder holds now."""
    rows = (
        row
        for artifacts in pipeline.artifacts().values()
        if "annotations" in artifacts
        for row in read_parquet(artifacts["annotations"], SCHEMA).to_pylist()
    )

    def merging(video: str, texts: Mapping[int, str]) -> Iterable[tuple[int, int]]:
        return merging_pairs(pipeline.sessions.by_id[video].record, texts)

    return apply_plan(rows, events, rejected, merging, pipeline.sessions.rules)


def write_plan(pipeline: Pipeline, plan: ApplyPlan) -> Path:
    """Write the verdicts of a plan where `publish` finds them.

    Those of before stay beside them under their digest, which a release made with them names.
    """
    path = pipeline.store.root / REVIEW_FOLDER / APPLIED_FILE
    if path.is_file():
        before = path.read_bytes()
        digest = hashlib.sha256(before).hexdigest()
        write_bytes_atomic(path.with_name(f"{path.stem}-{digest[:16]}{path.suffix}"), before)
    write_applied(path, plan.applied, plan.rejected)
    return path


def apply_plan(
    rows: Iterable[Row],
    events: Iterable[VerdictEvent],
    rejected: RejectedPolicy,
    merging: Merging = lambda _video, _texts: (),
    rules: Mapping[str, Rule] | None = None,
) -> ApplyPlan:
    """Find what the verdicts change.

    Parameters
    ----------
    rows : iterable of mapping
        Annotation rows as the stage wrote them, those of a video together.
    events : iterable of VerdictEvent
        All events.
    rejected : str
        What becomes of a rejected sentence.
    merging : callable
        Finds the neighbours that new texts by utterance would turn into one.
    rules : mapping of str to Rule, optional
        By exercise, for what an edit asks for; the shipped ones where one is absent.
    """
    applied: list[AppliedVerdict] = []
    changes: list[Change] = []
    refused: list[Refused] = []
    found: list[Resolution] = []
    unjudged = 0
    for own, of_video in resolved_rows(rows, events):
        by_index: Rows = {row["feedback_index"]: row for row in own}
        counted = {
            key.feedback_index: _applied(one.verdict, one.state)
            for key, one in of_video.items()
            if one.verdict is not None
        }
        refused += _unfitting(by_index, counted, rules or {})
        changes += _changes(by_index, counted, rejected, merging, refused)
        applied += counted.values()
        found += of_video.values()
        unjudged += len(set(by_index) - {key.feedback_index for key in of_video})
    return ApplyPlan(
        rejected=rejected,
        applied=tuple(applied),
        changes=tuple(changes),
        stale=tuple(one for one in found if one.state == "stale"),
        disagreeing=tuple(one for one in found if one.state == "disagreeing"),
        refused=tuple(refused),
        open=unjudged,
    )


def _applied(event: VerdictEvent, decided: str) -> AppliedVerdict:
    return AppliedVerdict(
        key=event.key,
        judged=event.judged,
        verdict=event.verdict,
        text=event.text,
        reason=event.reason,
        annotator=event.annotator,
        time=event.time,
        decided=decided,
        event_id=event.event_id,
    )


def _unfitting(
    rows: Rows, verdicts: dict[int, AppliedVerdict], rules: Mapping[str, Rule]
) -> list[Refused]:
    """Take the verdicts out that the page would refuse on the sentences as they are now."""
    refused = []
    for index, one in sorted(verdicts.items()):
        row = rows[index]
        cause = unfit(one.verdict, one.reason, row["status"])
        if not cause and one.verdict == "edited":
            cause = "; ".join(check_edit(row, one.text, rules.get(row["exercise"] or "")))
        if cause:
            refused.append(Refused(one.key, one.verdict, one.annotator, cause))
            del verdicts[index]
    return refused


def _changes(
    rows: Rows,
    verdicts: dict[int, AppliedVerdict],
    rejected: RejectedPolicy,
    merging: Merging,
    refused: list[Refused],
) -> list[Change]:
    """List the changed sentences of a video; what would run together is taken out."""
    new: Rows = dict(rows)
    changed: dict[int, Change] = {}
    for index, one in sorted(verdicts.items()):
        row = reviewed_row(rows[index], one, rejected)
        before, after = rows[index]["feedback"], row["feedback"] if row else None
        if row is None:
            del new[index]
        else:
            new[index] = row
        if before != after:
            changed[index] = Change(one.key, one.verdict, one.annotator, one.reason, before, after)
    if not changed:
        return []
    video = next(iter(rows.values()))["video_id"]
    while merged := [
        index
        for pair in merging(video, {i: r["feedback"] for i, r in new.items() if _is_new(r)})
        for index in pair
        if index in changed
    ]:
        index = merged[-1]
        one = verdicts.pop(index)
        refused.append(Refused(one.key, one.verdict, one.annotator, _RUN_TOGETHER))
        new[index] = rows[index]
        del changed[index]
    return list(changed.values())


def _is_new(row: Row) -> bool:
    return bool(row["status"] == "rewritten")
