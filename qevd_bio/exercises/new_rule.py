"""The start of a rule file: a copy of a rule near to it, every key explained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qevd_bio.choices import suggestion
from qevd_bio.errors import UsageError
from qevd_bio.exercises.contradictions import UNVERIFIED
from qevd_bio.exercises.load import files_in, read_rules, rule_files
from qevd_bio.exercises.names import rule_for
from qevd_bio.exercises.parse import COMMENT, without_comments
from qevd_bio.exercises.rule_text import rule_text
from qevd_bio.exercises.schema_issues import rule_schema
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.files.strict_json import parse_json


def write_new_rule(rule_id: str, source_id: str, folder: Path) -> Path:
    """Write a commented rule file to be edited, from a copy of another rule; return its path.

    `rule_id` is the id of the new rule; that of a shipped rule starts its replacement. The source
    is a rule shipped or in `folder`, where ``<rule_id>.json`` is written; the folder is made when
    absent. The file passes every check as it is. Its numbers are the source's: of another exercise
    they count as unverified. `UsageError` where the id cannot be one, the file exists, or no rule
    has the source's id.
    """
    path = new_rule_path(rule_id, folder)
    files = rule_files() | files_in(folder)
    if source_id not in files:
        raise UsageError(
            f"no rule '{source_id}'",
            where="--from",
            next_step=suggestion(source_id, sorted(files)),
        )
    text = read_text_regular(files[source_id], follow_links=True)
    record: Any = without_comments(parse_json(text, where=str(files[source_id])))
    if rule_id != source_id:
        _rename(record, rule_id)
    content = {COMMENT: rule_schema()["description"]} | _explained(record, rule_schema())
    write_text_atomic(path, rule_text(content))
    return path


def new_rule_path(rule_id: str, folder: Path) -> Path:
    """Return where a new rule is written: ``<rule_id>.json`` in a folder that may be absent.

    `UsageError` where the id cannot be one, the file exists, or the id is a name of another rule.
    """
    pattern = rule_schema()["properties"]["id"]["pattern"]
    if not re.search(pattern, rule_id):
        raise UsageError(
            "an id has at most 64 small letters, digits and underscores, and begins with a letter",
            where=rule_id,
            next_step="Choose an id such as romanian_deadlift",
        )
    path = folder / f"{rule_id}.json"
    if path.exists():
        raise UsageError("exists", where=str(path), next_step="Edit it, or choose another id")
    files = rule_files() | files_in(folder)
    rules = {one.rule.id: one.rule for one in read_rules(files.values()).values() if one.rule}
    owner = rule_for(rule_id, rules)
    if owner is not None and owner.id != rule_id:
        raise UsageError(
            f"this name belongs to {owner.id}",
            where=rule_id,
            next_step="Choose another id, or start a replacement of that rule under its own id",
        )
    return path


def _rename(record: dict[str, Any], rule_id: str) -> None:
    """Make a record that of another exercise: none of the sources vouch for it."""
    title = rule_id.replace("_", " ").capitalize()
    record.update({"id": rule_id, "version": 1, "title": title, "aliases": [], "citations": {}})
    record.pop("draft", None)
    for sourced in (record["tempo_s"], *record["constraints"]):
        sourced["source"] = UNVERIFIED


def _explained(value: Any, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Put the schema's description before each key; of a list only the first item is explained."""
    if "$ref" in schema:
        schema = {**rule_schema()["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [_explained(one, items) for one in value[:1]] + value[1:]
    if not isinstance(value, dict):
        return value
    properties: Mapping[str, Any] = schema.get("properties", {})
    explained: dict[str, Any] = {}
    for key in [*value, *(key for key in properties if key not in value)]:
        described = properties.get(key, {})
        if "description" in described:
            explained[f"{COMMENT} {key}"] = described["description"]
        if key in value:
            explained[key] = _explained(value[key], described)
    return explained
