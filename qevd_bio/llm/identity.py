"""What makes two questions the same: the digest under which an answer is kept."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from qevd_bio.errors import UsageError
from qevd_bio.files.strict_json import dump_json
from qevd_bio.llm.chat import ChatRequest, Message
from qevd_bio.llm.endpoint import Endpoint


def request_json(request: ChatRequest) -> dict[str, Any]:
    """Write a request down, pictures as their digests; the caller's key is no part of it.

    Raises
    ------
    UsageError
        A message holds half a character (an unpaired surrogate), which cannot be sent.
    """
    return {
        "prompt": {"id": request.prompt_id, "version": request.prompt_version},
        "messages": [_message_json(one, request.key) for one in request.messages],
        "sampling": asdict(request.sampling),
        "schema": request.schema,
        "repeat": request.repeat,
    }


def endpoint_json(endpoint: Endpoint) -> dict[str, str]:
    """Write down who is asked."""
    return {
        "endpoint": endpoint.base_url,
        "model": endpoint.model,
        "revision": endpoint.revision,
    }


def digest_of(endpoint: Endpoint, request: dict[str, Any]) -> str:
    """Digest a request, as `request_json` wrote it, with the one who is asked."""
    text = dump_json({**endpoint_json(endpoint), "request": request}, where="request")
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _message_json(message: Message, key: str) -> dict[str, Any]:
    try:
        message.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"its text holds half a character at {error.start}",
            where=f"request {key!a}",
            next_step="Put text that others wrote into a quoted slot",
        ) from error
    written: dict[str, Any] = {"role": message.role, "text": message.text}
    if message.pictures:
        written["pictures"] = [
            {
                "media_type": one.media_type,
                "bytes": len(one.content),
                "sha256": hashlib.sha256(one.content).hexdigest(),
            }
            for one in message.pictures
        ]
    return written
