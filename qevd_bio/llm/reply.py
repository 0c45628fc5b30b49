"""What a server sent back for one call, before anybody judges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

MOST_CHARACTERS = 65_536
"""A longer text is cut to this and never used."""


@dataclass(frozen=True)
class Reply:
    """A raw answer, as it is kept.

    Attributes
    ----------
    text, refusal : str
        What the model said, cut at `MOST_CHARACTERS`.
    finish_reason, model, fingerprint : str
        As the server named them; empty where it did not.
    prompt_tokens, completion_tokens : int or None
        As the server counted them.
    seconds : float
        From the call to the last byte.
    problem : str
        Why there is no answer, or not a whole one; empty otherwise.
    """

    text: str = ""
    refusal: str = ""
    finish_reason: str = ""
    model: str = ""
    fingerprint: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """Write it down."""
        return asdict(self)


_NAMES = frozenset(one.name for one in fields(Reply))


def reply_from(written: Mapping[str, Any]) -> Reply:
    """Read what `Reply.as_json` wrote; names of later versions are left out.

    Raises
    ------
    TypeError
        Something else was written.
    """
    if not isinstance(written, Mapping):
        raise TypeError(f"a reply is no {type(written).__name__}")
    reply = Reply(**{name: value for name, value in written.items() if name in _NAMES})
    texts = (reply.text, reply.refusal, reply.finish_reason, reply.model, reply.problem)
    if not all(isinstance(one, str) for one in texts):
        raise TypeError("a text of a reply is none")
    return reply
