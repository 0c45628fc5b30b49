"""Rows that a release leaves out because annotators rejected their sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qevd_bio.released.contents import MANIFEST_FILE
from qevd_bio.released.review_cause import REVIEW, dropped_rows
from qevd_bio.released.rows import SplitRows
from qevd_bio.tables.published_table import Rising
from qevd_bio.verify.files import Layout

Dropped = Mapping[str, frozenset[int]]
"""Numbers of the utterances that are left out, by video."""


def dropped_by_video(manifest: Mapping[str, Any]) -> dict[str, frozenset[int]]:
    """Read the rows left out from the manifest."""
    return {video: rows for video in manifest["videos"] if (rows := dropped_rows(manifest, video))}


def without_gaps(table: pa.Table, rule: Rising, dropped: Dropped) -> NDArray[Any]:
    """Return the numbers of a column as they would be without the rows left out.

    Only a column that counts in steps is changed: each number by as many rows as are left out
    below it. A number that is left out itself stays and breaks the order.
    """
    numbers: NDArray[Any] = table[rule.column].to_numpy()
    if rule.step is None or not dropped:
        return numbers
    counted = numbers.copy()
    videos = np.array(table["video_id"].to_pylist(), dtype=object)
    for video in set(videos.tolist()) & set(dropped):
        own = np.flatnonzero(videos == video)
        gone = np.array(sorted(dropped[video]))
        counted[own] -= np.searchsorted(gone, numbers[own]).astype(numbers.dtype)
        counted[own[np.isin(numbers[own], gone)]] = -1
    return counted


def check_review(layout: Layout, annotations: Mapping[str, SplitRows]) -> None:
    """Compare the verdicts in the rows of a release with those its manifest counts."""
    where = f"{MANIFEST_FILE} {REVIEW}"
    stated = layout.manifest.get(REVIEW) or {}
    counts: Counter[str] = Counter()
    for rows in annotations.values():
        for _, _, table in rows.groups([REVIEW]):
            given = (one for one in table[REVIEW].to_pylist() if one is not None)
            counts.update(one["verdict"] for one in given)
    gone = sum(len(rows) for rows in stated.get("dropped", {}).values())
    counts["rejected"] += gone
    found = {name: count for name, count in sorted(counts.items()) if count}
    if found != stated.get("verdicts", {}):
        cause = f"states verdicts {stated.get('verdicts', {})}, rows have {found}"
        layout.verdict.add("count", where, cause)
    if gone and stated.get("rejected") != "drop":
        layout.verdict.add("count", where, "leaves out rows, and the policy keeps them")
