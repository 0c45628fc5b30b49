"""What a sentence asks to change: which quantity, on which side, in which direction."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qevd_bio.feedback.cues import cues_of
from qevd_bio.feedback.numbers import Mention, mentions_of

_MORE = "increase|raise|more|greater|larger|higher|bigger|too little|too low|too small|not enough"
_LESS = "decrease|reduce|lower|less|smaller|limit|too much|too high|too large|too big"
_DIRECTION = re.compile(
    rf"\b(?:(?P<more>{_MORE})|(?P<less>{_LESS}))\b(?! than (?:the )?(?:left|right|other)\b)",
    re.IGNORECASE,
)
_PLAIN_DIRECTIONS = ("increase", "more", "decrease", "reduce", "less")
"""Those that need no quantity to be understood; "raise" and "lower" need one."""
_NEGATION = re.compile(r"\b(?:don't|dont|do not|not|never|stop|avoid|without)\s*$", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[.;:!?](?:\s|$)|,\s|\b(?:and|but)\b")
_WORDS_BETWEEN, _LETTERS_AFTER = 4, 60
_PARTS = (
    "arm|ankle|calf|elbow|foot|forearm|hand|heel|hip|knee|leg|shin|shoulder|side|thigh|toe|wrist"
)
_SIDED = re.compile(
    rf"\b(right|left)(?: |-)(?P<part>{_PARTS})s?\b|\b(?:on|with) (?:the|your) (right|left)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AskedChange:
    """One change that a sentence asks for.

    Attributes
    ----------
    measures : tuple of str
        Measures without side, the most likely meaning first.
    direction : {"more", "less"} or None
        None: only the side is stated.
    side : {"r", "l"} or None
        None: the words name none.
    is_static : bool
        Whether it is about the movement over the cycle, not about a value.
    """

    measures: tuple[str, ...]
    direction: Literal["more", "less"] | None
    side: str | None
    is_static: bool = False


@dataclass(frozen=True, slots=True)
class NamedSide:
    """A side that a sentence names with a part of the body; `part` is empty without one."""

    side: str
    part: str


def asked_changes(
    text: str, groups: Sequence[str] = (), instructions: Sequence[str] = ()
) -> list[AskedChange]:
    """Find what a sentence asks to change.

    Parameters
    ----------
    text : str
        The sentence.
    groups : sequence of str
        Cue groups of the exercise, see `cues.cues_of`.
    instructions : sequence of str
        Wordings whose meaning is known otherwise: clauses that begin with one of them, whatever
        their side, are not read for the words of trainers.

    Returns
    -------
    list of AskedChange
        By quantities that are named by their term ("increase right knee flexion"), and by the
        words of trainers ("bend your right knee more"). Words that are not known give none.
    """
    named = named_changes(text)
    known = {_plain(part) for one in instructions for part in one.split(";")} - {""}
    clauses = [
        _without_terms(clause)
        for clause in re.split(r"[.;:]\s+", text)
        if not _plain(clause).startswith((*known,))
    ]
    spoken = [
        AskedChange(cue.measures, cue.direction, cue.side if cue.side in ("r", "l") else None)
        for cue in cues_of(". ".join(clauses), groups=groups)
        if cue.measures and (cue.direction == "more" or cue.direction == "less")
    ]
    return list(dict.fromkeys([*named, *spoken]))


def named_changes(text: str) -> list[AskedChange]:
    """List the quantities that a text names by their term, in order, and what it asks of each."""
    ends = _clause_ends(text)
    return [_by_term(text, one, _clause_start(ends, one)) for one in mentions_of(text)]


def only_direction(text: str) -> Literal["more", "less"] | None:
    """Find the one direction that a text names; None where there is none, or both."""
    words = (m for m in _DIRECTION.finditer(text) if m.group().casefold() in _PLAIN_DIRECTIONS)
    found = {_direction(match, text) for match in words}
    return found.pop() if len(found) == 1 else None


def named_sides(text: str) -> list[NamedSide]:
    """Find the sides that a text names; "to the left" and "two left" name none."""
    return [
        NamedSide((match.group(1) or match.group(3))[0].casefold(), match.group("part") or "")
        for match in _SIDED.finditer(text)
    ]


def _clause_ends(text: str) -> list[int]:
    return [match.end() for match in _CLAUSE_END.finditer(text)]


def _clause_start(ends: Sequence[int], mention: Mention) -> int:
    """Find where the clause begins in which a quantity is named."""
    before = bisect_right(ends, mention.start)
    return ends[before - 1] if before else 0


def _by_term(text: str, mention: Mention, start: int) -> AskedChange:
    direction = _direction_before(text[start : mention.start])
    if direction is None:
        direction = _direction_after(text[mention.end : mention.end + _LETTERS_AFTER])
    return AskedChange((mention.family,), direction, mention.side, mention.is_static)


def _direction_before(words: str) -> Literal["more", "less"] | None:
    """Find the last direction a few words before a quantity."""
    found = None
    for match in _DIRECTION.finditer(words):
        if len(words[match.end() :].split()) <= _WORDS_BETWEEN:
            found = match
    return None if found is None else _direction(found, words)


def _direction_after(words: str) -> Literal["more", "less"] | None:
    """Find a direction that follows a quantity in its clause, such as "should be lower"."""
    match = re.match(
        r"(?:\s+(?:is|was|should|must|needs|has|to|be|a|bit|much|far)\b){0,5}\s*", words
    )
    found = _DIRECTION.match(words, match.end() if match else 0)
    return None if found is None else _direction(found, words)


def _direction(match: re.Match[str], words: str) -> Literal["more", "less"]:
    is_more = match.group("more") is not None
    return "more" if is_more != bool(_NEGATION.search(words[: match.start()])) else "less"


def _without_terms(text: str) -> str:
    """Take the named quantities out, so that "lower knee flexion" is not read as "lower"."""
    kept: list[str] = []
    last, ends = 0, _clause_ends(text)
    for mention in mentions_of(text):
        kept.append(text[last : max(last, _clause_start(ends, mention))])
        last = max(last, mention.end)
    return "".join([*kept, text[last:]])


def _plain(words: str) -> str:
    """Take sides, case and the stop off a clause, to compare it with another."""
    without = re.sub(r"\b(?:right|left)\b|[.;:]", " ", words.casefold())
    return " ".join(without.split())
