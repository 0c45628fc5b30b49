"""Sentences with their kind, as examples for a vote: ``prompts/kind_examples.json``."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, RuleError
from qevd_bio.feedback.kinds import KindName
from qevd_bio.feedback.prompt_files import check_prompt
from qevd_bio.files.strict_json import read_json

FILE, _SCHEMA = "kind_examples.json", "kind_examples.schema.json"


@dataclass(frozen=True, slots=True)
class KindExample:
    """A sentence whose kind somebody judged; `batch` tells what was written together."""

    sentence: str
    kind: KindName
    exercise: str
    batch: int


@dataclass(frozen=True, slots=True)
class KindExamples:
    """The examples, and the version of their file."""

    version: int
    sentences: tuple[KindExample, ...]


@functools.cache
def kind_examples() -> KindExamples:
    """Read the shipped examples, once a process; `RuleError` where the file is damaged."""
    path = asset_path("prompts", FILE)
    try:
        content: Any = read_json(path, follow_links=True)
        schema: Any = read_json(asset_path("prompts", _SCHEMA), follow_links=True)
    except DataError as error:
        raise RuleError(error.message, where=error.where, next_step=error.next_step) from error
    check_prompt(content, schema, where=f"prompts/{FILE}")
    found = tuple(KindExample(**one) for one in content["sentences"])
    return KindExamples(content["version"], found)
