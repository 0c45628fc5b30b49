"""JSON files checked against the JSON Schema that ships beside their reader."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from qevd_bio.files.strict_json import JsonValue


def load_schema(module_file: str, name: str) -> Draft202012Validator:
    """Load the schema `name` from the folder of a module, given as its ``__file__``."""
    text = Path(module_file).with_name(name).read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def schema_violation(schema: Draft202012Validator, value: JsonValue) -> tuple[str, str] | None:
    """Find the most relevant violation: key, as ``a.0.b``, and message; None if valid."""
    error = best_match(schema.iter_errors(value))
    if error is None:
        return None
    return ".".join(str(part) for part in error.absolute_path), error.message[:200]
