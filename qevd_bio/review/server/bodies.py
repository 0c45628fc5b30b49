"""Bodies of requests: small JSON objects that arrive in time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 32 * 1024
READ_S = 10.0


async def json_body(request: Request) -> dict[str, Any]:
    """Read the JSON object that a request carries.

    Raises
    ------
    starlette.exceptions.HTTPException
        415: not declared as JSON. 413: larger than `MOST_BYTES`, as declared or as sent. 408: not
        complete after `READ_S` seconds. 400: no JSON object.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "the body is not declared as JSON")
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > MOST_BYTES:
        raise HTTPException(413, f"the body is larger than {MOST_BYTES} bytes")
    try:
        async with asyncio.timeout(READ_S):
            content = await _content(request)
    except TimeoutError as error:
        raise HTTPException(408, f"the body took longer than {READ_S:g} s") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the client went away") from error
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "the body is no JSON object")
    return value


async def _content(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            raise HTTPException(413, f"the body is larger than {MOST_BYTES} bytes")
    return bytes(content)
