"""Why an annotator rejects a sentence: the reasons of ``prompts/review_reasons.json``."""

from __future__ import annotations

from typing import NamedTuple

from qevd_bio.verdicts.review_prompts import review_prompt


class Reason(NamedTuple):
    """One reason: its number on the keyboard, which never changes, its id and its words.

    `about` names what failed: ``violation``, ``measurement``, ``sentence``, ``cue``, ``cycle`` or
    ``other``.
    """

    number: int
    id: str
    words: str
    about: str


REASONS: tuple[Reason, ...] = tuple(
    Reason(int(one["number"]), one["id"], one["words"], one["about"])
    for one in review_prompt("review_reasons")["reasons"]
)
"""In the order of their numbers."""

REASON_BY_ID = {reason.id: reason for reason in REASONS}
