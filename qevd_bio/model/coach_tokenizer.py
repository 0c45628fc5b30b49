"""The tokenizer of a coach, and the three tokens by which it acts.

It is read by `tokenizers` or `sentencepiece` themselves: `transformers` converts a
``tokenizer.model`` through a protobuf that the built-in capture backend does not take, and
without the three tokens it would turn each of their names into the number of ">".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.open_regular import read_regular, read_text_regular
from qevd_bio.files.strict_json import parse_json

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor
    from tokenizers import Tokenizer

VISION, BEGIN, END = "<vision>", "<answer>", "<answer/>"
ACTIONS = (VISION, BEGIN, END)
FAST_FILE, PIECES_FILE, ADDED_FILE = "tokenizer.json", "tokenizer.model", "added_tokens.json"
_CONFIG_FILE = "tokenizer_config.json"
TOKENIZER_FILES = (FAST_FILE, PIECES_FILE, ADDED_FILE, _CONFIG_FILE)
_NEXT_STEP = "Take the tokenizer from the coach's own folder, not from the language model's"


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Numbers of the three action tokens.

    Attributes
    ----------
    vision : int
        ``<vision>``: look at the next frame and stay silent (the paper's ``<next>``).
    begin, end : int
        ``<answer>`` and ``<answer/>``: a feedback begins and ends.
    """

    vision: int
    begin: int
    end: int

    def numbers(self) -> tuple[int, int, int]:
        """Return the three numbers in the order of `ACTIONS`."""
        return self.vision, self.begin, self.end

    def __str__(self) -> str:
        pairs = zip(ACTIONS, self.numbers(), strict=True)
        return ", ".join(f"{name} = {number}" for name, number in pairs)


class _Codec(Protocol):
    """What the two kinds of tokenizer files have in common."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...


class CoachTokenizer:
    """Texts to token numbers and back, with the three action tokens checked.

    Parameters
    ----------
    codec
        The tokenizer of the file.
    start : tuple of int
        What begins a prompt: the number of the beginning of a text, or nothing.
    tokens : SpecialTokens
        The action tokens.
    size : int
        Number of tokens, the action tokens among them.
    """

    def __init__(
        self, codec: _Codec, start: tuple[int, ...], tokens: SpecialTokens, size: int
    ) -> None:
        self._codec = codec
        self._start = start
        self.tokens = tokens
        self._size = size

    def __len__(self) -> int:
        """Count the tokens."""
        return self._size

    def prompt(self, text: str) -> list[int]:
        """Encode the text that a sequence begins with."""
        return [*self._start, *self.encode(text)]

    def encode(self, text: str) -> list[int]:
        """Encode a text on its own.

        Raises
        ------
        DataError
            The text spells an action token, which only the coach may emit.
        """
        ids = self._codec.encode(text)
        if set(ids) & set(self.tokens.numbers()):
            raise DataError(
                f"spells one of the action tokens {', '.join(ACTIONS)}",
                where=f"text {text[:60]!r}",
                next_step="Remove it from the text",
            )
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token numbers, action tokens left out."""
        actions = set(self.tokens.numbers())
        return self._codec.decode([number for number in ids if number not in actions]).strip()


def load_tokenizer(folder: Path) -> CoachTokenizer:
    """Read the tokenizer of a coach.

    Parameters
    ----------
    folder : Path
        Holds ``tokenizer.json``, or ``tokenizer.model`` with ``added_tokens.json`` or
        ``tokenizer_config.json``, as Stream-VLM's checkpoint does.

    Raises
    ------
    DataError
        A file is damaged, or does not hold the three action tokens under distinct numbers that
        the language model's own vocabulary leaves free.
    EnvironmentProblem
        The package that reads the file is not installed.
    """
    fast, pieces = folder / FAST_FILE, folder / PIECES_FILE
    if fast.is_file():
        return _fast(fast)
    if pieces.is_file():
        return _from_pieces(pieces, _added(folder))
    raise DataError(
        f"holds no {FAST_FILE} and no {PIECES_FILE}", where=str(folder), next_step=_NEXT_STEP
    )


