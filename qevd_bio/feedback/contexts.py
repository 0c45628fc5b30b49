"""Statements of violated findings, and the motion and morphology contexts built of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from qevd_bio.errors import RuleError
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import (
    SENTENCES,
    amount_text,
    decimals_of,
    is_speakable,
    is_too_low,
    measure_family,
    missed_bound,
    quantity_words,
    target_text,
    value_text,
)
from qevd_bio.motion.constraints import Finding

Wording = Literal["evidence", "paper"]
Statement = tuple[Finding, ...]
"""One finding, or the right and left one that are told together."""


def _forms() -> dict[str, str]:
    forms: dict[str, str] = load_prompt(SENTENCES)["forms"]
    return forms


def joined_sides(findings: Sequence[Finding]) -> tuple[Statement, ...]:
    """Group violated findings into statements.

    Parameters
    ----------
    findings : sequence of Finding
        Violated and speakable, in the order to be told.

    Returns
    -------
    tuple of Statement
        Right and left of one quantity, phase, target and direction share a statement, right
        first; the order is that of each statement's first finding.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        key = (
            measure_family(finding),
            finding.check,
            finding.phase,
            finding.unit,
            is_too_low(finding),
            missed_bound(finding),
            finding.instruction,
        )
        group = groups.setdefault(key if finding.side else (*key, id(finding)), [])
        if any(other.side == finding.side for other in group):
            group = groups.setdefault((*key, id(finding)), [])
        group.append(finding)
    return tuple(
        tuple(sorted(group, key=lambda f: f.side or "", reverse=True)) for group in groups.values()
    )


def statement_text(statement: Statement, *, wording: Wording = "evidence") -> str:
    """Tell a violation with its numbers, as the examples of supplement 1.2 do.

    Parameters
    ----------
    statement : tuple of Finding
        One violated finding, or right and left of the same violation.
    wording : {"evidence", "paper"}
        ``paper`` follows the supplement to the letter where it leaves out a target.

    Returns
    -------
    str
        "Knee flexion 85° (target: 90°). Increase knee flexion by 5° at the bottom phase."

    Raises
    ------
    RuleError
        A finding is not violated beyond what can be written, or the rule's instruction says
        the opposite of the deviation.
    """
    first = statement[0]
    if not all(is_speakable(finding) for finding in statement):
        raise RuleError(
            "a finding without a violation that can be written was to be told",
            where=f"finding {first.constraint_id}",
            next_step="Tell only findings for which is_speakable holds",
        )
    name = measure_family(first)
    words = quantity_words(name, where=f"finding {first.constraint_id}")
    special: Mapping[str, Any] | None = load_prompt(SENTENCES)["wordings"][wording].get(name)
    if first.check == "static":
        special = None
    decimals = decimals_of(statement)
    form = "measured" if special is None or special["names_target"] else "measured_without_target"
    text = _forms()[form].format(
        quantity=_quantity(statement, special["term"] if special else None),
        values=_values(statement, decimals),
        reference=words["reference"] if first.check != "static" else "",
        target=target_text(first),
        instruction=_instruction(statement, special, decimals),
    )
    return _tidy(text)


def _tidy(text: str) -> str:
    text = re.sub(r" +", " ", text).replace(" .", ".").strip()
    return text[:1].upper() + text[1:]


def _side_word(finding: Finding) -> str:
    sides: dict[str, str] = load_prompt(SENTENCES)["sides"]
    return sides[finding.side] if finding.side else ""


def _quantity(statement: Statement, special_term: str | None = None) -> str:
    first = statement[0]
    words = quantity_words(measure_family(first), where=f"finding {first.constraint_id}")
    term = special_term or words["still" if first.check == "static" else "term"]
    if len(statement) == 1 and first.side:
        return _forms()["quantity_of_side"].format(side=_side_word(first), quantity=term)
    return term


def _values(statement: Statement, decimals: int) -> str:
    if len(statement) == 1:
        return value_text(statement[0], decimals)
    form = _forms()["value_of_side"]
    return ", ".join(
        form.format(side=_side_word(finding), value=value_text(finding, decimals))
        for finding in statement
    )


def _instruction(statement: Statement, special: Mapping[str, Any] | None, decimals: int) -> str:
    first = statement[0]
    words = quantity_words(measure_family(first), where=f"finding {first.constraint_id}")
    direction = "more" if is_too_low(first) else "less"
    whole = first.instruction.rstrip(". ")
    if not whole:
        whole = _forms()[f"instruction_without_rule_{direction}"].format(
            instructed=words["instructed"]
        )
    if special is not None:
        whole = whole.replace(words["instructed"], special["instructed"])
    head, separator, rest = whole.partition(";")
    takes_amount = _check_direction(head, direction, first)
    if len(statement) == 1 and first.side:
        head = _with_side(head, first)
    if first.check != "static":
        if takes_amount:
            amount = _amounts(statement, words["reference"], decimals)
            head = _forms()["by"].format(instruction=head, amount=amount)
        if first.phase and (special is None or special["names_phase"]):
            head = _at_phase(head, first)
    return head + separator + rest


