"""What changed between two sentences, word by word."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

Change = Literal["same", "deleted", "inserted"]

# A word with its inner marks (don't, push-up, 87.5) or one sign, led by the space before it.
_TOKEN = re.compile(r"\s*(?:\w+(?:['’.,-]\w+)*|[^\w\s])|\s+")


_MOST_CHARACTERS = 20_000
"""Longer texts are compared as wholes: the time grows with the square of the words."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is the same, only in the old or only in the new sentence."""

    change: Change
    text: str


def word_diff(old: str, new: str) -> tuple[Piece, ...]:
    """Compare two sentences by whole words.

    Parameters
    ----------
    old, new : str
        Any text.

    Returns
    -------
    tuple of Piece
        In reading order, what is deleted before what is inserted in its place. The texts of
        the same and deleted pieces joined are `old`, those of the same and inserted ones `new`.
    """
    if old == new or len(old) + len(new) > _MOST_CHARACTERS:
        changed: tuple[tuple[Change, str], ...] = (("deleted", old), ("inserted", new))
        whole = (("same", old),) if old == new else changed
        return tuple(Piece(change, text) for change, text in whole if text)
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    pieces: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(before[i:j])))
            continue
        if i < j:
            pieces.append(Piece("deleted", "".join(before[i:j])))
        if k < m:
            pieces.append(Piece("inserted", "".join(after[k:m])))
    return tuple(pieces)