def add_action_tokens(source: Path, target: Path) -> SpecialTokens:
    """Write a language model's tokenizer with the three action tokens appended.

    Parameters
    ----------
    source : Path
        Folder with ``tokenizer.json`` or ``tokenizer.model``.
    target : Path
        Existing folder for the files that `load_tokenizer` reads.

    Raises
    ------
    DataError
        The file is damaged, or holds one of the tokens already.
    """
    fast, pieces = source / FAST_FILE, source / PIECES_FILE
    if fast.is_file():
        from tokenizers import AddedToken

        tokenizer = _read_fast(fast)
        held = [name for name in ACTIONS if tokenizer.token_to_id(name) is not None]
        if held:
            raise _wrong(fast, f"holds {', '.join(held)} already")
        tokenizer.add_special_tokens([AddedToken(n, normalized=False) for n in ACTIONS])
        write_text_atomic(target / FAST_FILE, tokenizer.to_str())
        return load_tokenizer(target).tokens
    first = _read_pieces(pieces).get_piece_size()
    (target / PIECES_FILE).write_bytes(read_regular(pieces, follow_links=True))
    numbers = {name: first + place for place, name in enumerate(ACTIONS)}
    write_text_atomic(target / ADDED_FILE, json.dumps(numbers, indent=2))
    return load_tokenizer(target).tokens


class _FastCodec:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))


class _PiecesCodec:
    """Pieces of `sentencepiece`; action tokens are beside them and never found in a text."""

    def __init__(self, processor: SentencePieceProcessor) -> None:
        self._processor = processor

    def encode(self, text: str) -> list[int]:
        if any(name in text for name in ACTIONS):
            raise DataError(
                f"spells one of the action tokens {', '.join(ACTIONS)}",
                where=f"text {text[:60]!r}",
                next_step="Remove it from the text",
            )
        return list(self._processor.encode(text))

    def decode(self, ids: Sequence[int]) -> str:
        known = self._processor.get_piece_size()
        return str(self._processor.decode([number for number in ids if number < known]))


def _fast(path: Path) -> CoachTokenizer:
    tokenizer = _read_fast(path)
    base = tokenizer.get_vocab_size(with_added_tokens=False)
    found = {name: tokenizer.token_to_id(name) for name in ACTIONS}
    tokens = _checked(path, found, base)
    start = tokenizer.encode("", add_special_tokens=True).ids
    size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
    return CoachTokenizer(_FastCodec(tokenizer), tuple(start), tokens, size)


def _from_pieces(path: Path, added: dict[str, int]) -> CoachTokenizer:
    processor = _read_pieces(path)
    base = processor.get_piece_size()
    tokens = _checked(path, {name: added.get(name) for name in ACTIONS}, base)
    start = processor.bos_id()
    size = 1 + max(base - 1, *added.values())
    codec = _PiecesCodec(processor)
    return CoachTokenizer(codec, (start,) if start >= 0 else (), tokens, size)


def _checked(path: Path, found: dict[str, int | None], base: int) -> SpecialTokens:
    lacking = [name for name, number in found.items() if number is None]
    if lacking:
        raise _wrong(path, f"holds no token {', '.join(lacking)}, so it is no coach's tokenizer")
    numbers = [number for number in found.values() if number is not None]
    if len(set(numbers)) != len(ACTIONS) or min(numbers) < base:
        shown = ", ".join(f"{name} = {number}" for name, number in found.items())
        raise _wrong(path, f"holds {shown}; these must be three distinct numbers from {base} on")
    return SpecialTokens(*numbers)


def _added(folder: Path) -> dict[str, int]:
    """Read the numbers of added tokens from whichever of the two files is there."""
    listed = folder / ADDED_FILE
    if listed.is_file():
        held = _mapping(listed)
        numbers = {name: number for name, number in held.items() if type(number) is int}
        if len(numbers) == len(held):
            return numbers
        raise _wrong(listed, "holds something else than the numbers of tokens")
    config = folder / _CONFIG_FILE
    entries = _mapping(config).get("added_tokens_decoder", {}) if config.is_file() else {}
    try:
        return {str(entry["content"]): int(number) for number, entry in entries.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _wrong(config, "its added_tokens_decoder is no list of tokens") from error


def _mapping(path: Path) -> dict[str, Any]:
    try:
        held: Any = parse_json(read_text_regular(path, follow_links=True), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, f"cannot be read ({error})") from error
    if not isinstance(held, dict):
        raise _wrong(path, "is no mapping")
    return held


def _read_fast(path: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _absent("tokenizers") from error
    try:
        return Tokenizer.from_str(read_text_regular(path, follow_links=True))
    except Exception as error:  # tokenizers raises the bare class
        raise _wrong(path, f"cannot be read ({str(error)[:200]})") from error


def _read_pieces(path: Path) -> SentencePieceProcessor:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise _absent("sentencepiece") from error
    try:
        return SentencePieceProcessor(model_proto=read_regular(path, follow_links=True))
    except (OSError, RuntimeError) as error:
        raise _wrong(path, f"cannot be read ({str(error)[:200]})") from error


def _absent(package: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        "is not installed", where=package, next_step="Run pip install 'qevd-bio[model]'"
    )


def _wrong(path: Path, cause: str) -> DataError:
    return DataError(" ".join(cause.split()), where=str(path), next_step=_NEXT_STEP)
