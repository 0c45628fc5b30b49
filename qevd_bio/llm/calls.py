"""One HTTP call through the openai package: bounded in time and size, without its secrets."""

from __future__ import annotations

import asyncio
import base64
import importlib
import time
from collections.abc import Mapping
from typing import Any, cast

import openai

from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import parse_json
from qevd_bio.files.visible_text import visible
from qevd_bio.llm.chat import ChatRequest, Message
from qevd_bio.llm.endpoint import Endpoint
from qevd_bio.llm.reply import MOST_CHARACTERS, Reply
from qevd_bio.llm.structured import Mode, instruction, response_format
from qevd_bio.llm.waiting import retry_after_s

MOST_BYTES = 4 << 20
"""A larger body is no answer to a question of ours."""

_CALLS_A_POOL = 16
"""The transport looks at all connections of a pool for every call: small pools are quicker."""

_NO_KEY = "none"
_AGAIN = frozenset({408, 409, 425, 429})
_STOPPING = frozenset({401, 403, 404})
_MOST_SAID = 300
_MOST_ERROR_BYTES = 1 << 16

# The transport behind openai changed its name (httpx, httpx2); its errors pass through unwrapped
# while a body is read.
_TRANSPORT_ERROR: type[Exception] = importlib.import_module(
    openai.DefaultAsyncHttpxClient.mro()[1].__module__.partition(".")[0]
).HTTPError


class _Declined(Exception):
    """A reply with another status than success, its body read up to a bound."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


_CALL_ERRORS = (_Declined, openai.OpenAIError, _TRANSPORT_ERROR, TimeoutError, OSError)


class CallFailed(Exception):
    """A call without an answer.

    Parameters
    ----------
    reason : str
        What happened, without secrets.
    again : bool
        Whether the same call may succeed later.
    stops : bool
        Whether every other call must fail in the same way.
    wait_s : float or None
        How long the server asks to wait.
    may_have_cost : bool
        Whether the server may have worked on it.
    is_turned_away : bool
        Whether there were too many calls (429).
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool,
        stops: bool = False,
        wait_s: float | None = None,
        may_have_cost: bool = False,
        is_turned_away: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.stops = stops
        self.wait_s = wait_s
        self.may_have_cost = may_have_cost
        self.is_turned_away = is_turned_away


