"""The files of ``prompts/`` that a review goes by: reasons and guidelines."""

from __future__ import annotations

import json
from typing import Any, cast

from jsonschema import Draft202012Validator

from qevd_bio.assets import asset_path
from qevd_bio.errors import RuleError
from qevd_bio.files.json_schema import schema_violation
from qevd_bio.files.strict_json import read_json


def review_prompt(name: str) -> dict[str, Any]:
    """Read ``prompts/NAME.json``.

    Raises
    ------
    RuleError
        The file does not fit ``NAME.schema.json``, which lies beside it.
    """
    path = asset_path("prompts", f"{name}.json")
    content = read_json(path)
    schema = asset_path("prompts", f"{name}.schema.json").read_text(encoding="utf-8")
    if violation := schema_violation(Draft202012Validator(json.loads(schema)), content):
        key, message = violation
        raise RuleError(message, where=f"{path} key {key}", next_step="Restore the file")
    return cast("dict[str, Any]", content)
