"""Statements of findings, and the motion context built of them and of a pose."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from qevd_bio.errors import RuleError
from qevd_bio.feedback.pose import PoseAngle, pose_text
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


def _form(name: str, seed: str | None) -> str:
    """Choose one wording of a form, always the same for the same seed."""
    if seed is None:
        return _forms()[name]
    choices = [_forms()[name], *load_prompt(SENTENCES)["variants"][name]]
    digest = hashlib.sha256(f"{name} {seed}".encode()).digest()
    return str(choices[int.from_bytes(digest[:8], "big") % len(choices)])


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


def statement_text(
    statement: Statement, *, wording: Wording = "evidence", seed: str | None = None
) -> str:
    """Tell a violation with its numbers, as the examples of supplement 1.2 do.

    Parameters
    ----------
    statement : tuple of Finding
        One violated finding, or right and left of the same violation.
    wording : {"evidence", "paper"}
        ``paper`` follows the supplement to the letter where it leaves out a target.
    seed : str or None
        Chooses among the variants of ``prompts/sentences.json``; None always takes the plain
        form.

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
    if special is None or special["names_target"]:
        form = _form("measured", seed)
    else:
        form = _forms()["measured_without_target"]
    text = form.format(
        quantity=_quantity(statement, special["term"] if special else None),
        values=_values(statement, decimals),
        reference=words["reference"] if first.check != "static" else "",
        target=target_text(first),
        instruction=_instruction(statement, special, decimals, seed),
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


def _instruction(
    statement: Statement, special: Mapping[str, Any] | None, decimals: int, seed: str | None
) -> str:
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
        amount = _amounts(statement, words["reference"], decimals)
        if takes_amount:
            head = _forms()["by"].format(instruction=head, amount=amount)
        if first.phase and (special is None or special["names_phase"]):
            head = _at_phase(head, first, seed)
        if not takes_amount:
            instructed = special["instructed"] if special else words["instructed"]
            head = _forms()[f"size_{direction}"].format(
                instruction=head, instructed=instructed, amount=amount
            )
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
    # "to shoulder height" names a height, not the limb
    pattern = rf"(?<!\bto )\b{re.escape(limb)}\b"
    named, count = re.subn(pattern, f"{side} {limb}", head, count=1)
    return named if count else _forms()["on_side"].format(instruction=head, side=side)


def _at_phase(text: str, finding: Finding, seed: str | None = None) -> str:
    special: dict[str, str] = load_prompt(SENTENCES)["phases"]
    if finding.phase in special:
        return f"{text} {special[finding.phase]}"
    return _form("at_phase", seed).format(text=text, phase=finding.phase.replace("_", " "))


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


def measured_statements(findings: Sequence[Finding]) -> tuple[Statement, ...]:
    """Group measured findings, violated or not, by quantity, phase and target."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        if finding.status == "measured":
            key: tuple[object, ...] = (
                measure_family(finding),
                finding.check,
                finding.phase,
                target_text(finding),
            )
            if any(other.side == finding.side for other in groups.get(key, [])):
                key = (*key, id(finding))
            groups.setdefault(key, []).append(finding)
    return tuple(
        tuple(sorted(group, key=lambda f: f.side or "", reverse=True)) for group in groups.values()
    )


def state_text(statement: Statement) -> str:
    """Tell what was measured and the target, without an instruction.

    Returns
    -------
    str
        "knee flexion right 98°, left 96° at the bottom phase (target: 90-120°)".
    """
    first = statement[0]
    words = quantity_words(measure_family(first), where=f"finding {first.constraint_id}")
    reference = words["reference"] if first.check != "static" else ""
    state = f"{_quantity(statement)} {_values(statement, decimals_of(statement))} {reference}"
    if first.phase:
        state = _at_phase(state, first)
    state = _forms()["state_with_target"].format(state=state, target=target_text(first))
    return re.sub(r" +", " ", state).strip()


def told_text(statement: Statement, *, wording: Wording, seed: str | None) -> str:
    """Tell a statement: a violation with its instruction, else what was measured."""
    if is_speakable(statement[0]):
        return statement_text(statement, wording=wording, seed=seed)
    return _tidy(f"{state_text(statement)}.")


def evidence_text(findings: Sequence[Finding]) -> str:
    """List measured numbers with their targets, violated or not; empty when nothing is."""
    return "; ".join(state_text(statement) for statement in measured_statements(findings))


def motion_context(
    findings: Sequence[Finding] | None,
    pose: Sequence[PoseAngle],
    *,
    wording: Wording = "evidence",
) -> str:
    """Serialise the motion quality context C_motion (supplement 7.2).

    Parameters
    ----------
    findings : sequence of Finding or None
        All findings of the most recently completed cycle, in the rule's order; None when no
        cycle is completed.
    pose : sequence of PoseAngle
        Angles of the salient joints at the time of the utterance.
    wording : {"evidence", "paper"}
        As in `statement_text`.

    Returns
    -------
    str
        Pose state, then violations in the rule's order; empty when neither a
        pose nor a measured finding is there.
    """
    measured = [finding for finding in findings or () if finding.status == "measured"]
    if not pose and not measured:
        return ""
    violated = [finding for finding in measured if is_speakable(finding)]
    if violated:
        statements = [statement_text(one, wording=wording) for one in joined_sides(violated)]
        second = _forms()["violations"].format(statements=" ".join(statements))
    elif measured:
        second = _forms()["no_violation"]
    else:
        second = _forms()["no_cycle" if findings is None else "no_measurement"]
    return f"{pose_text(pose)} {second}".strip()
