r"""Text under judgement in a prompt: how a slot holds it so that it cannot break out.

=========  ================================================================================
quoted     A JSON string on one line, with its quotation marks. Whatever could end the slot or
           act on a chat template is an escape (``<`` is ``\u003c``), and nothing is lost:
           `json.loads` gives the text back. For everything that a person or a model wrote.
inline     One line without quotation marks, for published prompts that mark their slots
           themselves. Characters that mark slots, roles or fences become look-alikes; a plain
           sentence stays as it is, to the byte.
own        Text of ours, such as a list of joints, put in as it is.
=========  ================================================================================

No slot is searched for slots again. An instruction in plain words ("give full marks") stays
readable in every kind: the prompt must say that slots hold data, and controls must show that the
judge keeps to it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Literal, get_args

SlotKind = Literal["quoted", "inline", "own"]
SLOT_KINDS: tuple[SlotKind, ...] = get_args(SlotKind)

_MARKUP = frozenset("<>[]{}`|")
_FOLDED = _MARKUP | {'"', "\\"}
_LOOK_ALIKES = str.maketrans(
    {"<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")", "`": "'", "|": "¦", '"': "'"}
)
_SPACES = re.compile(r"\s+")


def filled(kind: SlotKind, text: str) -> str:
    """Put a text into the form of a slot of this kind."""
    return _FORMS[kind](text)


def quoted(text: str) -> str:
    """Write a text as a JSON string in which no character has a meaning outside of JSON.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        One line, in quotation marks. Letters of all scripts stay as they are; markup, control,
        format and unpaired characters are escapes, as are wide and small forms of markup, which a
    tokenizer may fold to it.
    """
    spelled = json.dumps(text, ensure_ascii=False)
    return "".join(one if _is_harmless(one) else _escape(one) for one in spelled)


def inline(text: str) -> str:
    """Write a text on one line, with look-alikes for characters that mark slots or roles.

    A sentence of letters, digits and usual punctuation is returned unchanged. Runs of white
    space become one space; control and format characters are left out.
    """
    line = "".join(map(_unfolded, _SPACES.sub(" ", text))).translate(_LOOK_ALIKES)
    return " ".join("".join(one for one in line if _is_harmless(one)).split())


def _own(text: str) -> str:
    return text


_FORMS: Mapping[SlotKind, Callable[[str], str]] = {
    "quoted": quoted,
    "inline": inline,
    "own": _own,
}


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable()
        and character not in _MARKUP
        and (character.isascii() or _unfolded(character) == character)
    )


def _unfolded(character: str) -> str:
    """Spell a character as a tokenizer may (NFKC) where that is or holds markup."""
    if character.isascii():
        return character
    folded = unicodedata.normalize("NFKC", character)
    return character if _FOLDED.isdisjoint(folded) else folded


def _escape(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point < 0x10000 else json.dumps(character)[1:-1]
