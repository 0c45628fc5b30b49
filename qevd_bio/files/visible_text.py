"""Text from files, as it may be shown: no character in it acts on a terminal or turns a line."""

from __future__ import annotations

import re

_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and line feed
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of writing
    "\ud800-\udfff]"  # halves of letters
)


def visible(text: str) -> str:
    r"""Spell characters out that act instead of being seen, as ``\x1b``; keeps tabs and lines."""
    return _ACTING.sub(lambda found: _escaped(found[0]), text)


def visible_json(text: str) -> str:
    r"""Spell the same characters out in a JSON text, where they only stand in strings."""
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
