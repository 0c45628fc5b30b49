"""What an endpoint offers: its models, structured output, pictures, and how fast it is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from qevd_bio.errors import EnvironmentProblem
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.chat import Answer, ChatRequest, Message, Picture, Sampling
from qevd_bio.llm.client import Client
from qevd_bio.llm.endpoint import Endpoint

_VERSION = 1
_SIDE = 64
_COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}
_SPEED_TOKENS = 64


@dataclass(frozen=True)
class Offer:
    """One thing that was looked for at an endpoint.

    Attributes
    ----------
    name : str
        ``models``, ``structured output``, ``vision`` or ``speed``.
    is_there : bool
        Whether it is offered; nothing of it is needed by every command.
    found : str
        What was found, in words.
    """

    name: str
    is_there: bool
    found: str


def offers(endpoint: Endpoint, answers: AnswerFile) -> Iterator[Offer]:
    """Try out an endpoint, one thing after the other; about ten calls.

    Parameters
    ----------
    endpoint : Endpoint
        Who is asked. Without a model's name the first of the server's list is tried.
    answers : AnswerFile
        Keeps the calls.

    Raises
    ------
    EnvironmentProblem
        The server does not answer, or refuses the key or the model.
    """
    with Client(endpoint, answers) as client:
        yield _models(client)
        mode = client.structured_mode()
        yield Offer("structured output", mode != "text", _MODE_WORDS[mode])
        yield _vision(client)
        yield _speed(client)


def first_model(endpoint: Endpoint, answers: AnswerFile) -> str:
    """Name the first model of a server; `EnvironmentProblem` where it lists none."""
    with Client(endpoint, answers) as client:
        listed = client.models()
    if not listed:
        raise EnvironmentProblem(
            "the server lists no model", where=endpoint.base_url, next_step="Give --model NAME"
        )
    return listed[0]


_MODE_WORDS = {
    "json_schema": "the server holds answers to a JSON schema",
    "json_object": "JSON mode only; answers are checked here",
    "text": "none; the schema is told in words, and answers are checked here",
}


def _models(client: Client) -> Offer:
    try:
        listed = client.models()
    except EnvironmentProblem as problem:
        return Offer("models", False, f"no list ({problem.message})")
    is_there = any(client.endpoint.is_same_model(one) for one in listed)
    names = ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")
    more = "" if is_there else f"; {client.endpoint.model} is not among them"
    return Offer("models", is_there, (names or "none") + more)


def _vision(client: Client) -> Offer:
    """Show plain pictures of three colours and ask for the colour."""
    answers = list(client.ask(_vision_question(colour) for colour in _COLOURS))
    right = sum(
        colour in one.text.lower() and one.outcome == "answered"
        for colour, one in zip(_COLOURS, answers, strict=True)
    )
    refused = next((one.reason for one in answers if one.outcome == "failed"), "")
    found = f"{right} of {len(answers)} colours of plain pictures named rightly"
    return Offer("vision", right == len(answers), f"none ({refused})" if refused else found)


def _vision_question(colour: str) -> ChatRequest:
    picture = Picture("image/png", plain_png(_COLOURS[colour], _SIDE))
    words = "Which colour fills this picture: red, green or blue? Answer with that one word."
    return _question("vision", Message("user", words, (picture,)), most=100)


def _speed(client: Client) -> Offer:
    words = "Write two paragraphs on how to do a squat well."
    (answer,) = client.ask([_question("speed", Message("user", words), most=_SPEED_TOKENS)])
    if answer.outcome not in ("answered", "truncated") or not answer.seconds:
        return Offer("speed", False, answer.reason or "not measured")
    return Offer("speed", True, _speed_words(answer))


def _speed_words(answer: Answer) -> str:
    if answer.completion_tokens is None:
        return f"{len(answer.text):,} characters in {answer.seconds:.3g} s; no tokens counted"
    rate = answer.completion_tokens / answer.seconds
    return f"{rate:,.3g} tokens/s ({answer.completion_tokens} in {answer.seconds:.3g} s, one call)"


def _question(name: str, message: Message, *, most: int) -> ChatRequest:
    return ChatRequest(
        key=name,
        prompt_id=f"qevd_bio.probe.{name}",
        prompt_version=_VERSION,
        messages=(message,),
        sampling=Sampling(temperature=0.0, max_tokens=most),
    )


def plain_png(colour: tuple[int, int, int], side: int) -> bytes:
    """Write a square picture of one colour as PNG (ISO/IEC 15948)."""
    row = b"\0" + bytes(colour) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(row * side)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
