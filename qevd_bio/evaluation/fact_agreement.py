"""True and predicted facts side by side: what agrees, differs, is missing or invented.

A fact has details: its quantity, and side, value, target, direction, amount and phase as far as
they are stated. Precision is the share of the predicted details that are true, recall the share of
the true details that are predicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from qevd_bio.arrays import FloatArray
from qevd_bio.facts.fact_grammar import FactGrammar, fact_grammar
from qevd_bio.facts.sentence_facts import Fact, facts_of

DetailName = Literal["quantity", "side", "value", "target", "direction", "amount", "phase"]
DETAILS: tuple[DetailName, ...] = ("side", "value", "target", "direction", "amount", "phase")
"""Those that a fact may leave out."""

Relation = Literal["missing", "invented", "differs", "omitted", "added"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far values and amounts may differ and still count as the same, by unit."""

    deg: float = 5.0
    ratio: float = 0.1
    s: float = 0.3

    def of(self, unit: str) -> float:
        """Give the tolerance of a unit; ``KeyError`` for an unknown one."""
        return {"deg": self.deg, "ratio": self.ratio, "s": self.s}[unit]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that true and predicted sentence do not share.

    Attributes
    ----------
    detail : str
        ``quantity`` where a whole fact is missing or invented.
    relation : str
        ``missing`` or ``invented``: a whole fact; ``differs``: both state it; ``omitted`` and
        ``added``: only the true, only the predicted one does.
    true, predicted : Fact or None
        The facts.
    error : float
        Of a value or amount that differs: predicted minus true in the unit, else 0.
    """

    detail: DetailName
    relation: Relation
    true: Fact | None
    predicted: Fact | None
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """The facts of one pair of sentences compared.

    Attributes
    ----------
    true, predicted : tuple of Fact
        As read; a fact without a side stands for each side that the other sentence names.
    matched : tuple of (Fact, Fact)
        True and predicted fact of one quantity.
    differences : tuple of Difference
        All of them, however small.
    agreeing : int
        Details that both state alike, numbers within the tolerance; on a wrong side only the
        quantity.
    """

    true: tuple[Fact, ...]
    predicted: tuple[Fact, ...]
    matched: tuple[tuple[Fact, Fact], ...]
    differences: tuple[Difference, ...]
    agreeing: int


def compare_sentences(
    true: str, predicted: str, exercise: str | None = None, tolerance: Tolerance | None = None
) -> Agreement:
    """Compare what two sentences state; parameters as of `facts_of`."""
    return compare_facts(
        facts_of(true, exercise), facts_of(predicted, exercise), exercise, tolerance
    )


def compare_facts(
    true: Sequence[Fact],
    predicted: Sequence[Fact],
    exercise: str | None = None,
    tolerance: Tolerance | None = None,
) -> Agreement:
    """Compare facts.

    Facts of one quantity are matched so that the most details agree. A quantity that is named by
    its term is never taken for another check of it: a value is no variation.
    """
    grammar, tolerance = fact_grammar(exercise), tolerance or Tolerance()
    true = _for_each_side(true, predicted)
    predicted = _for_each_side(predicted, true)
    matched = _matched(true, predicted, grammar)
    differences: list[Difference] = []
    agreeing = 0
    for i, j in matched:
        own = list(_differences(true[i], predicted[j], grammar))
        differences += own
        agreeing += _agreeing(true[i], predicted[j], own, tolerance)
    missed, said = {i for i, _ in matched}, {j for _, j in matched}
    differences += [
        Difference("quantity", "missing", one, None)
        for i, one in enumerate(true)
        if i not in missed
    ]
    differences += [
        Difference("quantity", "invented", None, one)
        for j, one in enumerate(predicted)
        if j not in said
    ]
    return Agreement(
        tuple(true),
        tuple(predicted),
        tuple((true[i], predicted[j]) for i, j in matched),
        tuple(differences),
        agreeing,
    )


def stated_details(fact: Fact) -> int:
    """Count the details that a fact states, its quantity among them."""
    return 1 + sum(_stated(fact, name) is not None for name in DETAILS)


def is_within(one: Difference, tolerance: Tolerance) -> bool:
    """Return whether a value or amount differs by no more than the tolerance."""
    return (
        one.true is not None
        and one.detail in ("value", "amount")
        and one.relation == "differs"
        and abs(one.error) <= tolerance.of(one.true.unit) + 1e-9
    )


def _stated(fact: Fact, name: DetailName) -> object:
    value: object = getattr(fact, name)
    return None if value == "" else value


def _is_same_quantity(one: Fact, other: Fact) -> bool:
    is_same_check = (one.check == "static") == (other.check == "static")
    return bool(set(one.measures) & set(other.measures)) and (
        is_same_check or not (one.is_named and other.is_named)
    )


def _for_each_side(facts: Sequence[Fact], others: Sequence[Fact]) -> list[Fact]:
    """Double a fact without a side where the other sentence speaks of both sides."""
    result: list[Fact] = []
    for fact in facts:
        alike = [one for one in facts if _is_same_quantity(one, fact)]
        sides = {one.side for one in others if _is_same_quantity(one, fact)} - {None}
        alone = len(alike) == 1 and fact.side is None and fact.check != "symmetry"
        result += [fact] * (2 if alone and len(sides) == 2 else 1)
    return result


def _matched(
    true: Sequence[Fact], predicted: Sequence[Fact], grammar: FactGrammar
) -> list[tuple[int, int]]:
    scores: FloatArray = np.zeros((len(true), len(predicted)))
    for i, one in enumerate(true):
        for j, other in enumerate(predicted):
            if _is_same_quantity(one, other):
                scores[i, j] = _likeness(one, other, grammar)
    rows, columns = linear_sum_assignment(scores, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if scores[i, j] > 0]


def _likeness(true: Fact, predicted: Fact, grammar: FactGrammar) -> float:
    """Weigh two facts of one quantity: the side first, then check and phase, then numbers."""
    score = 10.0 + 2.0 * (true.check == predicted.check)
    if true.side and predicted.side:
        score += 5.0 if true.side == predicted.side else -5.0
    if true.phase and predicted.phase:
        score += 2.0 * grammar.is_same_phase(true.phase, predicted.phase)
    for name in ("value", "amount"):
        one, other = getattr(true, name), getattr(predicted, name)
        if one is not None and other is not None:
            score += 1.0 / (1.0 + abs(one - other))
    return score + (true.target == predicted.target) + (true.direction == predicted.direction)


def _differences(true: Fact, predicted: Fact, grammar: FactGrammar) -> Iterator[Difference]:
    if true.check != predicted.check and "symmetry" in (true.check, predicted.check):
        yield Difference("quantity", "differs", true, predicted)
    for name in DETAILS:
        one, other = _stated(true, name), _stated(predicted, name)
        if one is None and other is None:
            continue
        if one is None or other is None:
            yield Difference(name, "omitted" if other is None else "added", true, predicted)
        elif not _is_same_detail(name, true, predicted, grammar):
            error = predicted.number(name) - true.number(name)
            yield Difference(name, "differs", true, predicted, error)


def _is_same_detail(name: DetailName, true: Fact, predicted: Fact, grammar: FactGrammar) -> bool:
    if name in ("value", "target", "amount") and true.unit != predicted.unit:
        return False
    if name == "phase":
        return grammar.is_same_phase(true.phase, predicted.phase)
    if name == "target":
        return _is_same_target(true, predicted)
    if name in ("value", "amount"):
        return abs(predicted.number(name) - true.number(name)) <= 1e-9
    return _stated(true, name) == _stated(predicted, name)


def _is_same_target(true: Fact, predicted: Fact) -> bool:
    """Compare targets; a single number without a bound is that bound of the other."""
    ends, others = _target_ends(true), _target_ends(predicted)
    if len(ends) == 1 and len(others) == 1 and ends != others:
        shared = {*ends.values()} & {*others.values()}
        return bool(shared) and "point" in {*ends, *others}
    return ends == others


def _target_ends(fact: Fact) -> dict[str, float]:
    low, high = fact.target_low, fact.target_high
    if low is not None and low == high:
        return {"point": low}
    ends = {"low": low, "high": high}
    return {name: end for name, end in ends.items() if end is not None}


def _agreeing(true: Fact, predicted: Fact, own: Sequence[Difference], tolerance: Tolerance) -> int:
    wrong = {one.detail for one in own if not is_within(one, tolerance) or _other_unit(one)}
    if "quantity" in wrong:
        return 0
    if any(one.detail == "side" and one.relation == "differs" for one in own):
        return 1
    both = [
        name
        for name in DETAILS
        if _stated(true, name) is not None and _stated(predicted, name) is not None
    ]
    return 1 + sum(name not in wrong for name in both)


def _other_unit(one: Difference) -> bool:
    return bool(one.true and one.predicted and one.true.unit != one.predicted.unit)
