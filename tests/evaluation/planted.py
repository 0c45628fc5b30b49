"""Sentences of the writer about made findings, and the same with one known difference."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.quantities import is_reportable
from qevd_bio.feedback.statements import violation_text
from qevd_bio.feedback.style import style_of
from qevd_bio.motion.constraints import Constraint, Finding
from tests.feedback.made_findings import finding

STYLES = (("evidence", None), ("evidence", "10"), ("evidence", "8"), ("paper", None))
"""Seeds with which every wording of every form is used; a test holds them to it."""
BEYOND = 17.3


def made(constraint: Constraint, side: str | None, beyond: float) -> Finding | None:
    """A finding that misses the target of a rule by an amount beyond the tolerance."""
    bound = constraint.target_low if beyond < 0 else constraint.target_high
    slack = constraint.tolerance if beyond > 0 else -constraint.tolerance
    one = finding(
        constraint_id=constraint.id,
        measure=f"{constraint.measure}_{side}" if side else constraint.measure,
        joint=constraint.joint,
        side=side,
        check=constraint.check,
        phase=constraint.phase,
        measured=bound + beyond + slack,
        target_low=constraint.target_low,
        target_high=constraint.target_high,
        unit=constraint.unit,
        tolerance=constraint.tolerance,
        sigma=0.0,
        instruction=constraint.too_low if beyond < 0 else constraint.too_high,
    )
    return one if one.violated and one.instruction and is_reportable(one) else None


def statements() -> Iterator[tuple[Rule, tuple[Finding, ...]]]:
    """Every constraint of the shipped rules, missed at either end, on one side and on both.

    Both sides are missed alike, which is one statement about their mean, and unlike.
    """
    for rule in load_rules().values():
        for constraint in rule.constraints:
            sides: list[tuple[str | None, ...]] = [(None,)]
            if constraint.side != "none":
                sides = [("r",), ("l",)]
                sides += [("r", "l")] if constraint.check != "symmetry" else []
            for beyond in (-BEYOND, BEYOND):
                if beyond < 0 and constraint.check == "static":
                    continue
                for of_sides in sides:
                    for more_left in (1.4, 1.0) if len(of_sides) == 2 else (1.4,):
                        some = [
                            made(constraint, side, beyond * (more_left if side == "l" else 1.0))
                            for side in of_sides
                        ]
                        if all(some):
                            yield rule, tuple(one for one in some if one)


def sentence(rule: Rule, statement: tuple[Finding, ...], style: tuple[str, str | None]) -> str:
    return violation_text(statement, style_of(rule, *style))


@dataclass(frozen=True)
class Pair:
    """A true sentence and one with a planted difference, and what that is."""

    exercise: str
    true: str
    predicted: str
    planted: tuple[str, str]
    error: float = 0.0


Changed = tuple[str, float] | None


def _shifted(pattern: str, by: int, text: str) -> Changed:
    """Add to the first number that a pattern finds."""

    def number(found: re.Match[str]) -> str:
        return f"{float(found[0]) + by:g}"

    changed, count = re.subn(pattern, number, text, count=1)
    return (changed, float(by)) if count else None


def _value(text: str, rule: Rule, phase: str) -> Changed:
    return _shifted(r"(?<![\d.])-?\d+(?:\.\d+)?(?=°)", 30, text)


def _target(text: str, rule: Rule, phase: str) -> Changed:
    changed = _shifted(r"(?:(?<=target: )|(?<=target: [<>] )|(?<=at most ))-?\d+(?=°)", 20, text)
    return (changed[0], 0.0) if changed else None


def _amount(text: str, rule: Rule, phase: str) -> Changed:
    return _shifted(r"(?<=by )(?<!varies by )\d+(?=°)", 11, text)


def _direction(text: str, rule: Rule, phase: str) -> Changed:
    return _exchanged(r"\b(increase|reduce)(?= [^.;:]* by )", ("increase", "reduce"), text, 1)


def _side(text: str, rule: Rule, phase: str) -> Changed:
    if " less than " in text or " more than " in text:
        return None
    return _exchanged(r"\b(right|left)\b", ("right", "left"), text, 0)


def _exchanged(pattern: str, words: tuple[str, str], text: str, count: int) -> Changed:
    def other(found: re.Match[str]) -> str:
        word = words[found[0].casefold() == words[0]]
        return word.capitalize() if found[0][0].isupper() else word

    changed, found = re.subn(pattern, other, text, flags=re.IGNORECASE, count=count)
    return (changed, 0.0) if found else None


def _phase(text: str, rule: Rule, phase: str) -> Changed:
    own = next((one for one in rule.phases if one.name == phase), None)
    others = [one for one in rule.phases if own and one.cue_phase != own.cue_phase]
    if not others or f" {phase} phase" not in text:
        return None
    return text.replace(f" {phase} phase", f" {others[0].name} phase"), 0.0


def _missing(text: str, rule: Rule, phase: str) -> Changed:
    return "Great job, keep it up!", 0.0


CHANGES: dict[tuple[str, str], Callable[[str, Rule, str], Changed]] = {
    ("value", "differs"): _value,
    ("target", "differs"): _target,
    ("amount", "differs"): _amount,
    ("direction", "differs"): _direction,
    ("side", "differs"): _side,
    ("phase", "differs"): _phase,
    ("quantity", "missing"): _missing,
}


def planted_pairs(count: int, seed: int) -> list[Pair]:
    """Draw pairs of one fact, as many of each kind of difference."""
    draw = random.Random(seed)
    singles = [one for one in statements() if len(one[1]) == 1]
    pairs: list[Pair] = []
    kinds = list(CHANGES)
    while len(pairs) < count:
        kind = kinds[len(pairs) % len(kinds)]
        rule, statement = draw.choice(singles)
        text = sentence(rule, statement, draw.choice(STYLES))
        changed = CHANGES[kind](text, rule, statement[0].phase)
        if changed is not None:
            pairs.append(Pair(rule.id, text, changed[0], kind, changed[1]))
    return pairs
