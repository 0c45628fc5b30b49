"""The facts that a coaching sentence states, read by the project's own grammar."""

from __future__ import annotations

from dataclasses import dataclass

from qevd_bio.exercises.rule import OTHER_SIDE
from qevd_bio.facts.comparisons import plain_comparisons
from qevd_bio.facts.fact_grammar import Direction, fact_grammar
from qevd_bio.facts.fact_reading import UNIT_OF, Draft, Reading
from qevd_bio.facts.stated_numbers import plain_text


@dataclass(frozen=True, slots=True)
class Fact:
    """What a sentence says of one quantity on one side.

    Attributes
    ----------
    measures : tuple of str
        The quantity: one measure without its side where it is named by its term, else what the
        words can mean, the most likely first.
    check : str
        ``value``; ``static``: how much it varies; ``symmetry``: one side against the other.
    side : {"r", "l"} or None
        None: the words name none. Of a symmetry, the side with the smaller value.
    value, amount : float or None
        What was measured, and by how much it should change, in `unit`; of a symmetry the value
        is the difference, not negative.
    target_low, target_high : float or None
        Ends of the target; a single number without a bound is both.
    unit : str
        ``deg``, ``s`` or ``ratio``.
    direction : {"more", "less"} or None
        Of a symmetry, for the side with the smaller value; None of a static check.
    phase : str
        Name of the phase, or empty.
    is_named : bool
        Whether the quantity is named by its term.
    """

    measures: tuple[str, ...]
    check: str = "value"
    side: str | None = None
    value: float | None = None
    target_low: float | None = None
    target_high: float | None = None
    direction: Direction | None = None
    amount: float | None = None
    phase: str = ""
    unit: str = "deg"
    is_named: bool = True

    @property
    def quantity(self) -> str:
        """The most likely measure."""
        return self.measures[0]

    @property
    def joint(self) -> str:
        """The part of the body that the quantity is of: ``knee`` of ``knee_flexion``."""
        return self.quantity.partition("_")[0]

    @property
    def target(self) -> tuple[float | None, float | None] | None:
        """Both ends, or None where no target is stated."""
        both = (self.target_low, self.target_high)
        return None if both == (None, None) else both

    def number(self, name: str) -> float:
        """Give ``value`` or ``amount``; 0 where it is not stated, and of any other detail."""
        stated = {"value": self.value, "amount": self.amount}.get(name)
        return stated or 0.0


def facts_of(text: str, exercise: str | None = None) -> tuple[Fact, ...]:
    """Read the facts that a sentence states.

    Parameters
    ----------
    text : str
        A sentence of either style, of the paper, or what a model generated.
    exercise : str, optional
        Id of its rule, which decides what "lower" means and how phases are called.

    Returns
    -------
    tuple of Fact
        In the order of the text, each once. Praise, counts and words about nothing measurable
        give none.

    Notes
    -----
    Quantities are named by the terms of ``prompts/sentences.json``, by the instructions of the
    rules, by the words of trainers (`qevd_bio.feedback.cues`), and beside a number by a part of
    the body. A number belongs to the quantity named last before it. Nothing is inferred: a
    direction is not concluded from value and target.
    """
    reading = Reading(plain_comparisons(plain_text(text)), fact_grammar(exercise))
    return tuple(dict.fromkeys(_fact(draft) for draft in reading.drafts()))


def _fact(draft: Draft) -> Fact:
    check = "static" if draft.is_static else "value"
    side, direction = draft.side, None if draft.is_static else draft.direction
    if draft.other_is_smaller is not None:
        check = "symmetry"
        if draft.other_is_smaller and side is not None:
            side = OTHER_SIDE[side]
        if direction and (draft.asked_of or draft.side) != side:
            direction = "less" if direction == "more" else "more"
    return Fact(
        measures=draft.measures,
        check=check,
        side=side,
        value=draft.value,
        target_low=draft.target[0],
        target_high=draft.target[1],
        direction=direction,
        amount=draft.amount,
        phase=draft.phase,
        unit=draft.unit or UNIT_OF.get(draft.measures[0], "deg"),
        is_named=draft.is_named,
    )