class Caller:
    """Sends requests to one endpoint; belongs to one event loop.

    Attributes
    ----------
    limit_name : str
        How the server names the limit of tokens; changes when it asks for the other name.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.limit_name = "max_tokens"
        pools = -(-endpoint.concurrency // _CALLS_A_POOL)
        self._clients = [_client(endpoint) for _ in range(pools)]
        self._in_flight = [0] * pools

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.close()

    async def models(self) -> list[str]:
        """List the models that the server offers; `CallFailed` where it does not tell."""
        failure: CallFailed | None = None
        found: list[str] = []
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                page = await self._clients[0].models.list()
                found = sorted(self._said(str(one.id)) for one in page.data or ())
        except (*_CALL_ERRORS, ValueError, TypeError, AttributeError) as error:
            failure = self._failure(error)
        if failure is not None:
            raise failure
        return found

    async def ask(self, request: ChatRequest, mode: Mode) -> Reply:
        """Ask once.

        Raises
        ------
        CallFailed
            No answer came; it chains no error of the libraries, which hold the key.
        """
        begin = time.perf_counter()
        failure: CallFailed | None = None
        body, is_whole = b"", False
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                body, is_whole = await self._body(request, mode)
        except _CALL_ERRORS as error:
            failure = self._failure(error)
        if failure is not None:
            raise failure
        seconds = time.perf_counter() - begin
        if not is_whole:
            text = self._said(body[: 4 * MOST_CHARACTERS].decode("utf-8", "replace"))
            problem = f"the reply has more than {MOST_BYTES:,} bytes"
            return Reply(text=text[:MOST_CHARACTERS], seconds=seconds, problem=problem)
        return self._reply(body, seconds)

    async def _body(self, request: ChatRequest, mode: Mode) -> tuple[bytes, bool]:
        """Read the body of a reply, not further than `MOST_BYTES`."""
        fields = chat_fields(request, mode, self.limit_name)
        pool = self._in_flight.index(min(self._in_flight))
        create = self._clients[pool].chat.completions.with_streaming_response.create
        reply = create(model=self._endpoint.model, messages=[], extra_body=fields)
        self._in_flight[pool] += 1
        try:
            async with reply as response:
                parts, size = [], 0
                async for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > MOST_BYTES:
                        return b"".join(parts), False
                return b"".join(parts), True
        finally:
            self._in_flight[pool] -= 1

    def _reply(self, body: bytes, seconds: float) -> Reply:
        failed: str | None = None
        # Redacted as a whole: a message that quotes a part of it must not quote a part of the key.
        text = ""
        try:
            text = self._said(body.decode("utf-8"))
            value = parse_json(text, where="reply")
            reply = self._read(cast("Mapping[str, Any]", value), seconds)
        except DataError as error:
            failed = f"the server's reply is no JSON: {error.message}"
        except UnicodeDecodeError:
            failed = "the server's reply is no JSON: it is not UTF-8"
        except (KeyError, IndexError, TypeError, AttributeError):
            failed = f"the server's reply is no chat completion: {text[:200]!r}"
        if failed is not None:
            raise CallFailed(self._shown(failed), again=True, may_have_cost=True)
        return reply

    def _read(self, value: Mapping[str, Any], seconds: float) -> Reply:
        choice = value["choices"][0]
        if value.get("error") or choice.get("error"):
            raise KeyError("error")
        message, usage = choice["message"], value.get("usage")
        if not isinstance(usage, Mapping):
            usage = {}
        return Reply(
            text=self._said(_text(message.get("content")))[:MOST_CHARACTERS],
            refusal=self._said(_text(message.get("refusal") or ""))[:MOST_CHARACTERS],
            finish_reason=self._said(_word(choice.get("finish_reason"))),
            model=self._said(_word(value.get("model"))),
            fingerprint=self._said(_word(value.get("system_fingerprint"))),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            seconds=round(seconds, 4),
        )

    def _failure(self, error: Exception) -> CallFailed:
        cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else None
        for one in (error, cause):  # some versions of openai wrap it
            if isinstance(one, _Declined):
                return self._declined(one)
        if isinstance(error, TimeoutError | openai.APITimeoutError):
            reason = f"no whole answer within {self._endpoint.timeout_s:g} s"
        elif cause is not None:
            reason = f"the connection failed: {cause}"
        else:
            reason = f"the connection failed: {type(error).__name__}: {error}"
        return CallFailed(self._shown(reason), again=True, may_have_cost=True)

    def _declined(self, error: _Declined) -> CallFailed:
        status, body = error.status, self._said(error.body.decode("utf-8", "replace"))
        said, code = _told(body)
        reason = self._shown(f"HTTP {status}: {said}")
        if "max_completion_tokens" in said and self.limit_name == "max_tokens":
            self.limit_name = "max_completion_tokens"
            return CallFailed(reason, again=True)
        is_unpaid = code == "insufficient_quota"
        return CallFailed(
            reason,
            again=(status in _AGAIN or status >= 500) and not is_unpaid,
            stops=status in _STOPPING or is_unpaid or 300 <= status < 400,
            wait_s=retry_after_s(error.headers),
            is_turned_away=status == 429,
        )

    def _said(self, text: str) -> str:
        """Take the key out; half a character, which no file can hold, becomes its escape."""
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        return self._endpoint.redacted(text)

    def _shown(self, text: str) -> str:
        """Make a text of others fit for one line of a message."""
        return visible(self._said(" ".join(text.split())))[:_MOST_SAID]


def _client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    client = openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.key.reveal() if endpoint.key else _NO_KEY,
        max_retries=0,
        timeout=endpoint.timeout_s,
        # A redirected question would reach a server that nobody named.
        http_client=openai.DefaultAsyncHttpxClient(
            follow_redirects=False, event_hooks={"response": [_check_status]}
        ),
    )
    # What openai reads from the environment is not for a server of the user's choice.
    client.organization = client.project = None
    return client


def chat_fields(request: ChatRequest, mode: Mode, limit_name: str) -> dict[str, Any]:
    """Write a request as the fields of the chat completions API, without the model."""
    sampling, schema = request.sampling, request.schema
    messages = [_message(one) for one in request.messages]
    fields: dict[str, Any] = {"messages": messages, limit_name: sampling.max_tokens}
    for name in ("temperature", "top_p", "seed"):
        if (value := getattr(sampling, name)) is not None:
            fields[name] = value
    if schema is not None:
        last = max(i for i, one in enumerate(request.messages) if one.role == "user")
        told = request.messages[last].text + instruction(mode, schema)
        messages[last] = _message(Message("user", told, request.messages[last].pictures))
    if (form := response_format(mode, schema)) is not None:
        fields["response_format"] = form
    return fields


def _message(message: Message) -> dict[str, Any]:
    if not message.pictures:
        return {"role": message.role, "content": message.text}
    pictures = [
        f"data:{one.media_type};base64,{base64.b64encode(one.content).decode('ascii')}"
        for one in message.pictures
    ]
    shown = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    return {"role": message.role, "content": [{"type": "text", "text": message.text}, *shown]}


def _text(content: object) -> str:
    """Read the text of a message, which some servers send in parts."""
    if isinstance(content, list):
        return "".join(_text(part["text"]) for part in content if part.get("type") == "text")
    if not isinstance(content, str | None):
        raise TypeError("a message is no text")
    return content or ""


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40
    return value if is_count and isinstance(value, int) else None


def _told(body: str) -> tuple[str, str]:
    """Find what a server says was wrong, and its code for it."""
    try:
        value = parse_json(body, where="reply")
    except DataError:
        return body, ""
    inner = value.get("error", value) if isinstance(value, Mapping) else value
    if not isinstance(inner, Mapping):
        return str(inner), ""
    said = next((inner[name] for name in ("message", "detail") if name in inner), body)
    return str(said), str(inner.get("code") or "")


async def _check_status(response: Any) -> None:  # noqa: ANN401  of the transport behind openai
    """Raise `_Declined` for anything but success, before openai reads the body without a bound."""
    if response.status_code < 300:
        return
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) >= _MOST_ERROR_BYTES:
            break
    raise _Declined(response.status_code, dict(response.headers), body[:_MOST_ERROR_BYTES])
