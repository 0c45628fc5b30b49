"""The language data of ``prompts/``: loading and schema check."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, RuleError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import parse_json

PROMPT_FILES: Mapping[str, str] = {
    "kinds.lexicon.json": "kinds.schema.json",
    "cues.lexicon.json": "cues.schema.json",
    "sentences.json": "sentences.schema.json",
}


@functools.cache
def load_prompt(name: str) -> dict[str, Any]:
    """Read one of `PROMPT_FILES`, shared between callers and not to be changed.

    `RuleError` where the file is no JSON or breaks its schema; the message names the key.
    """
    content = _read_json(name)
    check_prompt(content, _read_json(PROMPT_FILES[name]), where=f"prompts/{name}")
    return content


def check_prompt(content: Mapping[str, Any], schema: Mapping[str, Any], *, where: str) -> None:
    """Check a prompt file by a JSON schema; `RuleError` names the first key that breaks it."""
    error = best_match(Draft202012Validator(schema).iter_errors(content))
    if error is not None:
        raise RuleError(
            error.message,
            where=f"{where} key {error.json_path}",
            next_step="Correct the file; its schema lies beside it",
        )


def prompt_digests() -> dict[str, str]:
    """Digest every prompt file, by ``prompt:<file>``."""
    return {f"prompt:{name}": sha256_file(asset_path("prompts", name)) for name in PROMPT_FILES}


def _read_json(name: str) -> dict[str, Any]:
    where = f"prompts/{name}"
    try:
        text = asset_path("prompts", name).read_text(encoding="utf-8")
        content: Any = parse_json(text, where=where)
    except (UnicodeDecodeError, DataError) as problem:
        raise RuleError(
            f"cannot be read as JSON ({problem})",
            where=where,
            next_step="Restore the file from the package",
        ) from problem
    return dict(content)
