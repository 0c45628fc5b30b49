"""A digest of what an annotator judges: the sentences of a row and the findings behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qevd_bio.files.digest import sha256_json
from qevd_bio.tables.findings import FINDING_FIELDS

_FINDING_NAMES = (*(field.name for field in FINDING_FIELDS), "matches_cue")


def judged_digest(row: Mapping[str, Any]) -> str:
    """Hash the part of an annotation row that a verdict is about.

    Parameters
    ----------
    row : mapping
        An annotation row as plain values, as ``table.to_pylist()`` gives it.

    Returns
    -------
    str
        64 hexadecimal digits. It depends on both sentences, status, kind and all numbers of the
        findings, to the last bit. It does not depend on provenance or on an earlier review, nor
        on which findings are spoken, because the sentence itself states that.
    """
    return _digest(row, row["feedback"], row["status"])


def generated_digest(row: Mapping[str, Any]) -> str:
    """Hash a published row as it was before a verdict changed its sentence.

    Equals the digest in its `review` if the verdict is about this very row.
    """
    review = row["review"]
    if review is None:
        return judged_digest(row)
    return _digest(row, review["generated_feedback"], review["generated_status"])


def _digest(row: Mapping[str, Any], feedback: str, status: str) -> str:
    return sha256_json(
        {
            "feedback_original": row["feedback_original"],
            "feedback": feedback,
            "status": status,
            "kind": row["kind"],
            "findings": [[one[name] for name in _FINDING_NAMES] for one in row["findings"]],
        }
    )
