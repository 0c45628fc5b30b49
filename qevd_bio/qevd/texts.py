"""What a text of QEVD says about the exercise, and what the original loader makes of it."""

from __future__ import annotations

import re

_ANNOUNCEMENTS = ("First up are ", "Moving on to ")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def loader_text(text: str) -> str:
    """Rewrite a text as the original loader does before it looks for utterances."""
    return text.replace("armcrosschest", "deltoid stretch")


def announces_exercise(text: str) -> bool:
    """Tell whether a text has the form of an announcement."""
    return any(opening in text for opening in _ANNOUNCEMENTS)


def exercise_text(text: str) -> str:
    """Take the exercise out of an announcement.

    Parameters
    ----------
    text : str
        The text of a transition.

    Returns
    -------
    str
        The text without "First up are ", "Moving on to " and "!", as in the original loader;
        "armcrosschest" is called "deltoid stretch".
    """
    for removed in (*_ANNOUNCEMENTS, "!"):
        text = text.replace(removed, "")
    return loader_text(text)


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8; JSON escapes can spell half a letter."""
    return _LONE_SURROGATE.search(text) is None
