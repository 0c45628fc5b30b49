"""The exercise in an announcement of QEVD, and the texts as the original loader rewrites them."""

from __future__ import annotations

import re

_ANNOUNCEMENTS = ("First up are ", "Moving on to ")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def loader_text(text: str) -> str:
    """Rewrite a text as the original loader does before it looks for utterances."""
    return text.replace("armcrosschest", "deltoid stretch")


def announces_exercise(text: str) -> bool:
    """Check whether a text has the form of an announcement."""
    return any(opening in text for opening in _ANNOUNCEMENTS)


def exercise_text(text: str) -> str:
    """Extract the exercise from an announcement.

    As in the original loader: the text without "First up are ", "Moving on to " and "!", with
    "deltoid stretch" for "armcrosschest".
    """
    for removed in (*_ANNOUNCEMENTS, "!"):
        text = text.replace(removed, "")
    return loader_text(text)


def is_unicode(text: str) -> bool:
    """Check whether a text can be written as UTF-8; JSON escapes can hold half a letter."""
    return _LONE_SURROGATE.search(text) is None


def text_fault(text: str) -> str:
    """Say why a text cannot be a sentence; empty where it can. Tabs and line breaks may stand."""
    if not is_unicode(text):
        return "is no valid Unicode"
    return "holds a control character" if _CONTROL.search(text) else ""
