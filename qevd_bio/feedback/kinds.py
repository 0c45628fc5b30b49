"""What kind of utterance a sentence is, by transparent rules over a versioned lexicon."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal, cast

from qevd_bio.feedback.prompt_files import clauses, compile_pattern, load_prompt

KindName = Literal[
    "corrective",
    "instructional",
    "motivational",
    "counting",
    "transition",
    "informational",
    "other",
]

_FILE = "kinds.lexicon.json"


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
    id: str
    kind: KindName
    weight: float
    regex: re.Pattern[str]


@functools.cache
def _patterns() -> tuple[_Pattern, ...]:
    lexicon = load_prompt(_FILE)
    return tuple(
        _Pattern(
            id=entry["id"],
            kind=entry["kind"],
            weight=float(entry["weight"]),
            regex=compile_pattern(
                entry["pattern"],
                lexicon["words"],
                lexicon["fragments"],
                where=f"prompts/{_FILE} {entry['id']}",
            ),
        )
        for entry in lexicon["patterns"]
    )


def _decide_clause(clause: str) -> _Pattern | None:
    return next((p for p in _patterns() if p.regex.search(clause)), None)


def explain_kind(text: str) -> tuple[tuple[str, str], ...]:
    """Give each clause of an utterance with the id of the pattern that decided it.

    Returns
    -------
    tuple of (clause, pattern id)
        The id is empty where no pattern matches.
    """
    decided = ((clause, _decide_clause(clause)) for clause in clauses(text))
    return tuple((clause, pattern.id if pattern else "") for clause, pattern in decided)


def kind_of(text: str, *, is_transition: bool) -> Kind:
    """Decide the kind of an utterance.

    Parameters
    ----------
    text : str
        The utterance, untouched.
    is_transition : bool
        The flag of the data set for this utterance; where set it decides.

    Returns
    -------
    Kind
        The first kind, in the lexicon's order of priority, that any clause has: one corrective
        clause makes a sentence corrective however much praise surrounds it.
    """
    if is_transition:
        return Kind("transition", 1.0, "is_transition flag")
    lexicon = load_prompt(_FILE)
    source = f"rules/lexicon v{lexicon['version']}"
    decided = [pattern for clause in clauses(text) if (pattern := _decide_clause(clause))]
    if not decided:
        return Kind("other", float(lexicon["nothing_found"]), source)
    found = {pattern.kind for pattern in decided}
    name = next(kind for kind in cast("list[KindName]", lexicon["priority"]) if kind in found)
    weight = max(pattern.weight for pattern in decided if pattern.kind == name)
    penalty = float(lexicon["mixed_penalty"]) if len(found) > 1 else 0.0
    return Kind(name, round(max(0.0, weight - penalty), 3), source)
