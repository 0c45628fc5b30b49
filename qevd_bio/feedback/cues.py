"""What a trainer's words ask for: measure, direction, phase, side."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from qevd_bio.exercises.rule import Phase
from qevd_bio.feedback.clauses import clauses, compile_pattern
from qevd_bio.feedback.kinds import TEXTS_KEPT, is_praise
from qevd_bio.feedback.prompt_files import load_prompt

Direction = Literal["more", "less", "still", "even"]

CUE_LEXICON = "cues.lexicon.json"
_OPPOSITE: dict[Direction | None, Direction] = {"more": "less", "less": "more"}
_PATTERNS = (
    "negation", "not_negation", "excess", "shortfall", "description", "afterwards", "relief",
    "comparison", "falls_short", "less_than", "more_than",
)  # fmt: skip
"""Keys of the lexicon that hold one pattern each."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One thing a trainer asks for.

    Attributes
    ----------
    measures : tuple of str
        Measures without side, the most likely meaning first. Empty: nothing measures it.
    direction : {"more", "less", "still", "even"} or None
        What the measure should do: grow, shrink, stay still, be the same on both sides. None:
        the words leave it open.
    phase : str
        Phase the words point at: ``top``, ``bottom`` or empty.
    side : {"r", "l", "front", "back"} or None
        Side the words name; front and back are those of an alternating movement.
    other_phases : frozenset of str
        Phases of the rule that are known to be others than the one the words point at.
    about : str
        Subject: depth, straight, width, tempo, reach, lean, ...
    """

    measures: tuple[str, ...]
    direction: Direction | None
    phase: str
    side: str | None
    about: str
    other_phases: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Entry:
    about: str
    is_wish: bool
    direction: Direction | None
    phase: str
    patterns: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]
    measures: dict[str, tuple[str, ...]]

    def found_in(self, clause: str) -> re.Match[str] | None:
        if any(pattern.search(clause) for pattern in self.unless):
            return None
        matches = (pattern.search(clause) for pattern in self.patterns)
        return next((match for match in matches if match), None)

    def measures_for(self, groups: Sequence[str]) -> tuple[str, ...]:
        known = (self.measures[group] for group in (*groups, "any") if group in self.measures)
        return next(known, ())


@dataclass(frozen=True, slots=True)
class _Lexicon:
    entries: tuple[_Entry, ...]
    sides: dict[str, re.Pattern[str]]
    phase_words: dict[str, re.Pattern[str]]
    patterns: dict[str, re.Pattern[str]]
    named_side: dict[str, re.Pattern[str]]
    compared: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]
    reach_words: int
    general_about: str
    parts: dict[str, str]

    def has(self, name: str, text: str) -> bool:
        """Search a text for one of `_PATTERNS`."""
        return self.patterns[name].search(text) is not None


@functools.cache
def _lexicon() -> _Lexicon:
    raw = load_prompt(CUE_LEXICON)

    def compiled(pattern: str, name: str) -> re.Pattern[str]:
        return compile_pattern(pattern, raw, where=f"prompts/{CUE_LEXICON} {name}")

    def entry(item: dict[str, Any]) -> _Entry:
        return _Entry(
            about=item["about"],
            is_wish=item["says"] == "wish",
            direction=item["direction"],
            phase=item["phase"],
            patterns=tuple(compiled(pattern, item["id"]) for pattern in item["patterns"]),
            unless=tuple(compiled(pattern, item["id"]) for pattern in item["unless"]),
            measures={group: tuple(names) for group, names in item["measures"].items()},
        )

    return _Lexicon(
        entries=tuple(entry(item) for item in raw["entries"]),
        sides={side: compiled(pattern, side) for side, pattern in raw["sides"].items()},
        phase_words={name: compiled(words, name) for name, words in raw["phase_words"].items()},
        patterns={name: compiled(raw[name], name) for name in _PATTERNS},
        named_side={side: compiled(word, side) for side, word in raw["named_side"].items()},
        compared=tuple(
            (compiled(one["words"], "compared"), tuple(one["measures"])) for one in raw["compared"]
        ),
        reach_words=raw["reach_words"],
        general_about=raw["general_about"],
        parts=raw["parts"],
    )


def is_general(cue: Cue) -> bool:
    """Return whether a cue only means that something is wrong ("watch your form")."""
    return cue.about == _lexicon().general_about


def part_of(cue: Cue) -> str:
    """Return the part of the body of a cue that nothing measures; empty where it has none."""
    return "" if cue.measures else _lexicon().parts.get(cue.about, "")


def cue_groups() -> frozenset[str]:
    """List the groups of exercises for which some words have a special meaning."""
    return frozenset(group for entry in _lexicon().entries for group in entry.measures) - {"any"}


def cues_of(
    text: str, *, groups: Sequence[str] = (), phases: Sequence[Phase] = ()
) -> tuple[Cue, ...]:
    """Find what an utterance asks for.

    Parameters
    ----------
    text : str
        The utterance, untouched.
    groups : sequence of str
        Cue groups of the exercise's rule, nearest first: "lower" means the elbow in push-ups,
        the knee in squats.
    phases : sequence of Phase
        Phases of that rule.

    Returns
    -------
    tuple of Cue
        In the lexicon's order within a clause, clause by clause, without repeats; empty when
        the subject is not recognised. Cues that nothing measures, and the general one, are
        given only when no measurable cue is found. Beside other clauses, those that praise ask
        for nothing: "great depth, now lift your chest" is about the chest.
    """
    return _cues_of(text, tuple(groups), tuple(phases))


@functools.lru_cache(TEXTS_KEPT)
def _cues_of(text: str, groups: tuple[str, ...], phases: tuple[Phase, ...]) -> tuple[Cue, ...]:
    asking = [clause for clause in clauses(text) if not is_praise(clause)] or clauses(text)
    found = [cue for clause in asking for cue in _cues_of_clause(clause, groups, phases)]
    general = [cue for cue in found if is_general(cue)]
    measurable = [cue for cue in found if cue.measures]
    unmeasured = [cue for cue in found if not cue.measures and not is_general(cue)]
    return _without_repeats(measurable or unmeasured or general)


def of_sides(cues: Sequence[Cue], leading: str | None) -> tuple[Cue, ...]:
    """Resolve front and back: `leading` is the front side; unknown, both mean either side."""
    sides: dict[str | None, str | None] = {"front": leading, "back": None}
    if leading is not None:
        sides["back"] = "l" if leading == "r" else "r"
    return tuple(replace(cue, side=sides.get(cue.side, cue.side)) for cue in cues)


def _cues_of_clause(clause: str, groups: Sequence[str], phases: Sequence[Phase]) -> list[Cue]:
    lexicon = _lexicon()
    if lexicon.has("comparison", clause):
        return [_comparison(clause)]
    named = [name for name, words in lexicon.phase_words.items() if words.search(clause)]
    found = []
    for entry in lexicon.entries:
        match = entry.found_in(clause)
        if match is None:
            continue
        direction = entry.direction
        if entry.is_wish and _is_reversed(clause, match):
            direction = _OPPOSITE.get(direction, direction)
        phase = named[0] if named else entry.phase
        found.append(
            Cue(
                measures=entry.measures_for(groups),
                direction=direction,
                phase=phase,
                side=None if entry.direction == "even" else _nearest_side(clause, match),
                about=entry.about,
                other_phases=frozenset(
                    one.name for one in phases if phase and one.cue_phase not in ("", phase)
                ),
            )
        )
    directed = {cue.measures for cue in found if cue.direction is not None}
    return [cue for cue in found if cue.direction is not None or cue.measures not in directed]


def _comparison(clause: str) -> Cue:
    """Read a comparison of the sides: it asks for the same on both.

    The side is the one that the words say falls short: "your left arm isn't going as far as your
    right", "you bend the left more than the right". Where they do not say it, it stays open.
    """
    lexicon = _lexicon()
    measures = next(names for words, names in lexicon.compared if words.search(clause))
    return Cue(measures, "even", "", _short_side(clause), "symmetry")


def _short_side(clause: str) -> str | None:
    """Find the side that a comparison says falls short."""
    patterns = _lexicon().patterns
    for name in ("falls_short", "less_than"):
        if match := patterns[name].search(clause):
            return _only_side(clause[: match.start()])
    match = patterns["more_than"].search(clause)
    return _only_side(clause[match.end() :]) if match else None


def _only_side(words: str) -> str | None:
    """Find the one side that words name; None where they name none or both."""
    named = [side for side, word in _lexicon().named_side.items() if word.search(words)]
    return named[0] if len(named) == 1 else None


def _nearest_side(clause: str, match: re.Match[str]) -> str | None:
    """Find the side named in or next to the words of an entry, the first of equally near ones."""
    distances: list[tuple[int, int, str]] = [
        (max(named.start() - match.end(), match.start() - named.end(), 0), named.start(), side)
        for side, pattern in _lexicon().sides.items()
        for named in pattern.finditer(clause)
    ]
    return min(distances)[2] if distances else None


def _is_reversed(clause: str, match: re.Match[str]) -> bool:
    lexicon = _lexicon()
    before = lexicon.patterns["not_negation"].sub(" ", clause[: match.start()]).split()
    window = " ".join([*before[-lexicon.reach_words :], match.group()])
    return not lexicon.has("shortfall", clause) and (
        lexicon.has("negation", window)
        or lexicon.has("excess", window)
        or lexicon.has("description", clause)
        or lexicon.has("relief", clause[: match.end()])
        or lexicon.has("afterwards", clause[match.end() :])
    )


def _without_repeats(cues: list[Cue]) -> tuple[Cue, ...]:
    """Keep one cue of those that ask for the same; it excludes the phases that all exclude."""
    kept: dict[tuple[object, ...], Cue] = {}
    for cue in cues:
        key = (cue.measures, cue.direction, cue.side, cue.measures or cue.about)
        first = kept.setdefault(key, cue)
        kept[key] = replace(first, other_phases=first.other_phases & cue.other_phases)
    return tuple(kept.values())
