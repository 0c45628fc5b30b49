"""What the rules teach about the words of a sentence: instructions, phases, cue groups."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.exercises.rule import Phase, Rule
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.sided_instruction import of_one_side, without_how_much
from qevd_bio.motion.constraints import THROUGHOUT

Direction = Literal["more", "less"]

_SIDE_OR_STOP = re.compile(r"\b(?:right|left)\b|[.;:]")


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a wording of the rules is about.

    Attributes
    ----------
    measures : tuple of str
        Without side; those of the exercise first.
    direction : {"more", "less"} or None
        None: it goes with both, or is about keeping still.
    is_static : bool
        Whether every constraint with this wording is static.
    """

    measures: tuple[str, ...]
    direction: Direction | None
    is_static: bool


@dataclass(frozen=True, slots=True)
class FactGrammar:
    """What is known of the words of one exercise, or of all where none is named.

    Attributes
    ----------
    groups : tuple of str
        Cue groups, see `qevd_bio.feedback.cues.cues_of`.
    rule_phases : tuple of Phase
        Phases of the rule.
    instructions : mapping of str to Instruction
        By `plain_words` of a part of an instruction.
    instruction_pattern, phase_pattern, dof_pattern : Pattern
        An instruction, with or without sides; the naming of a phase; of a degree of freedom that
        is no quantity of sentences, as in a pose state.
    phase_names : mapping of str to str
        Phase by the words that name it.
    alike_phases : mapping of str to frozenset of str
        What trainers call a phase: ``top``, ``bottom``.
    dofs : mapping of str to str
        Degree of freedom without side by its term.
    """

    groups: tuple[str, ...]
    rule_phases: tuple[Phase, ...]
    instructions: Mapping[str, Instruction]
    instruction_pattern: re.Pattern[str]
    phase_names: Mapping[str, str]
    phase_pattern: re.Pattern[str]
    alike_phases: Mapping[str, frozenset[str]]
    dofs: Mapping[str, str]
    dof_pattern: re.Pattern[str]

    def instruction_at(self, text: str, place: int) -> tuple[Instruction, int] | None:
        """Find the instruction of a rule that begins at a place, and where it ends."""
        found = self.instruction_pattern.match(text, place)
        return (self.instructions[plain_words(found[1])], found.end()) if found else None

    def phases_in(self, clause: str) -> list[str]:
        """List the phases that a clause names."""
        found = self.phase_pattern.finditer(clause.casefold())
        return [match["cue"] or self.phase_names[match["words"]] for match in found]

    def without_phases(self, clause: str) -> str:
        """Take the names of phases out; "at the bottom" stays, which belongs to what is asked."""
        return self.phase_pattern.sub(
            lambda match: match[0] if match["cue"] else " ", clause.casefold()
        )

    def is_same_phase(self, one: str, other: str) -> bool:
        """Compare two phases; "top" is any phase that trainers call so."""
        names = (self.alike_phases.get(name, frozenset((name,))) for name in (one, other))
        return one == other or bool(frozenset.intersection(*names) - {"between"})


def plain_words(clause: str) -> str:
    """Take sides, case and stops off a clause."""
    return " ".join(_SIDE_OR_STOP.sub(" ", clause.casefold()).split())


@functools.cache
def _rules() -> dict[str, Rule]:
    return load_rules()


