"""Schema issues of a rule file in words, and the parts that can still be checked."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from qevd_bio.assets import asset_path
from qevd_bio.choices import suggestion
from qevd_bio.exercises.parse import COMMENT
from qevd_bio.exercises.rule_issue import RuleIssue

SCHEMA_NAME = "rule.schema.json"


@functools.cache
def rule_schema() -> dict[str, Any]:
    """Read the schema of rule files; shared between callers, not to be changed."""
    schema: dict[str, Any] = json.loads(asset_path("rules", SCHEMA_NAME).read_text("utf-8"))
    return schema


def schema_issues(record: object, file: str) -> tuple[list[RuleIssue], frozenset[str | int]]:
    """Check the record of a rule file, without comments, against the schema.

    Returns everything the schema refuses; and the top-level keys that cannot be used, with the
    places of the constraints that cannot.
    """
    errors = list(Draft202012Validator(rule_schema()).iter_errors(record))
    issues = dict.fromkeys(
        RuleIssue(file, _key([*error.absolute_path, *more], record), cause, next_step)
        for error in errors
        for more, cause, next_step in _issues_of(error)
    )
    unusable: set[str | int] = set()
    for error in errors:
        path = list(error.absolute_path)
        if error.validator == "required" and not path:
            unusable.update(_missing(error))
        elif error.validator != "additionalProperties" and path:
            in_constraint = path[0] == "constraints" and len(path) > 1
            unusable.add(path[1] if in_constraint else path[0])
    return list(issues), frozenset(unusable)


def _issues_of(error: ValidationError) -> Iterator[tuple[list[str], str, str]]:
    """Word one error as keys below its place, cause and next step; a place may have several."""
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        for name in instance:
            if name not in known and not name.startswith(COMMENT):
                yield [name], "is no key of a rule here", suggestion(name, known)
    elif error.validator == "required":
        for name in _missing(error):
            described = schema.get("properties", {}).get(name) or {}
            yield [name], "is missing", described.get("description", "Add it")
    elif schema is False:
        yield [], "has no place in this kind of check", "Remove it"
    else:
        hint = schema.get("description", "See rule.schema.json beside the shipped rules")
        yield [], error.message, hint


def _missing(error: ValidationError) -> list[str]:
    required: Any = error.validator_value
    present: Any = error.instance
    return [name for name in required if name not in present]


def _key(path: Sequence[str | int], record: object) -> str:
    """Join a path with dots; an item of a list goes by its id or name if it has one."""
    parts: list[str] = []
    for part in path:
        if isinstance(record, Mapping):
            record = record.get(part)
        elif isinstance(record, list) and isinstance(part, int):
            record = record[part]
            name = record.get("id", record.get("name")) if isinstance(record, Mapping) else None
            part = name if isinstance(name, str) else part
        parts.append(str(part))
    return ".".join(parts)
