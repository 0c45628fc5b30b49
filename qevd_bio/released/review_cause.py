"""Whether reviewing is why a row of annotations differs between two releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from qevd_bio.tables.annotations import TABLE

REVIEW = "review"
"""The cause, and the column of the verdict."""

_OF_A_VERDICT = frozenset({"feedback", "status", "reason", "findings.spoken"})


def dropped_rows(manifest: Mapping[str, Any], video: str) -> frozenset[int]:
    """Name the utterances of a video that a release leaves out because they were rejected."""
    review = manifest.get(REVIEW) or {}
    return frozenset(review.get("dropped", {}).get(video, ()))


def is_of_review(path: str) -> bool:
    """Return whether a column tells of a verdict: it is why a row changed, and no change of it."""
    return path.startswith(f"{REVIEW}.")


def reviewed_rows(config: str, old: pa.Table, new: pa.Table) -> dict[int, bool]:
    """Find the rows with another verdict than before, by number.

    Both tables have the same rows in the same order.

    Returns
    -------
    dict of int to bool
        Whether the sentence that was generated is the same in both, so that the verdict alone
        explains a difference of the sentences.
    """
    names = (REVIEW, "feedback", "status")
    if config != TABLE.name or not all(set(names) <= set(t.column_names) for t in (old, new)):
        return {}
    pairs = zip(old.select(names).to_pylist(), new.select(names).to_pylist(), strict=True)
    return {
        row: _generated(before) == _generated(after)
        for row, (before, after) in enumerate(pairs)
        if before[REVIEW] != after[REVIEW]
    }


def with_review(causes: Sequence[str], paths: Sequence[str], *, same_generated: bool) -> list[str]:
    """Add reviewing to the causes of a row whose verdict is another; alone where it explains all.

    `paths` are the columns that differ.
    """
    if same_generated and set(paths) <= _OF_A_VERDICT:
        return [REVIEW]
    return [*(one for one in causes if one != "unknown"), REVIEW]


def _generated(row: Mapping[str, Any]) -> tuple[str, str]:
    review = row[REVIEW] or {}
    return (
        review.get("generated_feedback", row["feedback"]),
        review.get("generated_status", row["status"]),
    )
