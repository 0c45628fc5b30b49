"""One thing that is wrong in a rule file, and the error that reports all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qevd_bio.errors import RuleError


@dataclass(frozen=True, slots=True)
class RuleIssue:
    """One thing that is wrong in a rule file.

    Attributes
    ----------
    file : str
        Path as it was given.
    key : str
        Dotted, a constraint by its id: ``constraints.depth.measure``; empty: the whole file.
    cause, next_step : str
        Without a final full stop.
    """

    file: str
    key: str
    cause: str
    next_step: str

    @property
    def where(self) -> str:
        """File and key."""
        return f"{self.file}: {self.key}" if self.key else self.file

    def __str__(self) -> str:
        return f"{self.where}: {self.cause}. {self.next_step}"


def refuse(issues: Sequence[RuleIssue]) -> None:
    """Raise one RuleError that reports all issues; return when there are none."""
    if len(issues) == 1:
        (issue,) = issues
        raise RuleError(issue.cause, where=issue.where, next_step=issue.next_step)
    if issues:
        lines = [f"{len(issues)} issues", *(f"  {issue}" for issue in issues)]
        raise RuleError(
            "\n".join([*lines, "No exercise is analysed while a rule is wrong"]),
            where="exercise rules",
            next_step="Correct these files; `qevd-bio rules check` lists the issues again",
        )
