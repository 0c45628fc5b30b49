"""The check of an edit while it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.edited_sentence import edit_issues
from qevd_bio.review.source import ReviewSource
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.verdicts.item_key import ItemKey


def check_edit(row: Mapping[str, Any], text: str, rule: Rule | None = None) -> list[str]:
    """Find the reasons to refuse an edited sentence, in words; empty where it can be published.

    Parameters
    ----------
    row : mapping
        The annotation row that is edited.
    text : str
        The edited sentence.
    rule : Rule, optional
        Of the exercise; without it the shipped rule of that name, if there is one.
    """
    rule = rule or _shipped().get(row["exercise"] or "")
    return edit_issues(
        row["feedback_original"],
        text,
        [finding_from_row(one) for one in row["findings"]],
        is_transition=row["is_transition"],
        groups=() if rule is None else rule.cue_groups,
    )


def edit_problems(source: ReviewSource, key: ItemKey, text: str) -> list[str]:
    """Find the reasons to refuse an edit of a sentence of a folder."""
    row = source.row(key)
    return check_edit(row, text, source.items.rule(row["exercise"]))


@cache
def _shipped() -> dict[str, Rule]:
    return load_rules()
