"""Which finding to report: the one the trainer's words ask for, or none.

Notes
-----
Policy ``evidence`` (default) reports only a violation that the trainer's words name: same measure,
same direction, same side where the words name one. A general corrective ("watch your form")
names no measure, so the most severe violation supports it. No measure fits a sentence with an
unknown subject. The first measure of a cue decides: when it is violated against the asked
direction and nowhere in it, the cue counts as contradicted, regardless of its other measures
("go deeper" to someone with too deep knees).

A form error is told once: a cue gets one statement, of the first of its measures that is violated;
a general corrective the rule's first constraint of the most severe form error. A second statement
is of an independent form error. The cause is told before the symptom: a wrong position before
the unsteadiness of the same joint.

Policy ``paper`` replaces more (supplement 1.1, step 4): by a violation that matches the cue, else
by the most severe of the part of the body that the words are about, else by the most severe.
Where nothing is violated, what was measured of what the cue asks for is told with its target.
The supplement assumes that "the trainer observed a form deviation" and does not define the other
case; praise is not measured, so none is given. Without anything to tell the sentence is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.feedback.cues import Cue, is_general, part_of
from qevd_bio.feedback.quantities import (
    is_reportable,
    is_too_low,
    measure_family,
    missed_bound,
    quantity_words,
)
from qevd_bio.feedback.statements import (
    Statement,
    evidence_text,
    fault_limits,
    measured_statements,
    spoken,
)
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import Finding
from qevd_bio.skeleton.measures import CATALOGUE

Refusal = Literal["unsupported", "unmeasurable", "low_confidence"]

MOST_STATEMENTS = 2
_LINE = "body_line"
"""The measure of a straight line from shoulders to ankles: what sagging hips are the cause of."""
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
    name the very side that falls short: "go deeper" is about both. Words about a straight line
    are about a position, never about stillness.
    """
    if measure_family(finding) not in cue.measures or finding.phase in cue.other_phases:
        return False
    if finding.check == "symmetry":
        return cue.side == finding.side or (cue.side is None and cue.direction == "even")
    if cue.direction == "even":
        return False
    if cue.direction is not None and (cue.direction == "still") != (finding.check == "static"):
        return False
    if cue.direction is None and finding.check == "static" and cue.measures[0] == _LINE:
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
        All findings of the cycle, in the rule's order.
    cues : sequence of Cue
        Their sides are right, left or none, see `qevd_bio.feedback.cues.of_sides`.
    style : Style
        Its policy decides, see the module's notes.

    Returns
    -------
    Choice
        In the order of the cues.
    """
    violated = _most_severe_first([finding for finding in findings if is_reportable(finding)])
    if told := _told(findings, cues, violated):
        return Choice(told, None, "violated as the words say")
    if violated and cues and all(is_general(cue) for cue in cues):
        reason = "general corrective; this is the most severe violation"
        return Choice((_first_of(violated[0], findings, violated),), None, reason)
    about = [f for f, matches in zip(findings, matching(findings, cues), strict=True) if matches]
    if style.policy == "paper":
        if violated:
            own = _of_the_part(violated, cues)
            first = _first_of((own or violated)[0], findings, own or violated)
            reason = "policy paper: the most severe violation"
            return Choice((first,), None, f"{reason} of this part of the body" if own else reason)
        if measured := measured_statements(sorted(about, key=lambda f: _place(f, cues))):
            reason = "policy paper: nothing is violated, what was measured is told"
            return Choice(measured[:1], None, reason)
    if not cues:
        return Choice((), "unmeasurable", "the subject of the sentence is not recognised")
    if all(is_general(cue) for cue in cues):
        about = list(findings)
    return _refusal(cues, about, style)


def _of_the_part(violated: Sequence[Finding], cues: Sequence[Cue]) -> list[Finding]:
    """List the violations of the part of the body that words are about, of their side if any."""
    parts = {_words(name)["part"] for cue in cues for name in cue.measures}
    parts |= {part for cue in cues if (part := part_of(cue))}
    sides = {cue.side for cue in cues} - {None}
    own = [one for one in violated if _words(measure_family(one))["part"] in parts]
    return [one for one in own if not sides or one.side in (None, *sides)] or own


def independent_statements(findings: Sequence[Finding]) -> tuple[Statement, ...]:
    """Make a statement for each form error of a cycle, the most severe first, without words."""
    violated = _most_severe_first([finding for finding in findings if is_reportable(finding)])
    told: list[Statement] = []
    for finding in violated:
        statement = _first_of(finding, findings, violated)
        if not any(is_same_fault(statement[0], other[0]) for other in told):
            told.append(statement)
    return tuple(told)


def _told(
    findings: Sequence[Finding], cues: Sequence[Cue], violated: Sequence[Finding]
) -> tuple[Statement, ...]:
    """Make a statement for each cue that a violation supports, about independent form errors."""
    told: list[Statement] = []
    for cue in cues:
        about = [finding for finding in violated if is_about(finding, cue)]
        if _is_contradicted(about, cue):
            continue
        supporting = [finding for finding in about if _supports(finding, cue)]
        if not supporting:
            continue
        first = min(supporting, key=lambda f: _rank(f, cue))
        statements: list[Statement]
        if first.check == "symmetry" and cue.direction == "even":
            statements = [(first,), *_own_bound(first, violated)]
        else:
            told_of = first if cue.direction == "still" else _cause(first, violated)
            statements = [_with_other_side(told_of, findings, cue.side)]
        told += [
            one for one in statements if not any(is_same_fault(one[0], two[0]) for two in told)
        ]
    return tuple(told[:MOST_STATEMENTS])


def _rank(finding: Finding, cue: Cue) -> tuple[bool, bool, int]:
    """Order what supports a cue: values before a symmetry, positions before stillness.

    Then the measures in the cue's order; of one, the most severe comes first already.
    """
    is_second = finding.check == "symmetry" and cue.direction != "even"
    place = cue.measures.index(measure_family(finding))
    return is_second, finding.check == "static", place


def _place(finding: Finding, cues: Sequence[Cue]) -> tuple[int, int]:
    """Find the cue that a finding is about, and its measure's place in it."""
    return next(
        (number, cue.measures.index(measure_family(finding)))
        for number, cue in enumerate(cues)
        if is_about(finding, cue)
    )


