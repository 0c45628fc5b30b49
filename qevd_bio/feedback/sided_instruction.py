"""A rule's instruction beside numbers: for one side, and without words for how much."""

from __future__ import annotations

import re

_LIMBS = {
    "shoulder": r"upper arm|arm|elbow|hand|shoulder",
    "elbow": r"elbow|forearm|arm",
    "hip": r"leg|thigh|knee|foot",
    "knee": r"knee|leg|shin|heel|foot",
    "ankle": r"knee|foot|heel",
}
"""What an instruction about a joint may name instead of it."""
_HOW_MUCH = re.compile(r" (?:slightly|a little)\b")
_BOTH = re.compile(r"\b(?:apart|together|both)\b")


def of_one_side(instruction: str, joint: str, side: str) -> str | None:
    """Name the limb of one side in an instruction.

    Parameters
    ----------
    instruction : str
        "Lower the arms to the sides", up to the first semicolon.
    joint : str
        The checked joint, with or without a word before it: ``front knee``.
    side : str
        Its word: ``right`` or ``left``.

    Returns
    -------
    str or None
        "Lower the right arm to the side"; None where no one limb is named.

    Notes
    -----
    "To shoulder height" names a height, not the limb; of several, the first limb is meant. What
    is said of both at once ("apart") has no side.
    """
    own = joint.split(" ")[-1]
    named, count = re.subn(
        rf"(?<!\bto )\b(this )?{re.escape(own)}\b",
        lambda match: f"{'the ' if match[1] else ''}{side} {own}",
        instruction,
        count=1,
    )
    if count:
        return named
    if own not in _LIMBS or _BOTH.search(instruction):
        return None
    named, count = re.subn(
        rf"\bthe (?P<which>(?:(?!upper\b)\w+ )?)(?P<limb>{_LIMBS[own]})s?\b",
        lambda match: f"the {match['which'].replace('opposite ', '')}{side} {match['limb']}",
        instruction,
        count=1,
    )
    return named.replace(" to the sides", " to the side") if count else None


def without_how_much(instruction: str) -> str:
    """Take out "slightly" and "a little", which an amount beside them may contradict."""
    return _HOW_MUCH.sub("", instruction)
