"""Row invariants: numbers of a row that follow from others of the same row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qevd_bio.body.plausible import DOUBTS
from qevd_bio.motion.record import N_BETAS
from qevd_bio.release.reviewed import review_causes

_TOLERANCE = 1e-9
_SHARE_TOLERANCE = 2e-3
_LENGTHWISE = ("thigh", "shank", "trunk")


def finding_causes(row: Mapping[str, Any]) -> Iterator[str]:
    """Find the numbers of a row of `findings` that do not follow from its other numbers.

    The deviation is the way to the nearest bound; violated is what exceeds the tolerance by
    more than the guard band; severity is the excess in tolerances, or in widths of the target
    where nothing is tolerated.
    """
    value, low, high, sigma = (row[n] for n in ("measured", "target_low", "target_high", "sigma"))
    deviation, violated, severity = None, False, 0.0
    if value is not None and sigma is not None:
        nearest = max(value, low) if low is not None else value
        nearest = min(nearest, high) if high is not None else nearest
        deviation = value - nearest
        beyond = abs(deviation) - row["tolerance"]
        violated = row["status"] == "measured" and beyond > row["guard"] * sigma
        width = high - low if None not in (low, high) else 0.0
        severity = beyond / (row["tolerance"] or width or 1.0) if violated else 0.0
    if row["violated"] != violated:
        yield f"violated is {row['violated']}, its numbers give {violated}"
    for name, due in (("deviation", deviation), ("severity", severity)):
        if not _agree(row[name], due, _TOLERANCE * max(1.0, abs(value or 0.0))):
            yield f"{name} is {row[name]!r}, its numbers give {due!r}"


def context_causes(row: Mapping[str, Any]) -> Iterator[str]:
    """Find the findings of a row of `contexts` that contradict themselves."""
    for finding in row["findings"]:
        for cause in finding_causes(finding):
            yield f"{finding['constraint_id']}: {cause}"


def body_causes(row: Mapping[str, Any]) -> Iterator[str]:
    """Find the values of a row of `morphometrics` that contradict each other.

    Shape numbers are ten and rest on frames, proportions are those of the lengths, flags are
    known.
    """
    betas = row["betas"]
    if betas is not None and len(betas) != N_BETAS:
        yield f"betas are {len(betas)}, not {N_BETAS}"
    if (betas is None) != (row["betas_frames"] is None):
        yield f"betas are {betas!r} and rest on {row['betas_frames']!r} frames"
    unknown = sorted(set(row["flags"]) - set(DOUBTS))
    if unknown:
        yield f"flags hold {', '.join(unknown)}, unknown"
    ratios = [row[f"{name}_ratio"] for name in _LENGTHWISE]
    if None not in ratios and abs(sum(ratios) - 1.0) > _SHARE_TOLERANCE:
        yield f"the shares of {', '.join(_LENGTHWISE)} make {sum(ratios):.4f}, not 1"
    lengths = [row[f"{name}_m"] for name in _LENGTHWISE]
    if None in lengths or not sum(lengths) > 0.0:
        return
    for name in [key.removesuffix("_ratio") for key in row if key.endswith("_ratio")]:
        length, ratio = row[f"{name}_m"], row[f"{name}_ratio"]
        if length is None or ratio is None:
            continue
        if abs(length / sum(lengths) - ratio) > _SHARE_TOLERANCE:
            yield f"{name}_ratio is {ratio!r}, its length gives {length / sum(lengths):.4f}"


def _agree(own: float | None, due: float | None, tolerance: float) -> bool:
    if own is None or due is None:
        return own is due
    return math.isclose(own, due, rel_tol=_TOLERANCE, abs_tol=tolerance)


ROW_INVARIANTS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "annotations": review_causes,
    "contexts": context_causes,
    "findings": finding_causes,
    "morphometrics": body_causes,
}
"""What contradicts itself in a row, by table."""