def _own_bound(uneven: Finding, violated: Sequence[Finding]) -> list[Statement]:
    """Find that the side that falls short of the other also misses its own target."""
    own: list[Statement] = [
        (one,)
        for one in violated
        if one.check == "dynamic"
        and measure_family(one) == measure_family(uneven)
        and (one.phase, one.side) == (uneven.phase, uneven.side)
        and is_too_low(one) == (uneven.target_high == 0)
    ]
    return own[:1]


def _cause(finding: Finding, violated: Sequence[Finding]) -> Finding:
    """Find the wrong position that an unsteady joint comes from; else the finding itself.

    It is a body line that runs through the joint, or the joint's own angle, of the same side
    where both have one. Words that ask for stillness itself get stillness. The pelvis's own
    angles are no joint.
    """
    if finding.check != "static":
        return finding
    joints = _joints(finding)
    sides = {one.side for one in violated} if finding.side is None else {finding.side, None}
    positions = [one for one in violated if one.check == "dynamic" and one.side in sides]
    lines = [one for one in positions if one.measure == _LINE and joints & _joints(one)]
    own = [one for one in positions if measure_family(one) == measure_family(finding)]
    return next(iter([*lines, *own]), finding)


def _joints(finding: Finding) -> frozenset[str]:
    family = measure_family(finding)
    needs = (
        dof for name in CATALOGUE if sideless(name) == family for dof in CATALOGUE[name].needs
    )
    return frozenset(dof for dof in needs if not dof.startswith("pelvis"))


