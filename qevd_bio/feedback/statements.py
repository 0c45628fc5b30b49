"""Findings in sentences: what was measured, the target, and how to correct it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qevd_bio.errors import RuleError
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import (
    SENTENCES,
    amount_text,
    decimals_of,
    fault_text,
    is_reportable,
    is_too_low,
    measure_family,
    missed_bound,
    quantity_words,
    target_text,
    value_text,
)
from qevd_bio.feedback.sided_instruction import of_one_side, without_how_much
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import THROUGHOUT, Finding

Statement = tuple[Finding, ...]
"""One finding, or the right and left one that share a sentence."""

PLAIN = Style()


def form(name: str, style: Style = PLAIN) -> str:
    """Look up a form of ``prompts/sentences.json``; with a seed, one of its variants."""
    prompt = load_prompt(SENTENCES)
    plain = str(prompt["forms"][name])
    if style.seed is None:
        return plain
    choices = [plain, *prompt["variants"].get(name, ())]
    digest = hashlib.sha256(f"{name} {style.seed}".encode()).digest()
    return str(choices[int.from_bytes(digest[:8], "big") % len(choices)])


def spoken(statement: Statement) -> Statement:
    """Join the sides of a statement that noise does not tell apart to their mean, without a side.

    Right and left are spoken apart only where they differ by more than the guard band of their
    difference.
    """
    if len(statement) == 1:
        return statement
    right, left = statement
    if right.measured is None or left.measured is None or not are_alike(right, left):
        return statement
    first = right if right.violated else left
    mean = replace(
        first,
        side=None,
        measured=(right.measured + left.measured) / 2.0,
        sigma=max(right.sigma or 0.0, left.sigma or 0.0),
    )
    return (mean,)


def are_alike(one: Finding, other: Finding) -> bool:
    """Return whether two measured values differ by no more than their noise explains."""
    noise = math.hypot(one.sigma or 0.0, other.sigma or 0.0)
    return abs((one.measured or 0.0) - (other.measured or 0.0)) <= one.guard * noise


def joined_sides(findings: Sequence[Finding]) -> tuple[Statement, ...]:
    """Group violated, reportable findings into statements.

    Right and left of one quantity, phase, target and direction share a statement, right first; the
    order is that of each statement's first finding.
    """
    return _grouped(findings, lambda f: (f.unit, is_too_low(f), missed_bound(f), f.instruction))


def measured_statements(findings: Sequence[Finding]) -> tuple[Statement, ...]:
    """Group measured findings, violated or not, by quantity, phase and target."""
    measured = [finding for finding in findings if finding.status == "measured"]
    return _grouped(measured, lambda f: (target_text(f),))


def _grouped(
    findings: Iterable[Finding], likeness: Callable[[Finding], tuple[object, ...]]
) -> tuple[Statement, ...]:
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        key = (measure_family(finding), finding.check, finding.phase, *likeness(finding))
        alone = (*key, id(finding))
        group = groups.setdefault(key if finding.side else alone, [])
        if any(other.side == finding.side for other in group):
            group = groups.setdefault(alone, [])
        group.append(finding)
    return tuple(
        tuple(sorted(group, key=lambda f: f.side or "", reverse=True)) for group in groups.values()
    )


def statement_text(statement: Statement, style: Style) -> str:
    """Write a statement: a violation with its instruction, else what was measured."""
    if is_reportable(statement[0]):
        return violation_text(statement, style)
    return _tidy(f"{measured_text(statement, style)}.")


def violation_text(statement: Statement, style: Style = PLAIN) -> str:
    """Write a violation with its numbers, as the examples of supplement 1.2 do.

    Returns
    -------
    str
        "Knee flexion 85° (target: 90°). Increase knee flexion by 5° at the bottom phase."

    Raises
    ------
    RuleError
        A finding is not violated beyond what can be written, or the rule's instruction asks for
        the opposite of the deviation.
    """
    statement = spoken(statement)
    first = statement[0]
    if not all(is_reportable(finding) for finding in statement):
        raise RuleError(
            "a finding without a violation that can be written is in a statement",
            where=f"finding {first.constraint_id}",
            next_step="Pass only findings for which is_reportable holds",
        )
    words = _words_of(first)
    decimals = decimals_of(statement)
    if first.check == "static" and style.policy != "paper":
        text = form("varies", style).format(
            quantity=_moving(statement),
            values=_amount_values(statement, decimals),
            target=target_text(first),
            instruction=_instruction(statement, None, decimals, style),
        )
        return _tidy(text)
    special: Mapping[str, Any] | None = None
    if first.check != "static":
        special = load_prompt(SENTENCES)["styles"][style.policy].get(measure_family(first))
    if special is None or special["names_target"]:
        whole = form("measured", style)
    else:
        whole = form("measured_without_target")
    text = whole.format(
        quantity=_quantity(statement, special["term"] if special else None),
        values=_values(statement, decimals),
        reference=words["reference"] if first.check != "static" else "",
        target=target_text(first),
        instruction=_instruction(statement, special, decimals, style),
    )
    return _tidy(text)


def measured_text(statement: Statement, style: Style) -> str:
    """Write what was measured: "knee flexion right 98°, left 96° (target: 90-120°)"."""
    statement = spoken(statement)
    first, decimals = statement[0], decimals_of(statement)
    reference = _words_of(first)["reference"] if first.check != "static" else ""
    state = f"{_quantity(statement)} {_values(statement, decimals)} {reference}"
    if first.check == "static" and style.policy != "paper":
        values = _amount_values(statement, decimals)
        state = form("state_varies").format(quantity=_moving(statement), values=values)
    if first.phase:
        state = _at_phase(state, first, replace(style, seed=None))
    state = form("state_with_target").format(state=state, target=target_text(first))
    return re.sub(r" +", " ", state).strip()


def evidence_text(findings: Sequence[Finding], style: Style = PLAIN) -> str:
    """List measured numbers with their targets, violated or not; empty when nothing is."""
    return "; ".join(measured_text(one, style) for one in measured_statements(findings))


def fault_limits(findings: Sequence[Finding]) -> str:
    """Write from where on what lies beyond its target would be a fault; empty for none."""
    beyond = [one for one in findings if missed_bound(one) is not None and not one.violated]
    limits = [
        form("fault_from").format(
            quantity=_quantity((one,)) if one.check != "static" else f"{_moving((one,))} varies",
            value=fault_text(one, decimals_of((one,))),
        )
        for pair in measured_statements([one for one in beyond if one.check != "symmetry"])
        for one in spoken(pair)
    ]
    return "; ".join(limits)


def _tidy(text: str) -> str:
    text = re.sub(r" +", " ", text).replace(" .", ".").strip()
    return ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))


def _moving(statement: Statement) -> str:
    """Name what varies, with its side where it is one of two."""
    first = statement[0]
    term: str = _words_of(first)["moves"]
    if len(statement) == 1 and first.side:
        return form("quantity_of_side").format(side=_side_word(first), quantity=term)
    return term


def _amount_values(statement: Statement, decimals: int) -> str:
    """Write values as amounts: "8°", or "8° (right) and 12° (left)"."""
    texts = [value_text(one, decimals) for one in statement]
    return texts[0] if len(set(texts)) == 1 else _sided_amounts(texts, statement)


def _words_of(finding: Finding) -> dict[str, Any]:
    return quantity_words(measure_family(finding), where=f"finding {finding.constraint_id}")


def _side_word(finding: Finding) -> str:
    sides: dict[str, str] = load_prompt(SENTENCES)["sides"]
    return sides[finding.side] if finding.side else ""


def _quantity(statement: Statement, special_term: str | None = None) -> str:
    first = statement[0]
    term = special_term or str(_words_of(first)["still" if first.check == "static" else "term"])
    if len(statement) == 1 and first.side:
        return form("quantity_of_side").format(side=_side_word(first), quantity=term)
    return term


def _values(statement: Statement, decimals: int) -> str:
    if len(statement) == 1:
        return value_text(statement[0], decimals)
    return ", ".join(
        form("value_of_side").format(side=_side_word(one), value=value_text(one, decimals))
        for one in statement
    )


def _instruction(
    statement: Statement, special: Mapping[str, Any] | None, decimals: int, style: Style
) -> str:
    first = statement[0]
    words = _words_of(first)
    direction = "more" if is_too_low(first) else "less"
    whole = first.instruction.rstrip(". ")
    if first.check != "static":
        whole = without_how_much(whole)
    if special is not None:
        whole = whole.replace(words["instructed"], special["instructed"])
    head, separator, rest = whole.partition(";")
    takes_amount = _check_direction(head, direction, first)
    if len(statement) == 1 and first.side:
        head = _with_side(head, first)
    if first.check != "static":
        amount = _amounts(statement, words["reference"], decimals)
        if takes_amount:
            head = form("by").format(instruction=head, amount=amount)
        if first.phase and (special is None or special["names_phase"]):
            head = _at_phase(head, first, style)
        if not takes_amount:
            instructed = special["instructed"] if special else words["instructed"]
            head = form(f"size_{direction}").format(
                instruction=head, instructed=instructed, amount=amount
            )
    return head + separator + rest


def _check_direction(head: str, direction: str, finding: Finding) -> bool:
    """Return whether an instruction begins with a verb of its direction, which takes an amount."""
    verbs: dict[str, list[str]] = load_prompt(SENTENCES)["verbs"]
    verb = head.split(" ", 1)[0].casefold()
    opposite = "less" if direction == "more" else "more"
    if finding.check != "static" and verb in [word.casefold() for word in verbs[opposite]]:
        raise RuleError(
            f"the instruction '{finding.instruction}' asks for the opposite of the deviation:"
            f" measured is {'below' if direction == 'more' else 'above'} the target",
            where=f"constraint {finding.constraint_id} ({finding.measure})",
            next_step="Exchange too_low and too_high in the rule file",
        )
    return verb in [word.casefold() for word in verbs[direction]]


def _with_side(head: str, finding: Finding) -> str:
    side = _side_word(finding)
    named = of_one_side(head, finding.joint, side)
    return named or form("on_side").format(instruction=head, side=side)


def _at_phase(text: str, finding: Finding, style: Style) -> str:
    if finding.phase == THROUGHOUT:
        return form("throughout").format(text=text)
    if finding.phase in style.phase_words:
        return f"{text} {style.phase_words[finding.phase]}"
    return form("at_phase", style).format(text=text, phase=finding.phase.replace("_", " "))


def _amounts(statement: Statement, reference: str, decimals: int) -> str:
    is_ratio = statement[0].unit == "ratio"
    texts = [
        f"{amount_text(finding, decimals)} {reference if is_ratio else ''}".strip()
        for finding in statement
    ]
    return texts[0] if len(set(texts)) == 1 else _sided_amounts(texts, statement)


def _sided_amounts(texts: Sequence[str], statement: Statement) -> str:
    sided = [
        form("amount_of_side").format(amount=text, side=_side_word(finding))
        for text, finding in zip(texts, statement, strict=True)
    ]
    return form("both_amounts").format(first=sided[0], second=sided[1])
