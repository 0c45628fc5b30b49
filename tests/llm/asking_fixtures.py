"""Questions, clients and schemas that several tests of the room use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qevd_bio.llm.budget import Budget
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.chat import Answer, ChatRequest, Message, Sampling
from qevd_bio.llm.client import Client
from qevd_bio.llm.endpoint import Endpoint
from tests.llm.scripted_server import MODEL, Act

SCORE: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["score"],
    "additionalProperties": False,
}
TEAL = Act(content='{"word": "teal"}')
"""What a server that keeps to a schema says to the question whether it does."""


def question(text: str, schema: dict[str, Any] | None = None, **sampling: Any) -> ChatRequest:
    return ChatRequest(text, "test", 1, (Message("user", text),), Sampling(**sampling), schema)


def questions(count: int, schema: dict[str, Any] | None = None) -> list[ChatRequest]:
    return [question(f"q{number}", schema) for number in range(count)]


@contextmanager
def asking(
    url: str, path: Path, budget: Budget | None = None, **settings: Any
) -> Iterator[Client]:
    endpoint = Endpoint(url, settings.pop("model", MODEL), **settings)
    with AnswerFile(path) as answers, Client(endpoint, answers, budget) as client:
        yield client


def asked(
    url: str,
    path: Path,
    requests: Sequence[ChatRequest],
    budget: Budget | None = None,
    **settings: Any,
) -> list[Answer]:
    with asking(url, path, budget, **settings) as client:
        return list(client.ask(requests))
