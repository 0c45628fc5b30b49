"""Numbers of motion contexts and of the sentences about them, and other numbers in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from qevd_bio.feedback.statements import form

_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?(?![\d.])")
_WITH_UNIT = re.compile(rf"(?P<number>{_NUMBER.pattern})(?P<unit>\s?°| degrees?\b| s\b| x\b)?")
_TARGET = re.compile(r"\(target: [^)]*\)")
SHIFT = (0.15, 0.6)
"""A number is changed by such a share of itself, and by at least `LEAST`."""
LEAST = 6


def replaced_numbers(
    text: str, rng: np.random.Generator, known: dict[str, str] | None = None
) -> str:
    """Replace each number of a context's violations that is no target, and leave the pose.

    Parameters
    ----------
    text : str
        C_motion.
    rng : numpy Generator
        Draws the changes.
    known : dict of str to str, optional
        Numbers replaced before, by what they were with their unit ("70°", "0.9 x"); it is added
        to. Contexts of one exercise share
        it, so that what they repeat stays repeated.

    Returns
    -------
    str
        Equal numbers stay equal, and a whole number stays whole.
    """
    opening = form("violations").format(statements="")
    pose, found, stated = text.partition(opening)
    if not found:
        return text
    new = {} if known is None else known

    def other(held: str, unit: str) -> str:
        if held + unit not in new:
            new[held + unit] = _other(held, rng)
        return new[held + unit]

    return pose + found + _exchanged(stated, other)


def told_again(sentence: str, known: Mapping[str, str]) -> str:
    """Replace the numbers of a sentence as those of its contexts with the same unit were.

    Others stay, and so do numbers without a unit: "12 reps" is no angle of 12°.
    """
    return _exchanged(sentence, lambda held, unit: known.get(held + unit, held) if unit else held)


def _other(held: str, rng: np.random.Generator) -> str:
    share = rng.uniform(*SHIFT) * (1 if rng.random() < 0.5 else -1)
    value = float(held)
    shift = share * value
    if "." not in held and abs(shift) < LEAST:
        shift = LEAST if value <= LEAST or shift > 0 else -LEAST
    digits = len(held.partition(".")[2])
    return f"{max(value + shift, 0.0):.{digits}f}"


def _exchanged(text: str, other: Callable[[str, str], str]) -> str:
    """Exchange each number that is no target, by what it is and its unit."""

    def exchanged(match: re.Match[str]) -> str:
        written = match["unit"] or ""
        unit = "°" if "degree" in written else written.strip() if "°" in written else written
        return other(match["number"], unit) + written

    targets = _TARGET.findall(text)
    parts = [_WITH_UNIT.sub(exchanged, part) for part in _TARGET.split(text)]
    return "".join(a + b for a, b in zip(parts, [*targets, ""], strict=True))


def numbers(text: str) -> frozenset[str]:
    """List the numbers of a sentence or of a context's violations that are no targets."""
    opening = form("violations").format(statements="")
    stated = text.partition(opening)[2] if opening in text else text
    return frozenset(_NUMBER.findall(_TARGET.sub("", stated)))
