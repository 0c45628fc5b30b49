"""Which finding to report: the one the trainer's words ask for, or none.

Notes
-----
Policy ``evidence`` (default) reports only a violation that the trainer's words name: same measure,
same direction, same side where the words name one. A general corrective ("watch your form")
names no measure, so the most severe violation supports it. No measure fits a sentence with an
unknown subject. The first measure of a cue decides: when it is violated against the asked
direction and nowhere in it, the cue counts as contradicted, regardless of its other measures
("go deeper" to someone with too deep knees).

Policy ``paper`` always replaces (supplement 1.1, step 4): by violations that match the cue
first, then by the most severe; where nothing is violated, by what was measured with its target,
first what the cue asks for. The supplement assumes that "the trainer observed a form deviation"
and does not define the other case; praise is not measured, so none is given. Only where nothing
was measured there is no context to replace it by, and the sentence is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qevd_bio.feedback.cues import Cue, is_general
from qevd_bio.feedback.quantities import (
    is_reportable,
    is_too_low,
    measure_family,
    missed_bound,
)
from qevd_bio.feedback.statements import (
    Statement,
    evidence_text,
    joined_sides,
    measured_statements,
)
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import Finding

Refusal = Literal["unsupported", "unmeasurable", "low_confidence"]

MOST_STATEMENTS = 2
_PRIORITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to report, or why nothing.

    Attributes
    ----------
    statements : tuple of Statement
        At most `MOST_STATEMENTS`; empty when nothing may be reported.
    refusal : str
        ``unsupported``, ``unmeasurable`` or ``low_confidence``; None when there is something
        to report.
    reason : str
        In words, with the measured numbers where there are some.
    """

    statements: tuple[Statement, ...]
    refusal: Refusal | None
    reason: str


def is_about(finding: Finding, cue: Cue) -> bool:
    """Return whether a finding checks what a cue asks for, violated or not.

    Same measure, same side, a kind of check that can answer the direction, and not at a phase
    opposite to the one the words mean. A symmetry answers words about evenness, and words that
    name the very side that falls short: "go deeper" is about both.
    """
    if measure_family(finding) not in cue.measures or finding.phase in cue.other_phases:
        return False
    if finding.check == "symmetry":
        return cue.direction == "even" or (cue.side is not None and finding.side == cue.side)
    if cue.direction == "even":
        return False
    if cue.direction is not None and (cue.direction == "still") != (finding.check == "static"):
        return False
    return cue.side is None or finding.side in (None, cue.side)


def matching(findings: Sequence[Finding], cues: Sequence[Cue]) -> tuple[bool, ...]:
    """Return for each finding whether it checks what any of the cues asks for."""
    return tuple(any(is_about(finding, cue) for cue in cues) for finding in findings)


def choose(findings: Sequence[Finding], cues: Sequence[Cue], style: Style) -> Choice:
    """Choose what to report about one cycle.

    Parameters
    ----------
    findings : sequence of Finding
        All findings of the cycle.
    cues : sequence of Cue
        Their sides are right, left or none, see `qevd_bio.feedback.cues.of_sides`.
    style : Style
        Its policy decides, see the module's notes.

    Returns
    -------
    Choice
        Most severe first, then by priority and the rule's order.
    """
    violated = _most_severe_first([finding for finding in findings if is_reportable(finding)])
    supporting = _most_severe_first(_supporting(findings, cues))
    about = [f for f, matches in zip(findings, matching(findings, cues), strict=True) if matches]
    if style.policy == "paper":
        return _paper_choice(violated, supporting, findings, about)
    if supporting:
        return _reported(supporting, "violated as the words say")
    if not cues:
        return Choice((), "unmeasurable", "the subject of the sentence is not recognised")
    if all(is_general(cue) for cue in cues):
        if violated:
            reason = "general corrective; this is the most severe violation"
            return Choice(joined_sides(violated)[:1], None, reason)
        about = list(findings)
    return _refusal(cues, about, style)


def _paper_choice(
    violated: list[Finding],
    supporting: list[Finding],
    findings: Sequence[Finding],
    about: list[Finding],
) -> Choice:
    if violated:
        others = [finding for finding in violated if finding not in supporting]
        return _reported([*supporting, *others], "policy paper: any violation is told")
    first = [*about, *(finding for finding in findings if finding not in about)]
    if measured := measured_statements(first):
        reason = "policy paper: nothing is violated, what was measured is told"
        return Choice(measured[:MOST_STATEMENTS], None, reason)
    return _nothing_measured(findings)


def _supporting(findings: Sequence[Finding], cues: Sequence[Cue]) -> list[Finding]:
    found: list[Finding] = []
    for cue in cues:
        violated = [f for f in findings if is_reportable(f) and is_about(f, cue)]
        if not _is_contradicted(violated, cue):
            found += [f for f in violated if _supports(f, cue) and f not in found]
    return found


def _supports(finding: Finding, cue: Cue) -> bool:
    if cue.direction in (None, "still", "even"):
        return True
    return is_too_low(finding) == (cue.direction == "more")


def _is_contradicted(violated: Sequence[Finding], cue: Cue) -> bool:
    first = [
        finding
        for finding in violated
        if measure_family(finding) == cue.measures[0]
        and (finding.check != "symmetry" or cue.direction == "even")
    ]
    return bool(first) and not any(_supports(finding, cue) for finding in first)


def _most_severe_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (-f.severity, _PRIORITIES.index(f.priority)))


def _reported(findings: Sequence[Finding], reason: str) -> Choice:
    return Choice(joined_sides(_one_size_each(findings))[:MOST_STATEMENTS], None, reason)


def _one_size_each(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out second sizes of a joint at a phase: a symmetry next to the joint's value."""
    sizes: dict[tuple[str, str, str | None], str] = {}
    return [
        finding
        for finding in findings
        if finding.check
        == sizes.setdefault((measure_family(finding), finding.phase, finding.side), finding.check)
    ]


def _refusal(cues: Sequence[Cue], about: list[Finding], style: Style) -> Choice:
    """State why no finding supports the cues; `about` are the findings about them."""
    subject = " and ".join(dict.fromkeys(cue.about for cue in cues))
    measures = dict.fromkeys(name for cue in cues for name in cue.measures)
    if not measures and not is_general(cues[0]):
        return Choice((), "unmeasurable", f"no measure answers a cue about {subject}")
    if not about:
        words = ", ".join(measures).replace("_", " ")
        return Choice((), "unmeasurable", f"the rule does not check {subject} ({words})")
    numbers = evidence_text(about, style)
    if not numbers:
        return _nothing_measured(about)
    reason = f"{subject} is not violated as the words say: {numbers}"
    if any(missed_bound(finding) is not None and not finding.violated for finding in about):
        reason += "; what lies beyond a target does so by less than tolerance and noise allow"
    return Choice((), "unsupported", reason)


def _nothing_measured(findings: Sequence[Finding]) -> Choice:
    unsure = [finding for finding in findings if finding.status == "low_confidence"]
    refusal: Refusal = "low_confidence" if unsure else "unmeasurable"
    causes = dict.fromkeys(
        f"{measure_family(one).replace('_', ' ')}: {one.reason}" for one in (unsure or findings)
    )
    return Choice((), refusal, "; ".join(causes) or "the rule checks nothing here")
