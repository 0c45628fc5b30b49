"""Utterances made ready for matching: folded, split into clauses, patterns with word lists."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from qevd_bio.errors import RuleError
from qevd_bio.feedback.prompt_files import load_prompt

KIND_LEXICON = "kinds.lexicon.json"

_NAME = re.compile(r"<([a-z_]+)>")
_STRAIGHT = {0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"', 0x2010: "-", 0x2212: "-"}
_PICTURE = ("So", "Sk", "Cf", "Co", "Cn")


def compile_pattern(pattern: str, lexicon: Mapping[str, Any], *, where: str) -> re.Pattern[str]:
    """Compile a pattern over folded text in which ``<name>`` stands for words or a fragment.

    The lexicon's ``words`` are lists of literal words, which match whole words only; its
    ``fragments`` are pieces of pattern, which may hold names themselves. `where` is file and
    pattern id. `RuleError` where a name is in neither table, or the expression is malformed.
    """
    words: Mapping[str, list[str]] = lexicon["words"]
    fragments: Mapping[str, str] = lexicon["fragments"]

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


def folded(text: str) -> str:
    """Fold text for matching: one case, plain quotes, single spaces, no pictures.

    Compatibility-normalised and case-folded; curly apostrophes and hyphens are made plain, emoji
    and invisible characters replaced by spaces; line breaks are kept.
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
    return re.compile("|".join(load_prompt(KIND_LEXICON)["clause_breaks"]))


@functools.cache
def _respellings() -> tuple[tuple[re.Pattern[str], str], ...]:
    lexicon = load_prompt(KIND_LEXICON)
    where = f"prompts/{KIND_LEXICON} respellings"
    return tuple(
        (compile_pattern(pattern, lexicon, where=where), replacement)
        for pattern, replacement in lexicon["respellings"]
    )


MOST_CHARACTERS = 2_000
"""Two minutes of speech."""


def clauses(text: str) -> tuple[str, ...]:
    """Split an utterance into folded clauses at punctuation and contrasting conjunctions.

    Before the split the lexicon's respellings join what belongs together ("hands and knees") and
    divide where a comma is missing ("great job keep your back straight"). A text that is longer
    than anybody speaks has no clauses.
    """
    if len(text) > MOST_CHARACTERS:
        return ()
    plain = folded(text)
    for pattern, replacement in _respellings():
        plain = pattern.sub(replacement, plain)
    parts = _clause_break().split(plain)
    return tuple(clause for part in parts if (clause := part.strip(" \"'()[]*-~")))
