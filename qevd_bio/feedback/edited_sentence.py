"""The check of a sentence that an annotator wrote."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from qevd_bio.feedback.asked_changes import (
    AskedChange,
    asked_changes,
    named_sides,
    only_direction,
)
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.feedback.quantities import measure_family
from qevd_bio.motion.constraints import Finding

MOST_LETTERS = 2000

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_BEFORE_JOINER = ("So", "Sk", "Mn")
_JOINER = "\u200d"
_JOINTS = ("ankle", "elbow", "hip", "knee", "shoulder")
_WORDS = {"r": "right", "l": "left"}
_OTHER = {"r": "l", "l": "r"}


def edit_issues(
    original: str,
    text: str,
    findings: Sequence[Finding],
    *,
    is_transition: bool = False,
    groups: Sequence[str] | None = None,
) -> list[str]:
    """Find the reasons to refuse an edited sentence.

    Parameters
    ----------
    original : str
        The trainer's sentence.
    text : str
        The edited sentence.
    findings : sequence of Finding
        All findings of the row; each number must be one of theirs, in its place.
    is_transition : bool
        Whether the sentence announces the next exercise; it cannot be changed then.
    groups : sequence of str, optional
        Cue groups of the exercise, nearest first: "lower" means another joint in a push-up.
        Without them, as in a release, which does not carry the rules, it is not known what the
        words ask for, and no direction is compared.

    Returns
    -------
    list of str
        Empty where the sentence can be published; else why not, for its writer: a number that no
        measured finding holds in that place, a side on which nothing is off target while the
        other side is, a direction against the deviation; or it is empty, too long, or holds
        characters that cannot be seen.

    Notes
    -----
    Words that are not understood are not refused. A deviation is that of violated findings of
    the quantity; where none is violated, of any that lies beyond its target.
    """
    if is_transition and text != original:
        return ["a transition names the exercise and is not changed"]
    form = list(_form_issues(text))
    if form:
        return form
    measured = [one for one in findings if one.status == "measured" and one.measured is not None]
    return list(
        dict.fromkeys(
            [
                *_number_issues(text, measured),
                *_side_issues(text, measured),
                *(() if groups is None else _change_issues(text, measured, groups)),
            ]
        )
    )


def _form_issues(text: str) -> Iterator[str]:
    if len(text) > MOST_LETTERS:
        yield f"the sentence has {len(text)} characters; at most {MOST_LETTERS} are allowed"
    hidden = [
        letter
        for before, letter in pairwise(f" {text}")
        if unicodedata.category(letter) in _HIDDEN
        and not (letter == _JOINER and unicodedata.category(before) in _BEFORE_JOINER)
    ]
    if hidden:
        yield (
            f"the sentence holds a control or invisible character (U+{ord(hidden[0]):04X}); "
            "write it in one line of plain text"
        )
    elif not text.strip():
        yield "the sentence is empty"


def _number_issues(text: str, measured: Sequence[Finding]) -> Iterator[str]:
    numbers = dict.fromkeys(unbacked_numbers(text, measured))
    if not numbers:
        return
    stated = "; ".join(dict.fromkeys(_numbers_of(one) for one in measured))
    known = f"the findings hold: {stated}" if stated else "nothing was measured for this sentence"
    for number in numbers:
        yield f"no finding states {number} in this place; {known}"


def _numbers_of(finding: Finding) -> str:
    bounds = [f"{one:g}" for one in (finding.target_low, finding.target_high) if one is not None]
    target = f", target {' to '.join(bounds)}" if bounds else ""
    return f"{_named(finding)} {finding.measured:.4g}{target}"


def _named(finding: Finding) -> str:
    if finding.check == "symmetry" and finding.side in _OTHER:
        sides = f"{_WORDS[finding.side]} minus {_WORDS[_OTHER[finding.side]]}"
        return f"{measure_family(finding).replace('_', ' ')} {sides}"
    side = f"{_WORDS[finding.side]} " if finding.side in _WORDS else ""
    return side + measure_family(finding).replace("_", " ")


def _side_issues(text: str, measured: Sequence[Finding]) -> Iterator[str]:
    """Refuse a side of the body on which nothing is violated while the other side is."""
    violated = [one for one in measured if one.violated and one.side is not None]
    for named in named_sides(text):
        about = [one for one in violated if _moves(one, named.part)] or violated
        if about and all(named.side not in _sides(one) for one in about):
            yield _wrong_side(named.side, about[0])


def _moves(finding: Finding, part: str) -> bool:
    """Whether a finding is about the joint that a text names; an arm or leg is no one joint."""
    return part in _JOINTS and (part in finding.joint or part in finding.measure)


def _sides(finding: Finding) -> tuple[str | None, ...]:
    """List the sides a finding is of; a symmetry compares both."""
    return ("r", "l") if finding.check == "symmetry" else (finding.side,)


def _wrong_side(side: str, finding: Finding) -> str:
    return (
        f"the sentence says {_WORDS[side]}, but the finding is of the "
        f"{_WORDS[finding.side or _OTHER[side]]} side ({_named(finding)})"
    )


def _change_issues(text: str, measured: Sequence[Finding], groups: Sequence[str]) -> Iterator[str]:
    instructions = [one.instruction for one in measured if one.instruction]
    asked = asked_changes(text, groups, instructions)
    for change in asked:
        yield from _issue_of(change, measured)
    direction = only_direction(text)
    if direction is None or any(change.direction is not None for change in asked):
        return
    off = [one for one in measured if one.violated]
    if off and all(_needed(one) not in (None, direction) for one in off):
        yield _wrong_direction(direction, off[0])


def _issue_of(change: AskedChange, measured: Sequence[Finding]) -> Iterator[str]:
    about = [
        one
        for one in measured
        if measure_family(one) in change.measures
        and (one.check == "static") == change.is_static
        and _needed(one) is not None
    ]
    about = [one for one in about if one.violated] or about
    first = [one for one in about if measure_family(one) == change.measures[0]] or about
    own = [one for one in first if change.side is None or change.side in (*_sides(one), None)]
    own = [*own, *(one for one in first if one.side is None and one not in own)]
    if first and not own:
        if change.direction is not None and first[0].violated:
            yield _wrong_side(change.side or "", first[0])
        return
    needed = {_needed(one, change.side) for one in own}
    if change.direction is not None and needed and change.direction not in needed:
        yield _wrong_direction(change.direction, own[0])


def _needed(finding: Finding, side: str | None = None) -> str | None:
    """Say what would bring a finding to its target: more, less, or nothing.

    Of a symmetry, for the side that is named; without one, for the finding's own.
    """
    deviation = finding.deviation or 0.0
    if deviation == 0.0:
        return None
    is_other = finding.check == "symmetry" and side is not None and side != finding.side
    return "more" if (deviation < 0) != is_other else "less"


def _wrong_direction(direction: str, finding: Finding) -> str:
    place = "below" if (finding.deviation or 0.0) < 0 else "above"
    return (
        f"the sentence asks for {direction}, but {_named(finding)} is {place} its target "
        f"({_numbers_of(finding)})"
    )
