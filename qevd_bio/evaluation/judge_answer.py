"""The score in a judge's answer, read strictly and without running anything."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qevd_bio.llm.chat import Answer

LOWEST, HIGHEST = 1, 5

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_STRING = r"'(?:[^'\\\n{}]|\\.)*'" + r'|"(?:[^"\\\n{}]|\\.)*"'
_NUMBER = r"[-+]?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_VALUE = rf"(?:{_STRING}|{_NUMBER}|True|False|None|true|false|null)"
_PAIR = rf"(?:{_STRING})\s*:\s*{_VALUE}"
_DICTIONARY = re.compile(rf"\{{\s*{_PAIR}(?:\s*,\s*{_PAIR})*\s*,?\s*\}}")
_ENTRY = re.compile(rf"(?P<name>{_STRING})\s*:\s*(?P<value>{_VALUE})")
_INTEGER = re.compile(r"[0-9]{1,9}(?:\.0{1,9})?")


@dataclass(frozen=True, slots=True)
class Score:
    """What an answer is worth as a judgement.

    Attributes
    ----------
    value : int or None
        1 to 5; None: unscored.
    reason : str
        Why it is unscored; empty otherwise.
    """

    value: int | None
    reason: str = ""


def score_of(answer: Answer) -> Score:
    """Read the score of an answer; one that was not given, or not whole, is unscored."""
    if answer.outcome != "answered":
        return Score(None, f"{answer.outcome}: {answer.reason}".rstrip(": "))
    if answer.value is not None:
        return Score(int(answer.value["score"]))
    return parsed_score(answer.text)


def parsed_score(text: str) -> Score:
    """Read a score from the text of an answer.

    Parameters
    ----------
    text : str
        The whole answer; thoughts in ``<think>`` before it are no part of it.

    Returns
    -------
    Score
        The text holds exactly one dictionary in the notation of Python or JSON, flat, with
        exactly one key ``score``, whose value is a whole number from 1 to 5. Prose may stand
        around it. Anything else is unscored.

    Notes
    -----
    FitCoach's script evaluates the text as a Python literal instead, and also counts scores
    that are strings, fractions or out of range.
    """
    text = _THOUGHT.sub("", text, count=1)
    opened, closed = text.count("{"), text.count("}")
    if (opened, closed) != (1, 1):
        return Score(None, "no dictionary" if opened == 0 else "not exactly one dictionary")
    found = _DICTIONARY.search(text)
    if found is None:
        return Score(None, "no flat dictionary of plain values")
    scores = [
        entry["value"]
        for entry in _ENTRY.finditer(found.group())
        if entry["name"][1:-1].casefold() == "score"
    ]
    if len(scores) != 1:
        return Score(None, f"{len(scores)} keys 'score'")
    if not _INTEGER.fullmatch(scores[0]):
        return Score(None, "the score is no whole number")
    value = int(float(scores[0]))
    if not LOWEST <= value <= HIGHEST:
        return Score(None, f"the score is not from {LOWEST} to {HIGHEST}")
    return Score(value)
