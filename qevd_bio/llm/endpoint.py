"""Where a language model answers, and the key to it, which no text ever shows."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.entities import html5
from pathlib import Path
from typing import Never
from urllib.parse import urlsplit

from qevd_bio.errors import UsageError
from qevd_bio.files.open_regular import read_text_regular

KEY_VARIABLE = "QEVD_BIO_LLM_KEY"

_KEY = re.compile(r"[!#-\[\]-~]{6,4096}")  # visible ASCII without quotation mark and backslash
_SAME_ENDING = re.compile(r"(-\d{3,8}(-\d\d){0,2})?(:latest)?(@.*)?")
_HIDDEN = "[key]"
_ESCAPING = re.compile(r"[\\%&]")


class Key:
    """A secret that only `reveal` shows: not ``repr``, no copy on disk, no comparison."""

    __slots__ = ("_spelled", "_text")

    def __init__(self, text: str, *, where: str) -> None:
        if not _KEY.fullmatch(text):
            raise UsageError(
                "holds no key: one line of 6 or more visible ASCII characters, without quotation "
                "marks and backslashes",
                where=where,
                next_step="Correct it, or leave the key out where the server asks for none",
            )
        self._text = text
        self._spelled = re.compile("".join(map(_spellings, text)), re.IGNORECASE)

    def __repr__(self) -> str:
        return "Key(hidden)"

    def __reduce__(self) -> Never:
        raise TypeError("a key is not copied or written")

    def reveal(self) -> str:
        """Return the secret, for the header of a call only."""
        return self._text

    def hidden_in(self, text: str) -> str:
        """Take the secret out of a text, also where JSON, HTML or a URL escapes parts of it."""
        text = text.replace(self._text, _HIDDEN)
        return self._spelled.sub(_HIDDEN, text) if _ESCAPING.search(text) else text


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server and the model that is asked there.

    Attributes
    ----------
    base_url : str
        As `base_url` completes it: up to and with ``/v1``, without a slash at its end.
    model, revision : str
        The model's name there, and which weights of it, in the user's words; both are part of
        the identity of every answer.
    key : Key or None
        Sent as ``Authorization: Bearer``.
    reported_model : str
        The name under which the server reports the model, where it is not like `model`.
    concurrency : int
        Most calls at a time.
    timeout_s : float
        Longest time of one call, to the last byte of its answer.
    retries : int
        How often a call is repeated after a time-out, a cut connection, 429 or 5xx.
    """

    base_url: str
    model: str
    revision: str = ""
    key: Key | None = None
    reported_model: str = ""
    concurrency: int = 8
    timeout_s: float = 120.0
    retries: int = 5

    def __post_init__(self) -> None:
        """Refuse values that cannot work, and complete the URL."""
        object.__setattr__(self, "base_url", base_url(self.base_url))
        for name, least, most in (
            ("concurrency", 1, 1024),
            ("timeout_s", 0.001, 86_400),
            ("retries", 0, 1000),
        ):
            if not least <= getattr(self, name) <= most:
                raise _bad(
                    f"endpoint {name}",
                    f"is {getattr(self, name)}",
                    f"Give a number from {least} to {most}",
                )

    @property
    def is_private(self) -> bool:
        """Whether nobody between here and the server can read along."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")

    def is_same_model(self, reported: str) -> bool:
        """Whether a server that reports this name answered with the model that was asked.

        An empty name says nothing and is accepted, as are a dated or tagged form of the name
        (``gpt-4o-2024-08-06``, ``qwen3:latest``, ``name@main``) and one without its owner or
        folder.
        """
        if not reported:
            return True
        if self.reported_model:
            return reported == self.reported_model
        asked, got = (_last_part(name) for name in (self.model, reported))
        return got.startswith(asked) and _SAME_ENDING.fullmatch(got[len(asked) :]) is not None

    def redacted(self, text: str) -> str:
        """Take the key out of a text that came from the server or a library."""
        return text if self.key is None else self.key.hidden_in(text)


def base_url(url: str) -> str:
    """Check the URL of an endpoint and complete it: without a path ``/v1`` is added.

    Raises
    ------
    UsageError
        It is no http or https URL, or holds a user, a key or a query. The message does not repeat
        it, as there may be a secret in it.
    """
    where, next_step = "endpoint", "Give a URL such as http://localhost:8000/v1"
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or None, parts.port
    except ValueError:
        host = None  # its message repeats parts of the URL
    if host is None or parts.scheme not in ("http", "https") or re.search(r"\s", url.strip()):
        raise _bad(where, "is no http or https URL", next_step)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise _bad(
            where,
            "has a user, a query or a fragment in its URL",
            f"Give a key by --key-file or {KEY_VARIABLE} only",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"


def found_key(key_file: Path | None, environment: Mapping[str, str]) -> Key | None:
    """Read the key from its file, else from the variable `KEY_VARIABLE`; None if neither is given.

    Raises
    ------
    UsageError
        The file cannot be read, or what is given is no key.
    """
    if key_file is None:
        text = environment.get(KEY_VARIABLE, "")
        return Key(text, where=KEY_VARIABLE) if text else None
    try:
        text = read_text_regular(key_file, most_bytes=8192, follow_links=True)
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
    except UnicodeDecodeError:
        cause = "is not UTF-8"
    else:
        return Key(text.strip(), where=str(key_file))
    raise _bad(str(key_file), cause, "Name a file with the key in its only line")


@functools.cache
def _spellings(character: str) -> str:
    """Write a pattern of a character as it is, and as JSON, URLs and HTML may escape it."""
    point = ord(character)
    escapes = [rf"\\{{1,4}}u{point:04x}", f"%{point:02x}", f"&#0{{0,6}}{point};"]
    escapes += [rf"\\{{0,4}}{re.escape(character)}", f"&#x0{{0,6}}{point:x};"]
    names = [f"&{name}" for name, one in html5.items() if one == character and name[-1] == ";"]
    return f"(?:{'|'.join([*escapes, *names])})"


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()


def _bad(where: str, cause: str, next_step: str) -> UsageError:
    return UsageError(cause, where=where, next_step=next_step)
