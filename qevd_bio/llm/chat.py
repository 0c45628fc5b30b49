"""What is asked of a language model and what came back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
Outcome = Literal["answered", "truncated", "refused", "invalid", "failed"]


@dataclass(frozen=True)
class Picture:
    """An encoded picture that is shown to a model."""

    media_type: str
    content: bytes


@dataclass(frozen=True)
class Message:
    """One message of a chat; pictures follow the text."""

    role: Role
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn; None leaves a value to the server."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int = 512


@dataclass(frozen=True)
class ChatRequest:
    """One question, complete in itself.

    Attributes
    ----------
    key : str
        The caller's name of the question, unique among those asked together.
    prompt_id, prompt_version : str, int
        The prompt file that the messages were rendered from.
    messages : tuple of Message
        The rendered messages.
    sampling : Sampling
        Parameters of the answer.
    schema : mapping or None
        JSON schema of the answer; None: the answer is free text.
    repeat : int
        Number of this repetition of an otherwise equal question; part of its identity.
    """

    key: str
    prompt_id: str
    prompt_version: int
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None
    repeat: int = 0


@dataclass(frozen=True)
class Answer:
    """What came of one request.

    Attributes
    ----------
    request : ChatRequest
        The question.
    outcome : str
        ``answered``: whole, and fits the schema where there is one; ``truncated``: it ended at the
        limit of tokens; ``refused``: the model declined; ``invalid``: it does not fit the schema,
        is empty or too long, or another model gave it; ``failed``: the server gave none. All but
        the first count as unscored and are asked again by the next run.
    text : str
        The raw text, also of an answer that is not used.
    value : object
        The checked JSON value where the request has a schema, else None.
    reason : str
        Why the answer is not used; empty when answered.
    model : str
        The model that the server named.
    prompt_tokens, completion_tokens : int or None
        What the server counted.
    seconds : float
        Time to the whole answer.
    cached : bool
        Whether it was read and not asked.
    """

    request: ChatRequest
    outcome: Outcome
    text: str
    value: Any = None
    reason: str = ""
    model: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    cached: bool = False


class Asker(Protocol):
    """Whoever answers requests: the client, or a scripted model of a test."""

    def ask(self, requests: Iterable[ChatRequest]) -> Iterator[Answer]:
        """Yield one answer a request, in the order of the requests.

        A budget that is used up ends the answers early with `qevd_bio.llm.budget.BudgetSpent`;
        what was answered until then is in the cache.
        """
        ...
