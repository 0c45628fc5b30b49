"""Whether an endpoint holds its answers to a JSON schema: a question that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.llm.chat import Answer, ChatRequest, Message, Sampling
from qevd_bio.llm.structured import MODES, Mode, only_object

MODE = "structured"

_PROBE_VERSION = 1
_FIXED = {
    "type": "object",
    "properties": {"word": {"type": "string", "enum": ["teal"]}},
    "required": ["word"],
    "additionalProperties": False,
}


def mode_question(mode: Mode) -> ChatRequest:
    """Ask something to which only a server that keeps to the mode gives a fitting answer.

    For ``json_schema`` the question does not hint at the one answer that the schema allows. For
    ``json_object``, which hosted services take only where JSON is spoken of, it asks for none.
    """
    is_schema = mode == "json_schema"
    text = "Say hello in one short sentence."
    return ChatRequest(
        key=f"{MODE} {mode}",
        prompt_id=f"qevd_bio.probe.{mode}",
        prompt_version=_PROBE_VERSION,
        messages=(Message("user", text if is_schema else f"{text} Do not use JSON."),),
        sampling=Sampling(temperature=0.0, max_tokens=64),
        schema=_FIXED if is_schema else None,
    )


def is_kept(answer: Answer) -> bool:
    """Whether the answer to a `mode_question` shows that the server keeps to the mode."""
    if answer.outcome != "answered" or not answer.text.lstrip().startswith("{"):
        return False
    try:
        only_object(answer.text)
    except DataError:
        return False
    return True


def mode_of(remembered: Mapping[str, Any]) -> Mode:
    """Read a remembered mode; text where it is none that is known."""
    found = remembered.get(MODE)
    return next((mode for mode in MODES if mode == found), MODES[-1])
