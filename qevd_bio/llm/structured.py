"""Answers in JSON: how a server is asked for them, and how every answer is checked."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from jsonschema import Draft202012Validator
from referencing import Registry

from qevd_bio.errors import DataError
from qevd_bio.files.json_schema import schema_violation
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json
from qevd_bio.llm.chat import Answer, ChatRequest, Outcome
from qevd_bio.llm.endpoint import Endpoint
from qevd_bio.llm.reply import MOST_CHARACTERS, Reply

Mode = Literal["json_schema", "json_object", "text"]
MODES: tuple[Mode, ...] = get_args(Mode)
"""The ways to ask for JSON, the strictest first."""

_WHOLE = frozenset({"", "stop", "eos", "eos_token", "stop_sequence", "end_turn", "complete"})
_CUT_SHORT = frozenset({"length", "max_tokens", "model_length"})
_WITHHELD = frozenset({"content_filter", "safety", "refusal"})
_TOOLS = frozenset({"tool_calls", "function_call"})
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


def response_format(mode: Mode, schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Write the parameter ``response_format`` of a call; None: leave it out."""
    if mode == "json_schema" and schema is not None:
        named = {"name": "answer", "schema": dict(schema), "strict": True}
        return {"type": mode, "json_schema": named}
    return {"type": mode} if mode == "json_object" else None


def instruction(mode: Mode, schema: Mapping[str, Any]) -> str:
    """Tell a model in words what the server does not hold it to; follows the user's last text."""
    if mode == "json_schema":
        return ""
    return (
        "\n\nAnswer with one JSON object and nothing else. It must fit this JSON schema:\n"
        + dump_json(schema, where="answer schema")
    )


def checked(request: ChatRequest, reply: Reply, endpoint: Endpoint, *, cached: bool) -> Answer:
    """Decide what a reply is worth.

    Parameters
    ----------
    request, reply : ChatRequest, Reply
        The question, and what came back.
    endpoint : Endpoint
        Who was asked: an answer of another model is not used.
    cached : bool
        Passed on.

    Returns
    -------
    Answer
        ``answered`` only where the text is whole, not refused, of the right model, and, where the
        request has a schema, holds exactly one JSON object, which fits it.
    """
    outcome, value, reason = _judged(request, reply, endpoint)
    return Answer(
        request=request,
        outcome=outcome,
        text=reply.text or reply.refusal,
        value=value,
        reason=reason,
        model=reply.model,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        seconds=reply.seconds,
        cached=cached,
    )


def _judged(
    request: ChatRequest, reply: Reply, endpoint: Endpoint
) -> tuple[Outcome, JsonValue, str]:
    fault = _fault(reply, endpoint)
    if fault is not None:
        return fault[0], None, fault[1]
    if request.schema is None:
        return "answered", None, ""
    try:
        value = only_object(reply.text)
    except DataError as error:
        return "invalid", None, error.message
    violation = schema_violation(_validator(dump_json(request.schema, where="schema")), value)
    if violation is not None:
        key, message = violation
        return "invalid", None, f"key {key or 'top'}: {message}"
    return "answered", value, ""


def _fault(reply: Reply, endpoint: Endpoint) -> tuple[Outcome, str] | None:
    """Find why a text must not be read as an answer; None where it may."""
    if reply.problem:
        return ("invalid" if reply.text else "failed"), reply.problem
    if not endpoint.is_same_model(reply.model):
        return "invalid", f"the model {reply.model} answered, and {endpoint.model} was asked"
    ended = reply.finish_reason.casefold()
    if reply.refusal or ended in _WITHHELD:
        return "refused", (reply.refusal or "the server withheld the answer")[:200]
    if ended in _CUT_SHORT:
        return "truncated", "it ended at the limit of tokens"
    if ended in _TOOLS:
        return "invalid", "the model called a tool"
    if ended not in _WHOLE:
        return "invalid", f"it ended by {reply.finish_reason[:80]!r}"
    if not reply.text.strip():
        return "invalid", "the answer is empty"
    if len(reply.text) >= MOST_CHARACTERS:
        return "invalid", f"the answer has {MOST_CHARACTERS:,} characters or more"
    return None


def only_object(text: str) -> JsonValue:
    """Read the one JSON object of an answer, with or without prose around it.

    Parameters
    ----------
    text : str
        The whole answer. Thoughts in ``<think>`` before it are no part of it.

    Raises
    ------
    DataError
        There is no object, more than one, a brace outside of it, or it is no strict JSON.
    """
    text = _THOUGHT.sub("", text, count=1)
    start = text.find("{")
    if start < 0:
        raise _unread("there is no JSON object in it")
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        end = len(text)
    if "}" in text[:start] or re.search("[{}]", text[end:]):
        raise _unread("there is more than one JSON object in it, or a brace outside of it")
    return parse_json(text[start:end], where="answer")


@functools.lru_cache(maxsize=64)
def _validator(schema: str) -> Draft202012Validator:
    """Make a validator, which fetches nothing."""
    return Draft202012Validator(json.loads(schema), registry=Registry())


def _unread(cause: str) -> DataError:
    return DataError(cause, where="answer", next_step="It is asked again by the next run")