@functools.cache
def fact_grammar(exercise: str | None = None) -> FactGrammar:
    """Collect what the shipped rules say; an exercise without a rule has no groups."""
    rules = _rules()
    rule = rules.get(exercise or "")
    instructions = _instructions(rules, rule)
    names, dofs = _phase_names(rules, rule), _other_dofs()
    alike: dict[str, set[str]] = {}
    for one in [rule] if rule else rules.values():
        for phase in one.phases:
            alike.setdefault(phase.name, set()).update({phase.cue_phase} - {""})
    return FactGrammar(
        groups=rule.cue_groups if rule else (),
        rule_phases=rule.phases if rule else (),
        instructions=instructions,
        instruction_pattern=_instruction_pattern(instructions),
        phase_names=names,
        phase_pattern=re.compile(
            rf"\b(?P<words>{_either(names)})\b"
            r"|\b(?:at|near|to|in) the (?:very )?(?P<cue>top|bottom)\b(?! (?:arm|leg|hand)s?\b)"
        ),
        alike_phases={
            **{name: frozenset((name,)) for name in ("top", "bottom")},
            **{name: frozenset(cues) for name, cues in alike.items() if cues},
        },
        dofs=dofs,
        dof_pattern=re.compile(
            rf"\b(?:(?P<side>right|left) )?(?P<term>{_either(dofs)})\b", re.IGNORECASE
        ),
    )


def _other_dofs() -> dict[str, str]:
    prompt = load_prompt("sentences.json")
    terms = {words["term"] for words in prompt["quantities"].values()}
    dofs = {words["term"]: stem for stem, words in prompt["degrees_of_freedom"].items()}
    return {term: stem for term, stem in dofs.items() if term not in terms}


def _either(words: Mapping[str, object]) -> str:
    longest_first = sorted(words, key=lambda one: (-len(one), one))
    return "|".join(re.escape(one) for one in longest_first)


def _instruction_pattern(instructions: Mapping[str, Instruction]) -> re.Pattern[str]:
    longest_first = sorted(instructions, key=lambda one: (-len(one), one))
    gap = r"\s+(?:(?:right|left)\s+)?"
    words = "|".join(gap.join(map(re.escape, one.split())) for one in longest_first)
    return re.compile(rf"\s*({words})\b", re.IGNORECASE)


def _instructions(rules: Mapping[str, Rule], own: Rule | None) -> dict[str, Instruction]:
    """Collect by wording all constraints that have it; those of the own rule decide alone."""
    found: dict[str, list[tuple[bool, str, Direction, bool]]] = {}
    for rule in rules.values():
        for one in rule.constraints:
            measure = "tempo" if one.check == "tempo" else sideless(one.measure)
            texts: tuple[tuple[str, Direction], ...] = (
                (one.too_low, "more"),
                (one.too_high, "less"),
            )
            for text, direction in texts:
                for part in text.split(";"):
                    entry = (rule is own, measure, direction, one.check == "static")
                    for words in _spoken(part, one.joint):
                        found.setdefault(words, []).append(entry)
    found.pop("", None)
    return {words: _instruction(entries) for words, entries in found.items()}


def _spoken(instruction: str, joint: str) -> set[str]:
    """List the forms of an instruction in sentences."""
    plain = {instruction, without_how_much(instruction)}
    sided = {of_one_side(one, joint, "right") or one for one in plain}
    return {plain_words(one) for one in plain | sided}


def _instruction(entries: list[tuple[bool, str, Direction, bool]]) -> Instruction:
    if any(is_own for is_own, *_ in entries):
        entries = [entry for entry in entries if entry[0]]
    directions: set[Direction] = {
        direction for _, _, direction, is_static in entries if not is_static
    }
    return Instruction(
        measures=tuple(dict.fromkeys(measure for _, measure, _, _ in entries)),
        direction=directions.pop() if len(directions) == 1 else None,
        is_static=all(is_static for *_, is_static in entries),
    )


def _phase_names(rules: Mapping[str, Rule], own: Rule | None) -> dict[str, str]:
    names = {"during the repetition": THROUGHOUT, "throughout": THROUGHOUT}
    phases = [phase for rule in rules.values() for phase in rule.phases]
    for phase in [*phases, *(own.phases if own else ())]:
        spoken = phase.name.replace("_", " ")
        names[f"{spoken} phase"] = phase.name
        if phase.words:
            names[phase.words.casefold()] = phase.name
    return names
