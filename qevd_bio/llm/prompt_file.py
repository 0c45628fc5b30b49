"""Prompts of language models: files ``prompts/ID.prompt.json`` with version and slots."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, RuleError, UsageError
from qevd_bio.files.json_schema import schema_violation
from qevd_bio.files.strict_json import read_json
from qevd_bio.llm.chat import ChatRequest, Message, Picture, Sampling
from qevd_bio.llm.slots import SlotKind, filled

SUFFIX = ".prompt.json"
SCHEMA_FILE = "model_prompt.schema.json"

_SLOT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Prompt:
    """A prompt file.

    Attributes
    ----------
    id, version : str, int
        Both are part of the identity of each answer; the version is raised with every change.
    citation, notice : str
        Where the wording comes from, and the notice that its owners ask for.
    slots : mapping
        Kind by name.
    messages : tuple of Message
        Texts with ``{{slot}}`` where a slot is.
    answer : mapping or None
        JSON schema of the answer; None: free text.
    """

    id: str
    version: int
    citation: str
    notice: str
    slots: Mapping[str, SlotKind]
    messages: tuple[Message, ...]
    answer: Mapping[str, Any] | None

    def request(
        self,
        key: str,
        texts: Mapping[str, str],
        sampling: Sampling,
        *,
        pictures: Sequence[Picture] = (),
        repeat: int = 0,
    ) -> ChatRequest:
        """Render the prompt for one question.

        Parameters
        ----------
        key : str
            The caller's name of the question.
        texts : mapping of str to str
            A text for every slot, as it is; the kind of the slot decides how it is put in.
        sampling : Sampling
            Parameters of the answer.
        pictures : sequence of Picture
            They go with the last message of the user.
        repeat : int
            Number of this repetition of the question.

        Raises
        ------
        UsageError
            A slot has no text, or there is a text without a slot.
        """
        if set(texts) != set(self.slots):
            missing = ", ".join(sorted(set(self.slots) - set(texts)))
            extra = ", ".join(sorted(set(texts) - set(self.slots)))
            cause = "; ".join(
                f"{words} {names}"
                for words, names in (("no text for slot", missing), ("no slot", extra))
                if names
            )
            raise UsageError(
                cause, where=f"prompt {self.id}", next_step="Give every slot one text"
            )
        forms = {name: filled(kind, texts[name]) for name, kind in self.slots.items()}
        messages = [
            Message(one.role, _SLOT.sub(lambda found: forms[found[1]], one.text))
            for one in self.messages
        ]
        if pictures:
            last = max(i for i, one in enumerate(messages) if one.role == "user")
            messages[last] = Message("user", messages[last].text, tuple(pictures))
        return ChatRequest(
            key, self.id, self.version, tuple(messages), sampling, self.answer, repeat
        )


@functools.cache
def load_model_prompt(prompt_id: str) -> Prompt:
    """Read a prompt that ships with the package, once a process; see `read_model_prompt`."""
    return read_model_prompt(asset_path("prompts", prompt_id + SUFFIX))


def read_model_prompt(path: Path) -> Prompt:
    """Read a prompt file.

    Raises
    ------
    RuleError
        The file is no JSON, breaks ``prompts/model_prompt.schema.json``, has another id than its
        name, an answer schema that is none, or its slots are not those of its texts. The key is
        named.
    """
    try:
        content = cast("dict[str, Any]", read_json(path, follow_links=True))
    except DataError as error:
        raise _bad(path, "", error.message) from error
    if violation := schema_violation(_schema(), content):
        raise _bad(path, *violation)
    if path.name != content["id"] + SUFFIX:
        raise _bad(path, "id", f"is {content['id']}, and the file is named otherwise")
    messages = tuple(Message(one["role"], _joined(one["text"])) for one in content["messages"])
    used = {name for one in messages for name in _SLOT.findall(one.text)}
    if used != set(content["slots"]):
        odd = ", ".join(sorted(ascii(name) for name in used ^ set(content["slots"])))
        raise _bad(path, "slots", f"{odd}: each slot must be declared, and stand in a text")
    if content["answer"] is not None:
        try:
            Draft202012Validator.check_schema(content["answer"])
        except SchemaError as error:
            raise _bad(path, "answer", error.message[:200]) from error
    return Prompt(
        content["id"],
        content["version"],
        content["citation"],
        content.get("notice", ""),
        content["slots"],
        messages,
        content["answer"],
    )


@functools.cache
def _schema() -> Draft202012Validator:
    text = asset_path("prompts", SCHEMA_FILE).read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "\n".join(text)


def _bad(path: Path, key: str, cause: str) -> RuleError:
    where = f"{path} key {key}" if key else str(path)
    return RuleError(cause, where=where, next_step=f"Correct the file by prompts/{SCHEMA_FILE}")
