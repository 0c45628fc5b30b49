"""Rules as text and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from qevd_bio.exercises.contradictions import UNVERIFIED
from qevd_bio.exercises.rule import Draft, Rule
from qevd_bio.motion.constraints import THROUGHOUT, Constraint

KINDS = {
    "repetitive": "each repetition goes from rest to the key phase and back",
    "alternating": "each side's repetition counts, the side is found in the motion",
    "hold": "a stretch of time in which the pose stays",
}
_UNITS = {"deg": "°", "ratio": " x", "s": " s"}


def verification(source: str) -> str:
    """Grade a source: ``sourced``, ``unverified``, or ``partly`` where it names both."""
    if source == UNVERIFIED:
        return UNVERIFIED
    return "partly" if UNVERIFIED in source else "sourced"


def described(rule: Rule) -> dict[str, Any]:
    """Give the content of a rule as JSON values, without its reference."""
    values = asdict(rule)
    for key in ("points", "start_phase", "reference_keys"):
        del values[key]
    for sourced in (values["tempo"], *values["constraints"]):
        sourced["verification"] = verification(sourced["source"])
    joints = {kind: list(values.pop(f"{kind}_joints")) for kind in ("dynamic", "static")}
    return values | {"joints": joints}


def constraint_row(c: Constraint) -> tuple[str, ...]:
    """Lay a constraint out as cells: id, what, when, target, tolerance, priority, source."""
    unit = _UNITS[c.unit]
    sided = c.measure if c.side == "none" else f"{c.measure} ({c.side})"
    named = "" if c.phase == THROUGHOUT else c.phase
    when = named or ("duration" if c.check == "tempo" else "whole cycle")
    target = f"{c.target_low:g} to {c.target_high:g}{unit}"
    if c.check == "static":
        target = f"deviation < {c.target_high:g}{unit}"
    if c.check == "symmetry":
        word = "less" if c.target_low < 0 else "more"
        target = f"a side < {max(-c.target_low, c.target_high):g}{unit} {word} than the other"
    return c.id, sided, when, target, f"{c.tolerance:g}{unit}", c.priority, c.source


CONSTRAINT_HEADER = ("constraint", "measure", "at", "target", "tolerance", "priority", "source")


def summary_lines(rule: Rule) -> list[str]:
    """Describe a rule line by line: names, kind, how repetitions are found, joints, its draft."""
    shown = rule.representative
    sided = shown.measure if shown.side == "none" else f"{shown.measure} ({shown.side})"
    phases = ", ".join(
        f"{phase.name} at {phase.at:g}{' (key)' if phase.key else ''}" for phase in rule.phases
    )
    still = f"the {len(rule.static_joints)} others" if rule.dynamic_joints else "all 24"
    return [
        f"{rule.title} ({rule.id}, version {rule.version})",
        f"file: {rule.file}",
        f"names: {', '.join(rule.aliases) or 'none but these'}",
        f"cue groups: {', '.join(rule.cue_groups) or 'none'}",
        f"kind: {rule.kind}, {rule.posture}; {KINDS[rule.kind]}",
        f"found by: the {shown.extreme}imum of {sided}",
        f"phases: {phases}",
        f"one takes: {rule.tempo.shortest_s:g} to {rule.tempo.longest_s:g} s "
        f"[{rule.tempo.source}]",
        f"moving joints: {', '.join(rule.dynamic_joints) or 'none'}",
        f"still joints: {still}",
        *_draft_lines(rule),
    ]


def _draft_lines(rule: Rule) -> list[str]:
    """Say which model proposed a rule, and whether somebody has accepted it."""
    draft = rule.draft
    if draft is None:
        return []
    accepted = f"accepted by {draft.accepted_by} on {draft.accepted_at}"
    state = accepted if draft.accepted_by else "DRAFT: nobody has accepted it, nothing uses it"
    return [f"{state}; proposed by {draft.model} on {draft.drafted} ({draft.prompt})"]


def reason_lines(draft: Draft) -> list[str]:
    """List the reasons that a model gave for what it proposed; nobody has checked them."""
    return [
        f"representative: {draft.representative_reason}",
        *(f"{joint}: {reason}" for joint, reason in draft.joint_reasons.items()),
        *(f"{name}: {reason}" for name, reason in draft.constraint_reasons.items()),
    ]


def counted_sources(rules: Sequence[Rule]) -> dict[str, int]:
    """Count the sources of rules: ``sourced``, ``partly`` and ``unverified``."""
    found = [
        verification(source)
        for rule in rules
        for source in (rule.tempo.source, *(c.source for c in rule.constraints))
    ]
    return {kind: found.count(kind) for kind in ("sourced", "partly", UNVERIFIED)}
