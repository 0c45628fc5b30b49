"""A model that answers from a script, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

from qevd_bio.llm.chat import Answer, ChatRequest


@dataclass
class ScriptedAsker:
    """Answers with the values of a function; one that breaks the schema is invalid."""

    answer: Callable[[ChatRequest], Any]
    asked: list[ChatRequest] = field(default_factory=list)

    def ask(self, requests: Iterable[ChatRequest]) -> Iterator[Answer]:
        for request in requests:
            self.asked.append(request)
            value = self.answer(request)
            if isinstance(value, Answer):
                yield value
                continue
            fits = request.schema is None or Draft202012Validator(request.schema).is_valid(value)
            yield Answer(
                request,
                "answered" if fits else "invalid",
                str(value),
                value if fits else None,
                "" if fits else "breaks its schema",
                model="scripted",
            )
