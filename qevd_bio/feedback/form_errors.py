"""What to tell of a set without a trainer's words: its form errors, the most important first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qevd_bio.feedback.finding_choice import independent_statements, is_same_fault
from qevd_bio.feedback.statements import Statement, spoken, violation_text
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import Finding


@dataclass(frozen=True, slots=True)
class FormError:
    """One form error of a set.

    Attributes
    ----------
    statement : Statement
        As it is in the repetition where it is of middle severity.
    text : str
        This statement as a sentence.
    shown_in : int
        Index of that repetition.
    repetitions : tuple of int
        Indices of all repetitions with this error.
    checked : int
        Repetitions in which the same was measured.
    severity : float
        Sum over the repetitions.
    """

    statement: Statement
    text: str
    shown_in: int
    repetitions: tuple[int, ...]
    checked: int
    severity: float


def form_errors(cycles: Sequence[Sequence[Finding]], style: Style) -> tuple[FormError, ...]:
    """Find the form errors of a set.

    Parameters
    ----------
    cycles : sequence of sequence of Finding
        The findings of each repetition, in the rule's order.
    style : Style
        How they are written.

    Returns
    -------
    tuple of FormError
        The largest sum of severities first. Only violations are told: what was not measured
        with confidence is none.
    """
    groups: list[list[tuple[int, Statement]]] = []
    for index, findings in enumerate(cycles):
        for statement in independent_statements(findings):
            own = next((one for one in groups if _is_same(one[0][1], statement)), None)
            if own is None:
                groups.append(own := [])
            own.append((index, statement))
    errors = [_error(group, cycles, style) for group in groups]
    return tuple(sorted(errors, key=lambda one: -one.severity))


def _error(
    group: Sequence[tuple[int, Statement]], cycles: Sequence[Sequence[Finding]], style: Style
) -> FormError:
    ordered = sorted(group, key=lambda one: _severity(one[1]))
    shown_in, statement = ordered[len(ordered) // 2]
    first = spoken(statement)[0]
    checked = sum(any(_is_check(one, first) for one in findings) for findings in cycles)
    return FormError(
        statement=statement,
        text=violation_text(statement, style),
        shown_in=shown_in,
        repetitions=tuple(sorted({index for index, _ in group})),
        checked=checked,
        severity=sum(_severity(one) for _, one in group),
    )


def _is_same(one: Statement, other: Statement) -> bool:
    """Whether two statements of different repetitions tell one error of one side of the body."""
    sides = [{finding.side for finding in spoken(statement)} for statement in (one, other)]
    return is_same_fault(one[0], other[0]) and sides[0] == sides[1]


def _severity(statement: Statement) -> float:
    return max(finding.severity for finding in statement)


def _is_check(finding: Finding, told: Finding) -> bool:
    """Whether a finding measured what an error was found by."""
    return (
        finding.status == "measured"
        and finding.constraint_id == told.constraint_id
        and (told.side is None or finding.side == told.side)
    )