def _check_direction(head: str, direction: str, finding: Finding) -> bool:
    verbs: dict[str, list[str]] = load_prompt(SENTENCES)["verbs"]
    verb = head.split(" ", 1)[0].casefold()
    opposite = "less" if direction == "more" else "more"
    if finding.check != "static" and verb in [word.casefold() for word in verbs[opposite]]:
        raise RuleError(
            f"the instruction '{finding.instruction}' says the opposite of the deviation:"
            f" measured is {'below' if direction == 'more' else 'above'} the target",
            where=f"constraint {finding.constraint_id} ({finding.measure})",
            next_step="Exchange too_low and too_high in the rule file",
        )
    return verb in [word.casefold() for word in verbs[direction]]


def _with_side(head: str, finding: Finding) -> str:
    side, limb = _side_word(finding), finding.joint.split(" ")[-1]
    named, count = re.subn(rf"\b{re.escape(limb)}\b", f"{side} {limb}", head, count=1)
    return named if count else _forms()["on_side"].format(instruction=head, side=side)


def _at_phase(text: str, finding: Finding) -> str:
    special: dict[str, str] = load_prompt(SENTENCES)["phases"]
    if finding.phase in special:
        return f"{text} {special[finding.phase]}"
    return _forms()["at_phase"].format(text=text, phase=finding.phase.replace("_", " "))


def _amounts(statement: Statement, reference: str, decimals: int) -> str:
    is_ratio = statement[0].unit == "ratio"
    texts = [
        f"{amount_text(finding, decimals)} {reference if is_ratio else ''}".strip()
        for finding in statement
    ]
    if len(set(texts)) == 1:
        return texts[0]
    sided = [
        _forms()["amount_of_side"].format(amount=text, side=_side_word(finding))
        for text, finding in zip(texts, statement, strict=True)
    ]
    return _forms()["both_amounts"].format(first=sided[0], second=sided[1])


def evidence_text(findings: Sequence[Finding]) -> str:
    """List measured numbers with their targets, violated or not.

    Parameters
    ----------
    findings : sequence of Finding
        Those with status ``measured`` are told.

    Returns
    -------
    str
        "knee flexion right 98°, left 96° at the bottom phase (target: 90-120°)", or empty.
    """
    return "; ".join(_pose_states(findings, with_target=True))


def _pose_states(findings: Sequence[Finding], *, with_target: bool) -> list[str]:
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        if finding.status == "measured":
            key: tuple[object, ...] = (measure_family(finding), finding.check, finding.phase)
            if with_target:
                key = (*key, target_text(finding))
            if any(other.side == finding.side for other in groups.get(key, [])):
                key = (*key, id(finding))
            groups.setdefault(key, []).append(finding)
    states = []
    for group in groups.values():
        statement = tuple(sorted(group, key=lambda f: f.side or "", reverse=True))
        first = statement[0]
        words = quantity_words(measure_family(first), where=f"finding {first.constraint_id}")
        reference = words["reference"] if first.check != "static" else ""
        state = f"{_quantity(statement)} {_values(statement, decimals_of(statement))} {reference}"
        if first.phase:
            state = _at_phase(state, first)
        if with_target:
            state = _forms()["state_with_target"].format(state=state, target=target_text(first))
        states.append(re.sub(r" +", " ", state).strip())
    return states


def motion_context(findings: Sequence[Finding], *, wording: Wording = "evidence") -> str:
    """Serialise what one cycle shows: pose state of the salient measures, then violations.

    Parameters
    ----------
    findings : sequence of Finding
        All findings of the cycle, in the rule's order.
    wording : {"evidence", "paper"}
        As in `statement_text`.

    Returns
    -------
    str
        Empty when nothing was measured. All numbers are those of the findings (supplement 7.2).
    """
    states = _pose_states(findings, with_target=False)
    if not states:
        return ""
    pose = _forms()["pose_state"].format(states="; ".join(states))
    violated = [finding for finding in findings if is_speakable(finding)]
    if not violated:
        return f"{pose} {_forms()['no_violation']}"
    statements = " ".join(
        statement_text(statement, wording=wording) for statement in joined_sides(violated)
    )
    return f"{pose} {_forms()['violations'].format(statements=statements)}"


def morphology_context(
    measurements: Mapping[str, float] | None, *, backend: str, low_confidence: bool
) -> tuple[str, str]:
    """Serialise body measures; a seam until a backend measures bodies.

    Parameters
    ----------
    measurements : mapping or None
        Body measures; only None is accepted so far.
    backend : str
        Backend that captured the motion.
    low_confidence : bool
        Puts a warning in front (supplement 6.3).

    Returns
    -------
    (str, str)
        The context, and why it holds no body measures.

    Raises
    ------
    RuleError
        Measurements are given: their sentence is not built yet.
    """
    if measurements is not None:
        raise RuleError(
            "body measures have no sentence yet",
            where=f"morphology context of backend '{backend}'",
            next_step="Pass None until the morphometrics stage exists",
        )
    warning = _forms()["low_confidence"] if low_confidence else ""
    return warning, f"the backend '{backend}' gives no body shape"
