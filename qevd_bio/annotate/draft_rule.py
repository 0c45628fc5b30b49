"""A rule for a new exercise, drafted by a language model and marked as such.

The rule is proposed as JSON, turned into a rule file in which every source is unverified, and
checked as `rules check` does. What the check finds is given back to the model, which may correct
it; what is left is for a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from qevd_bio.annotate.rule_proposal import proposal_of_record, record_of_proposal
from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError
from qevd_bio.exercises.load import ReadRule
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.exercises.names import normal_name
from qevd_bio.exercises.new_rule import new_rule_path
from qevd_bio.exercises.parse import without_comments
from qevd_bio.exercises.rule_issue import RuleIssue
from qevd_bio.exercises.rule_text import rule_text
from qevd_bio.feedback.rule_check import checked_files
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import read_json
from qevd_bio.llm.chat import Answer, Asker, ChatRequest, Message, Sampling
from qevd_bio.llm.prompt_file import load_model_prompt
from qevd_bio.skeleton.dofs import DOFS
from qevd_bio.skeleton.measures import CATALOGUE

SAMPLING = Sampling(temperature=0.0, seed=0, max_tokens=8192)
PROMPT, REPAIR_PROMPT = "rule_draft", "rule_draft_repair"
_EXAMPLE = "squat.json"
_MOST_ISSUES = 30
"""Issues that the model is told of at once."""


@dataclass(frozen=True, slots=True)
class DraftedRule:
    """What came of drafting a rule.

    Attributes
    ----------
    path : Path
        The rule file.
    model : str
        Who proposed it.
    rounds : int
        How often the model was asked.
    issues : tuple of RuleIssue
        What is left to be corrected.
    """

    path: Path
    model: str
    rounds: int
    issues: tuple[RuleIssue, ...]


def rule_id_of(exercise: str) -> str:
    """Make the id of a rule from the name of an exercise."""
    return normal_name(exercise).replace(" ", "_")


def draft_rule(
    exercise: str, folder: Path, asker: Asker, *, rounds: int = 3, now: datetime | None = None
) -> DraftedRule:
    """Let a language model draft the rule of an exercise, and write it into a folder of rules.

    Parameters
    ----------
    exercise : str
        Name of the exercise.
    folder : Path
        Where ``<id>.json`` is written; made when absent. Its rules are checked together.
    asker : Asker
        The model.
    rounds : int
        How often the model is asked at most: once, and again while the check finds issues.
    now : datetime, optional
        Time that the draft states.

    Raises
    ------
    UsageError
        The name gives no id, or a file or another rule has it already.
    DataError
        The model gave no answer that is a rule.
    BudgetSpent
        What may be asked is used up; what was answered is kept, and nothing is written.
    """
    rule_id = rule_id_of(exercise)
    path = new_rule_path(rule_id, folder)
    request = draft_request(exercise)
    for number in range(1, rounds + 1):
        (answer,) = asker.ask([request])
        if answer.outcome != "answered":
            raise DataError(
                f"the model {answer.model} proposed no rule: {answer.outcome} ({answer.reason})",
                where=exercise,
                next_step="Ask a larger model, or start from the nearest rule with "
                "`qevd-bio rules new`",
            )
        record, reasons = record_of_proposal(answer.value, rule_id, exercise.strip().capitalize())
        read = _checked(record, rule_id, folder)
        if not read.issues or number == rounds:
            break
        request = _repair_request(request, answer, read.issues)
    about = {
        "model": answer.model,
        "prompt": f"{PROMPT} v{request.prompt_version}",
        "drafted": time_text(now),
        "proposal_sha256": proposal_sha256(record),
        "reasons": reasons,
    }
    write_text_atomic(path, rule_text(record | {"draft": about}))
    left = tuple(replace(one, file=str(path)) for one in read.issues)
    return DraftedRule(path, answer.model, number, left)


def draft_request(exercise: str) -> ChatRequest:
    """Ask for the rule of an exercise; the measures, angles and an example are in the question."""
    example: Any = without_comments(read_json(asset_path("rules", _EXAMPLE), follow_links=True))
    return load_model_prompt(PROMPT).request(
        exercise,
        {
            "exercise": exercise,
            "measures": _measures_text(),
            "angles": _angles_text(),
            "example": json.dumps(proposal_of_record(example, "why")),
        },
        SAMPLING,
    )


def proposal_sha256(record: Mapping[str, Any]) -> str:
    """Digest the record of a rule file without comments and without its section ``draft``."""
    plain: Any = without_comments(dict(record))
    return sha256_json({key: value for key, value in plain.items() if key != "draft"})


def time_text(moment: datetime | None = None) -> str:
    """Write a time, now if none is given, in UTC to the second."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _repair_request(
    before: ChatRequest, answer: Answer, issues: Sequence[RuleIssue]
) -> ChatRequest:
    """Go on with the chat: what was answered, and what the check found in it."""
    lines = [f"{one.key}: {one.cause}. {one.next_step}" for one in issues[:_MOST_ISSUES]]
    told = load_model_prompt(REPAIR_PROMPT).request(
        before.key, {"issues": "\n".join(lines)}, SAMPLING
    )
    return replace(
        before, messages=(*before.messages, Message("assistant", answer.text), *told.messages)
    )


def _checked(record: Mapping[str, Any], rule_id: str, folder: Path) -> ReadRule:
    """Check a rule among the shipped ones and those of its folder, as `rules check` does."""
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{rule_id}.json"
        path.write_text(rule_text(record), encoding="utf-8")
        others = folder if any(folder.glob("*.json")) else None
        return checked_files([path], others)[path]


def _measures_text() -> str:
    lines = {
        sideless(name): f"- {sideless(name)} ({one.unit}): {one.definition}; "
        f"more means: {one.positive}"
        for name, one in CATALOGUE.items()
    }
    return "\n".join(lines.values())


def _angles_text() -> str:
    return "\n".join(
        f"- {dof.name}: {_degrees(dof.low_rad)} to {_degrees(dof.high_rad)}" for dof in DOFS
    )


def _degrees(value_rad: float) -> str:
    bound = float(np.clip(np.rad2deg(value_rad), -180.0, 180.0))
    return f"{bound:.0f}"