def _first_of(
    worst: Finding, findings: Sequence[Finding], violated: Sequence[Finding]
) -> Statement:
    """Find the rule's first constraint that shows the same form error as the worst one."""
    worst = _cause(worst, violated)
    same = [one for one in findings if one in violated and is_same_fault(one, worst)]
    positions = [one for one in same if one.check == worst.check] or [worst]
    of_first = [one for one in positions if one.constraint_id == positions[0].constraint_id]
    return _with_other_side(min(of_first, key=lambda one: -one.severity), findings, None)


def _with_other_side(finding: Finding, findings: Sequence[Finding], side: str | None) -> Statement:
    """Join the other side of a violation: one that is violated alike, or that noise does not part.

    Words that name a side are about that side alone.
    """
    if finding.side is None or side is not None or finding.check == "symmetry":
        return (finding,)
    for other in findings:
        is_other = (
            other.constraint_id == finding.constraint_id
            and other.phase == finding.phase
            and other.status == "measured"
            and other.side not in (None, finding.side)
        )
        if not is_other:
            continue
        pair = (finding, other) if finding.side == "r" else (other, finding)
        if is_reportable(other) and is_too_low(other) == is_too_low(finding):
            return pair
        mean = spoken(pair)
        if len(mean) == 1 and is_reportable(mean[0]) and _is_alike(mean[0], finding):
            return pair
    return (finding,)


def _is_alike(mean: Finding, finding: Finding) -> bool:
    return missed_bound(mean) == missed_bound(finding)


def is_same_fault(one: Finding, other: Finding) -> bool:
    """Return whether two violations show one form error.

    Measures of one fault (``prompts/sentences.json``) in one direction at one phase, or one
    measure in one direction at any; how still a joint is belongs to any of them. A symmetry says
    something else than a value.
    """
    if _words(measure_family(one))["fault"] != _words(measure_family(other))["fault"]:
        return False
    if "symmetry" in (one.check, other.check):
        return one.check == other.check
    if "static" in (one.check, other.check):
        return True
    is_one_place = one.phase == other.phase or measure_family(one) == measure_family(other)
    return is_one_place and is_too_low(one) == is_too_low(other)


def _words(family: str) -> dict[str, Any]:
    return quantity_words(family, where="finding")


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
    """Order violations; the tempo last, whose tolerance is small beside what it varies by."""
    return sorted(
        findings,
        key=lambda f: (f.check == "tempo", -f.severity, _PRIORITIES.index(f.priority)),
    )


def _refusal(cues: Sequence[Cue], about: list[Finding], style: Style) -> Choice:
    """State why no finding supports the cues; `about` are the findings about them."""
    subjects = list(dict.fromkeys(cue.about for cue in cues))
    subject = " and ".join(subjects)
    measures = dict.fromkeys(name for cue in cues for name in cue.measures)
    if not measures and not is_general(cues[0]):
        return Choice((), "unmeasurable", f"no measure answers a cue about {subject}")
    if not about:
        words = ", ".join(measures).replace("_", " ")
        return Choice((), "unmeasurable", f"the rule does not check {subject} ({words})")
    numbers = evidence_text(about, style)
    if not numbers:
        return _nothing_measured(about)
    verb = "is" if len(subjects) == 1 else "are"
    reason = f"{subject} {verb} not violated as the words say: {numbers}"
    if any(missed_bound(finding) is not None and not finding.violated for finding in about):
        reason += "; what lies beyond a target does so by less than tolerance and noise allow"
        if limits := fault_limits(about):
            reason += f" ({limits})"
    return Choice((), "unsupported", reason)


def _nothing_measured(findings: Sequence[Finding]) -> Choice:
    unsure = [finding for finding in findings if finding.status == "low_confidence"]
    refusal: Refusal = "low_confidence" if unsure else "unmeasurable"
    causes = dict.fromkeys(
        f"{measure_family(one).replace('_', ' ')}: {one.reason}" for one in (unsure or findings)
    )
    return Choice((), refusal, "; ".join(causes) or "the rule checks nothing here")
