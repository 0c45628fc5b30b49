"""Verdicts of annotators put into the annotation rows of a release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.feedback.edited_sentence import edit_issues
from qevd_bio.feedback.numbers import backing
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.released.contents import PublishedVideo, ReleaseInput
from qevd_bio.tables.annotations import SCHEMA
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.tables.parquet import rows_table
from qevd_bio.verdicts.applied import AppliedVerdict, RejectedPolicy
from qevd_bio.verdicts.judged import generated_digest, judged_digest
from qevd_bio.verdicts.reasons import REASON_BY_ID

Row = Mapping[str, Any]


def reviewed_table(
    table: pa.Table, verdicts: Mapping[int, AppliedVerdict], rejected: RejectedPolicy
) -> pa.Table:
    """Put verdicts into the annotation rows of one video.

    Parameters
    ----------
    table : Table
        Rows as the stage wrote them.
    verdicts : mapping of int to AppliedVerdict
        By utterance.
    rejected : str
        ``original``: a rejected sentence becomes the trainer's own; ``drop``: its row is left out.

    Returns
    -------
    Table
        The same rows, each judged one with its `review`; an edited one has the new sentence.

    Raises
    ------
    DataError
        A verdict is about a sentence that was generated anew since, or that is absent; an edit
        states something that no finding backs.
    """
    if not verdicts:
        return table
    rows = table.to_pylist()
    video = str(rows[0]["video_id"]) if rows else ""
    absent = sorted(set(verdicts) - {row["feedback_index"] for row in rows})
    if absent:
        raise _stale(f"has no utterance {absent[0]}", verdicts[absent[0]].key.video_id)
    new = []
    for row in rows:
        verdict = verdicts.get(row["feedback_index"])
        if verdict is not None and verdict.judged != judged_digest(row):
            raise _stale(f"utterance {row['feedback_index']} changed since it was judged", video)
        changed = row if verdict is None else reviewed_row(row, verdict, rejected)
        if changed is not None:
            new.append(changed)
    return rows_table(new, SCHEMA)


def reviewed_row(
    row: Row, verdict: AppliedVerdict, rejected: RejectedPolicy
) -> dict[str, Any] | None:
    """Put a verdict into an annotation row; None where the row is dropped."""
    if verdict.verdict == "rejected" and rejected == "drop":
        return None
    review = {
        "verdict": verdict.verdict,
        "annotator": verdict.annotator,
        "time": verdict.time,
        "reason": verdict.reason,
        "decided": verdict.decided,
        "judged_sha256": verdict.judged,
        "generated_feedback": row["feedback"],
        "generated_status": row["status"],
    }
    if verdict.verdict == "rejected":
        return {**row, "review": review, **_original(row, verdict)}
    if verdict.verdict == "edited":
        return {**row, "review": review, **_edited(row, verdict)}
    return {**row, "review": review}


def _original(row: Row, verdict: AppliedVerdict) -> dict[str, Any]:
    words = REASON_BY_ID[verdict.reason].words if verdict.reason in REASON_BY_ID else ""
    return {
        "feedback": row["feedback_original"],
        "status": "kept",
        "reason": f"an annotator rejected the new sentence{f': {words}' if words else ''}",
        "findings": [{**one, "spoken": False} for one in row["findings"]],
    }


def _edited(row: Row, verdict: AppliedVerdict) -> dict[str, Any]:
    findings = [finding_from_row(one) for one in row["findings"]]
    issues = edit_issues(
        row["feedback_original"], verdict.text, findings, is_transition=row["is_transition"]
    )
    if issues:
        raise DataError(
            f"the edit of utterance {row['feedback_index']} cannot be published: {issues[0]}",
            where=f"video {row['video_id']}",
            next_step="Edit it again on the review page, then run `qevd-bio review apply`",
        )
    backs = backing(verdict.text, findings)
    if not any(backs):
        # Without a number the sentence is still about what it was about.
        backs = tuple(bool(one["spoken"]) for one in row["findings"])
    spoken = zip(row["findings"], backs, strict=True)
    return {
        "feedback": verdict.text,
        "status": "rewritten",
        "reason": "an annotator edited the sentence",
        "findings": [{**one, "spoken": is_spoken} for one, is_spoken in spoken],
    }


def as_generated(row: Row, generated: Row) -> dict[str, Any]:
    """Take the review of a published annotation row back.

    Sentence and status are those that the review names. Their reason, and which findings they
    speak of, a review does not keep: they are taken from `generated`, the row that follows from
    the same findings, and left as they are where no sentence was changed.
    """
    review = row["review"]
    if review is None or review["verdict"] not in ("rejected", "edited"):
        return dict(row)
    spoken = [one["spoken"] for one in generated["findings"]]
    found = row["findings"]
    if len(spoken) == len(found):
        pairs = zip(found, spoken, strict=True)
        found = [{**one, "spoken": is_spoken} for one, is_spoken in pairs]
    return {
        **row,
        "feedback": review["generated_feedback"],
        "status": review["generated_status"],
        "reason": generated["reason"],
        "findings": found,
    }


def review_causes(row: Row) -> Iterator[str]:
    """Find what contradicts itself in the review of a published annotation row."""
    review = row["review"]
    if review is None:
        return
    verdict = review["verdict"]
    if generated_digest(row) != review["judged_sha256"]:
        yield "review is not about this row: judged_sha256 is the digest of another"
    is_changed = (row["feedback"], row["status"]) != (
        review["generated_feedback"],
        review["generated_status"],
    )
    if verdict == "rejected":
        if (row["feedback"], row["status"]) != (row["feedback_original"], "kept"):
            yield "review is rejected and the sentence is not the source's"
    elif verdict == "edited":
        if row["status"] != "rewritten":
            yield f"review is edited and the status is {row['status']}"
    elif is_changed:
        yield f"review is {verdict} and the sentence is another than was judged"


def review_of(given: ReleaseInput) -> dict[str, JsonValue]:
    """State which verdicts a release takes into account; empty for none."""
    if not given.review.sha256:
        return {}
    verdicts = [one for video in given.videos for one in video.verdicts.values()]
    dropped = {video.video_id: dropped_of(video, given.review.rejected) for video in given.videos}
    counts = dict(sorted(Counter(one.verdict for one in verdicts).items()))
    return {
        "verdicts_sha256": given.review.sha256,
        "rejected": given.review.rejected,
        "verdicts": counts,
        "dropped": {video: indices for video, indices in sorted(dropped.items()) if indices},
    }


def dropped_of(video: PublishedVideo, rejected: RejectedPolicy) -> list[int]:
    """List the utterances of a video whose rows are left out of the release."""
    if rejected != "drop":
        return []
    return sorted(i for i, one in video.verdicts.items() if one.verdict == "rejected")


def _stale(cause: str, video: str) -> DataError:
    return DataError(
        cause,
        where=f"video {video}",
        next_step="Run `qevd-bio review apply` again: it lists the verdicts that are stale",
    )
