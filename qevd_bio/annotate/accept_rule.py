"""A drafted rule becomes a rule: somebody has looked at it and says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from qevd_bio.annotate.draft_rule import proposal_sha256, time_text
from qevd_bio.errors import UsageError
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.rule_issue import refuse
from qevd_bio.exercises.rule_text import rule_text
from qevd_bio.feedback.rule_check import checked_files
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import read_json
from qevd_bio.verdicts.event import is_annotator


@dataclass(frozen=True, slots=True)
class AcceptedRule:
    """A rule that somebody accepted.

    Attributes
    ----------
    path : Path
        Its file.
    by, at : str
        Who, and when (UTC).
    unchanged : bool
        Whether it still is what the model proposed.
    """

    path: Path
    by: str
    at: str
    unchanged: bool


def drafted_rule(path: Path) -> Rule:
    """Read a draft that passes `rules check`.

    Raises
    ------
    RuleError
        The check finds issues, which are all reported.
    UsageError
        The rule is no draft, or was accepted already.
    """
    (read,) = checked_files([path], path.parent).values()
    refuse(read.issues)
    rule = read.rule
    if rule is None or rule.draft is None:
        raise UsageError(
            "no language model drafted this rule", where=str(path), next_step="Use it as it is"
        )
    if rule.draft.accepted_by is not None:
        raise UsageError(
            f"{rule.draft.accepted_by} accepted it on {rule.draft.accepted_at}",
            where=str(path),
            next_step="Use it as it is; raise its version when you change it",
        )
    return rule


def accept_rule(path: Path, by: str, now: datetime | None = None) -> AcceptedRule:
    """Write into a drafted rule that somebody has looked at it and accepts it.

    Parameters
    ----------
    path : Path
        The rule file; its comments are kept.
    by : str
        Who looked at it.
    now : datetime, optional
        When.

    Raises
    ------
    RuleError, UsageError
        As `drafted_rule`; or the name cannot be one.
    """
    if not is_annotator(by):
        raise UsageError(
            f"is {by[:80]!a}",
            where="--by",
            next_step="Use up to 64 letters, digits, spaces and . _ @ -",
        )
    drafted_rule(path)
    record: Any = read_json(path)
    unchanged = proposal_sha256(record) == record["draft"]["proposal_sha256"]
    accepted = {"by": by, "at": time_text(now), "unchanged": unchanged}
    record["draft"]["accepted"] = accepted
    write_text_atomic(path, rule_text(record))
    return AcceptedRule(path, by, accepted["at"], unchanged)
