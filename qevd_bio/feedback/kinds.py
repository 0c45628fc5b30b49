"""The kind of an utterance, by transparent rules over a versioned lexicon."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qevd_bio.feedback.clauses import KIND_LEXICON, clauses, compile_pattern, folded
from qevd_bio.feedback.prompt_files import load_prompt

KindName = Literal[
    "corrective",
    "instructional",
    "motivational",
    "counting",
    "transition",
    "informational",
    "other",
]

TEXTS_KEPT = 4096
"""Trainers say the same again and again: what equal texts mean is found once."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The kind of an utterance.

    Attributes
    ----------
    name : str
        corrective: something should be done differently. instructional: how the exercise is
        done, presuming no fault. motivational, counting, transition: as named.
        informational: a fact. other: none of these.
    confidence : float
        0 to 1; the weight of the pattern that decided, less when the clauses disagree.
        It ranks; it is no calibrated probability.
    source : str
        The lexicon and its version, or the flag of the data set.
    """

    name: KindName
    confidence: float
    source: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    group: str
    kind: KindName
    weight: float
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class KindLexicon:
    """A compiled lexicon; `read_lexicon` makes one."""

    patterns: tuple[_Pattern, ...]
    priority: tuple[str, ...]
    mixed_penalty: float
    nothing_found: float
    exclaimed: tuple[KindName, float]
    source: str

    def decide_clause(self, clause: str) -> _Pattern | None:
        """Find the first pattern that matches a folded clause."""
        return next((p for p in self.patterns if p.regex.search(clause)), None)


def read_lexicon(raw: Mapping[str, Any]) -> KindLexicon:
    """Compile the content of a kinds lexicon; RuleError for a pattern that is malformed."""
    return KindLexicon(
        patterns=tuple(_read_pattern(entry, raw) for entry in raw["patterns"]),
        priority=tuple(raw["priority"]),
        mixed_penalty=float(raw["mixed_penalty"]),
        nothing_found=float(raw["nothing_found"]),
        exclaimed=(raw["exclaimed"]["kind"], float(raw["exclaimed"]["weight"])),
        source=f"rules/lexicon v{raw['version']}",
    )


def _read_pattern(entry: Mapping[str, Any], raw: Mapping[str, Any]) -> _Pattern:
    where = f"prompts/{KIND_LEXICON} {entry['id']}"
    return _Pattern(
        group=entry["id"].split(".")[0],
        kind=entry["kind"],
        weight=float(entry["weight"]),
        regex=compile_pattern(entry["pattern"], raw, where=where),
    )


@functools.cache
def _shipped() -> KindLexicon:
    return read_lexicon(load_prompt(KIND_LEXICON))


def is_praise(clause: str) -> bool:
    """Return whether one clause (see ``clauses.clauses``) encourages or praises."""
    pattern = _shipped().decide_clause(clause)
    return pattern is not None and pattern.kind == "motivational"


def kind_of(text: str, *, is_transition: bool, lexicon: KindLexicon | None = None) -> Kind:
    """Decide the kind of an utterance, by another lexicon than the shipped one if given.

    ``transition`` where the flag of the data set is set. Else the kind of the clause with the
    first pattern group of the lexicon's priority: one corrective clause makes a sentence
    corrective, however much praise surrounds it.
    """
    if is_transition:
        return Kind("transition", 1.0, "is_transition flag")
    return _shipped_kind_of(text) if lexicon is None else _kind_by(text, lexicon)


@functools.lru_cache(TEXTS_KEPT)
def _shipped_kind_of(text: str) -> Kind:
    return _kind_by(text, _shipped())


def _kind_by(text: str, lexicon: KindLexicon) -> Kind:
    parts = clauses(text)
    decided = [found for clause in parts if (found := lexicon.decide_clause(clause))]
    if not decided and parts and folded(text).endswith("!"):
        return Kind(*lexicon.exclaimed, lexicon.source)
    if not decided:
        return Kind("other", lexicon.nothing_found, lexicon.source)
    first = min(decided, key=lambda p: (lexicon.priority.index(p.group), -p.weight))
    disagree = len({pattern.kind for pattern in decided}) > 1
    penalty = lexicon.mixed_penalty if disagree else 0.0
    return Kind(first.kind, round(max(0.0, first.weight - penalty), 3), lexicon.source)
