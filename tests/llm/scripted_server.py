"""An OpenAI-compatible server that does what a script says, also what no server should."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MODEL = "scripted-1"


@dataclass(frozen=True)
class Act:
    """What the server does with one call."""

    content: str | None = "fine"
    finish_reason: str | None = "stop"
    model: str = MODEL
    refusal: str | None = None
    usage: tuple[int, int] | None = (10, 5)
    delay_s: float = 0.0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Any = None
    body: bytes | None = None
    cut_after: int | None = None
    drip: bytes = b""


Script = Callable[[str, int, dict[str, Any]], Act]
"""Gets the last text of the user, how often it was asked before, and the whole body."""


@dataclass
class Seen:
    """What the server saw, in its order."""

    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def times(self) -> Counter[str]:
        return Counter(self.asked)


class ScriptedServer:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen = Seen()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=1024, limit=1 << 26)
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head, body = await _request(reader)
                if head[0].startswith("GET"):
                    await _send(writer, Act(body=_models()))
                    continue
                if not await self._answer(head, json.loads(body), writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: list[str], body: dict[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        seen, text = self.seen, _last_text(body)
        before = seen.asked.count(text) if len(seen.asked) < 5000 else 0
        seen.asked.append(text)
        seen.bodies.append(body)
        seen.headers.append(dict(line.lower().split(": ", 1) for line in head[1:] if line))
        seen.at_once += 1
        seen.most_at_once = max(seen.most_at_once, seen.at_once)
        try:
            act = self.script(text, before, body)
            await asyncio.sleep(act.delay_s)
            goes_on = await _send(writer, act)
        finally:
            seen.at_once -= 1
        if goes_on and act.status == 200:
            seen.answered.append(text)
        return goes_on


async def _request(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lengths = [line.split(":")[1] for line in head if line.lower().startswith("content-length")]
    return head, await reader.readexactly(int(lengths[0]) if lengths else 0)


async def _send(writer: asyncio.StreamWriter, act: Act) -> bool:
    body = completion(act) if act.body is None else act.body
    lines = [f"HTTP/1.1 {act.status} X", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in act.headers.items()]
    if act.drip:
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        while True:
            writer.write(act.drip)
            await writer.drain()
            await asyncio.sleep(0.005)
    data = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
    writer.write(data if act.cut_after is None else data[: act.cut_after])
    await writer.drain()
    return act.cut_after is None


def completion(act: Act) -> bytes:
    if act.status != 200:
        return json.dumps({"error": act.error or {"message": "scripted"}}).encode()
    message = {"role": "assistant", "content": act.content, "refusal": act.refusal}
    choice = {"index": 0, "finish_reason": act.finish_reason, "message": message}
    value: dict[str, Any] = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": act.model,
        "choices": [choice],
    }
    if act.usage is not None:
        value["usage"] = dict(
            zip(("prompt_tokens", "completion_tokens"), act.usage, strict=True),
            total_tokens=sum(act.usage),
        )
    return json.dumps(value).encode()


def _models() -> bytes:
    return json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode()


def _last_text(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    if isinstance(content, list):
        content = next(part["text"] for part in content if part["type"] == "text")
    return content.partition("\n\nAnswer with one JSON object")[0]


@contextmanager
def serving(script: Script) -> Iterator[ScriptedServer]:
    server = ScriptedServer(script)
    server.start()
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    # A server of its own process: it answers after 50 ms until its input ends.
    with serving(lambda text, before, body: Act(delay_s=0.05)) as running:
        print(running.url, flush=True)
        sys.stdin.read()
