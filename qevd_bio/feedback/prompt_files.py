"""The language data of ``prompts/``: loading and schema check."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, RuleError
from qevd_bio.files.open_regular import read_regular
from qevd_bio.files.strict_json import parse_json

PROMPT_FILES: Mapping[str, str] = {
    "kinds.lexicon.json": "kinds.schema.json",
    "cues.lexicon.json": "cues.schema.json",
    "sentences.json": "sentences.schema.json",
}


def load_prompt(name: str) -> dict[str, Any]:
    """Read one of `PROMPT_FILES`, once a process, shared between callers and not to be changed.

    `RuleError` where the file is no JSON or breaks its schema; the message names the key.
    """
    return _loaded(name)[0]


@functools.cache
def _loaded(name: str) -> tuple[dict[str, Any], bytes]:
    """Read a prompt file: its content, and the bytes that it was read from."""
    content, data = _read_json(name)
    check_prompt(content, _read_json(PROMPT_FILES[name])[0], where=f"prompts/{name}")
    return content, data


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
    """Digest every prompt file as it was read, by ``prompt:<file>``."""
    return {f"prompt:{name}": sha256(data).hexdigest() for name, data in prompt_bytes().items()}


def prompt_bytes() -> dict[str, bytes]:
    """Return every prompt file as it was read, by its name."""
    return {name: _loaded(name)[1] for name in PROMPT_FILES}


def _read_json(name: str) -> tuple[dict[str, Any], bytes]:
    where = f"prompts/{name}"
    try:
        data = read_regular(asset_path("prompts", name), follow_links=True)
        content: Any = parse_json(data.decode("utf-8-sig"), where=where)
        return dict(content), data
    except (OSError, UnicodeDecodeError, DataError, TypeError, ValueError) as problem:
        raise RuleError(
            f"cannot be read as JSON ({problem})",
            where=where,
            next_step="Restore the file from the package",
        ) from problem
