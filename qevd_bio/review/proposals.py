"""Which constraints annotators reject most, and the tolerance at which they would agree.

A table to read: nothing is changed by it. Whoever owns a rule decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qevd_bio.review.certainty import excess_over_guard, findings_about
from qevd_bio.verdicts.current import resolved_rows
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.reasons import REASON_BY_ID

LEAST_JUDGED = 5
"""No tolerance is proposed from fewer judgements of whether there is a fault."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What verdicts say of one constraint.

    Attributes
    ----------
    exercise, constraint : str
        Which.
    sentences, rejected : int
        Rewritten sentences about it with a verdict that counts, and those rejected.
    reason : str
        Most frequent reason; empty where none was rejected.
    judged, right : int
        Judgements of whether there is a fault, and those that the present tolerance meets.
    unit : str
        Of the tolerances: deg, ratio or s.
    tolerance : float
        At present.
    proposed : float or None
        Tolerance that meets the most judgements, the nearest to the present one; None where
        there are too few judgements or no tolerance meets more.
    right_then : int
        Judgements that it would meet.
    """

    exercise: str
    constraint: str
    sentences: int
    rejected: int
    reason: str
    judged: int
    right: int
    unit: str
    tolerance: float
    proposed: float | None
    right_then: int


@dataclass(slots=True)
class _Judged:
    """What is gathered of one constraint; `faults` has the excess and whether it is a fault."""

    unit: str
    tolerance: float
    sentences: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    faults: list[tuple[float, bool]] = field(default_factory=list)


def proposals(
    rows: Iterable[Row], events: Iterable[VerdictEvent], least: int = LEAST_JUDGED
) -> list[Proposal]:
    """Make the table, the constraint that is rejected most often first.

    Parameters
    ----------
    rows : iterable of mapping
        Annotation rows as plain values, those of a video together.
    events : iterable of VerdictEvent
        All events; stale and disagreeing verdicts are left out.
    least : int
        Judgements that a proposal needs.

    Notes
    -----
    A deviation is a violation if its excess over the guard band is above the tolerance. An
    accepted or edited sentence says that there is a fault, one rejected because there is no such
    fault says that there is none. A sentence rightly kept says that none of the findings its
    words match is a fault; one that should be rewritten says so of its finding if there is only
    one. Other rejections (wrong side, wording, ...) say nothing about the tolerance.
    """
    found: dict[tuple[str, str], _Judged] = {}
    for own, of_video in resolved_rows(rows, events):
        for row in own:
            one = of_video.get(ItemKey(row["video_id"], row["feedback_index"]))
            if one is not None and one.verdict is not None:
                _gather(row, one.verdict, found)
    table = [_proposal(place, gathered, least) for place, gathered in sorted(found.items())]
    return sorted(table, key=lambda one: (-one.rejected, -(one.proposed is not None), one.judged))


def _gather(row: Row, event: VerdictEvent, found: dict[tuple[str, str], _Judged]) -> None:
    about = findings_about(row)
    is_rewritten = row["status"] == "rewritten"
    counted: set[tuple[str, str]] = set()
    for finding in about:
        place = (row["exercise"] or "", finding["constraint_id"])
        one = found.setdefault(place, _Judged(finding["unit"], finding["tolerance"]))
        if is_rewritten and place not in counted:  # once, of however many sides and phases
            counted.add(place)
            one.sentences += 1
            if event.verdict == "rejected":
                one.rejected += 1
                one.reasons[event.reason] += 1
        excess = excess_over_guard(finding)
        fault = _is_fault(event, alone=len(about) == 1)
        if excess is not None and fault is not None:
            one.faults.append((excess, fault))


def _is_fault(event: VerdictEvent, *, alone: bool) -> bool | None:
    """Return what a verdict says of a finding; None: nothing."""
    if event.verdict in ("accepted", "edited"):
        return True
    if event.verdict == "rejected":
        reason = REASON_BY_ID.get(event.reason)
        return False if reason is not None and reason.about == "violation" else None
    if event.verdict == "kept_rightly":
        return False
    return True if alone else None


def _proposal(place: tuple[str, str], one: _Judged, least: int) -> Proposal:
    right = _right(one.faults, one.tolerance)
    proposed, right_then = None, right
    if len(one.faults) >= least:
        best = min(
            _candidates(one.faults, one.tolerance),
            key=lambda value: (-_right(one.faults, value), abs(value - one.tolerance)),
        )
        if _right(one.faults, best) > right:
            proposed, right_then = best, _right(one.faults, best)
    return Proposal(
        exercise=place[0],
        constraint=place[1],
        sentences=one.sentences,
        rejected=one.rejected,
        reason=one.reasons.most_common(1)[0][0] if one.reasons else "",
        judged=len(one.faults),
        right=right,
        unit=one.unit,
        tolerance=one.tolerance,
        proposed=proposed,
        right_then=right_then,
    )


def _right(faults: Sequence[tuple[float, bool]], tolerance: float) -> int:
    return sum((excess > tolerance) == fault for excess, fault in faults)


def _candidates(faults: Sequence[tuple[float, bool]], tolerance: float) -> Iterator[float]:
    """Yield the present tolerance and a plain number between each two excesses."""
    yield tolerance
    steps = sorted({0.0, *(excess for excess, _ in faults if excess > 0.0)})
    for low, high in zip(steps, [*steps[1:], steps[-1] + 1.0], strict=True):
        yield _plain_number(low, high)


def _plain_number(low: float, high: float) -> float:
    """Choose the number of fewest decimals in [low, high), near the middle."""
    middle = 0.5 * (low + high)
    for decimals in range(6):
        value = round(middle, decimals)
        if low <= value < high:
            return value
    return low
