"""The language data of ``prompts/``: loading, schema check, patterns with word lists."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jsonschema

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, RuleError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import parse_json

PROMPT_FILES: Mapping[str, str] = {
    "kinds.lexicon.json": "kinds.schema.json",
    "cues.lexicon.json": "cues.schema.json",
    "sentences.json": "sentences.schema.json",
}

_NAME = re.compile(r"<([a-z_]+)>")


@functools.cache
def load_prompt(name: str) -> dict[str, Any]:
    """Read one file of ``prompts/`` and check it against its schema.

    Parameters
    ----------
    name : str
        A key of ``PROMPT_FILES``.

    Returns
    -------
    dict
        The file's content; shared between callers, not to be changed.

    Raises
    ------
    RuleError
        The file is no JSON or breaks its schema; the message names the key.
    """
    schema = _read_json(PROMPT_FILES[name])
    content = _read_json(name)
    check_prompt(content, schema, where=f"prompts/{name}")
    return content


def check_prompt(content: Mapping[str, Any], schema: Mapping[str, Any], *, where: str) -> None:
    """Check the content of a prompt file against a JSON schema.

    Raises
    ------
    RuleError
        Names the first key that breaks the schema.
    """
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(content)
    )
    if error is not None:
        raise RuleError(
            error.message,
            where=f"{where} key {error.json_path}",
            next_step="Correct the file; its schema lies beside it",
        )


def prompt_digests() -> dict[str, str]:
    """Give the sha256 of every prompt file, keyed ``prompt:<file>``."""
    return {f"prompt:{name}": sha256_file(asset_path("prompts", name)) for name in PROMPT_FILES}


def _read_json(name: str) -> dict[str, Any]:
    where = f"prompts/{name}"
    try:
        text = asset_path("prompts", name).read_text(encoding="utf-8")
        content = parse_json(text, where=where)
    except (UnicodeDecodeError, DataError) as problem:
        raise RuleError(
            f"cannot be read as JSON ({problem})",
            where=where,
            next_step="Restore the file from the package",
        ) from problem
    return cast("dict[str, Any]", content)


def compile_pattern(
    pattern: str,
    words: Mapping[str, Sequence[str]],
    fragments: Mapping[str, str],
    *,
    where: str,
) -> re.Pattern[str]:
    """Compile a pattern in which ``<name>`` stands for a word list or a fragment.

    Parameters
    ----------
    pattern : str
        A regular expression over folded text (see ``folded``).
    words : mapping of str to sequence of str
        Literal words; a list matches whole words only.
    fragments : mapping of str to str
        Pieces of pattern, which may hold names themselves.
    where : str
        File and pattern id, for errors.

    Raises
    ------
    RuleError
        A name is in neither table, or the expression is malformed.
    """

    def expand(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in fragments:
            return _NAME.sub(expand, fragments[name])
        if name not in words:
            raise RuleError(
                f"<{name}> is no word list and no fragment",
                where=where,
                next_step="Define it or correct the name",
            )
        longest_first = sorted(words[name], key=lambda word: (-len(word), word))
        return r"(?<!\w)(?:" + "|".join(re.escape(word) for word in longest_first) + r")(?!\w)"

    try:
        return re.compile(_NAME.sub(expand, pattern))
    except re.error as problem:
        raise RuleError(
            f"malformed pattern: {problem}", where=where, next_step="Correct the pattern"
        ) from problem


_STRAIGHT = {0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"', 0x2010: "-", 0x2212: "-"}
_PICTURE = ("So", "Sk", "Cf", "Co", "Cn")


def folded(text: str) -> str:
    """Fold text for matching: one case, plain quotes, single spaces, no pictures.

    Parameters
    ----------
    text : str
        An utterance as the source writes it.

    Returns
    -------
    str
        Compatibility-normalised, case-folded, curly apostrophes and hyphens made plain, emoji
        and invisible characters replaced by spaces; line breaks kept.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_STRAIGHT)
    if not plain.isascii():
        plain = "".join(_plain_letter(letter) for letter in plain)
    return re.sub(r"[^\S\n]+", " ", plain).strip()


def _plain_letter(letter: str) -> str:
    is_picture = unicodedata.category(letter) in _PICTURE or letter == "\ufe0f"
    return " " if is_picture else letter


@functools.cache
def _clause_break() -> re.Pattern[str]:
    return re.compile("|".join(load_prompt("kinds.lexicon.json")["clause_breaks"]))


@functools.cache
def _respellings() -> tuple[tuple[re.Pattern[str], str], ...]:
    lexicon = load_prompt("kinds.lexicon.json")
    words, fragments = lexicon["words"], lexicon["fragments"]
    where = "prompts/kinds.lexicon.json respellings"
    return tuple(
        (compile_pattern(pattern, words, fragments, where=where), replacement)
        for pattern, replacement in lexicon["respellings"]
    )


def clauses(text: str) -> tuple[str, ...]:
    """Split an utterance into folded clauses at punctuation and contrasting conjunctions.

    Notes
    -----
    Before the split the lexicon's respellings join what belongs together ("hands and knees")
    and part what lacks its comma ("great job keep your back straight").
    """
    plain = folded(text)
    for pattern, replacement in _respellings():
        plain = pattern.sub(replacement, plain)
    parts = _clause_break().split(plain)
    return tuple(clause for part in parts if (clause := part.strip(" \"'()[]*-~")))
