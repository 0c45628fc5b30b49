"""The names an exercise answers to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from qevd_bio.errors import UsageError
from qevd_bio.exercises.rule import Rule


def normal_name(text: str) -> str:
    """Bring a spoken or written name, like ``Push-ups!``, to one form.

    Lower case, single spaces, no punctuation, the last word without plural s.
    """
    words = re.sub(r"[^a-z0-9]+", " ", text.lower()).split()
    if words and len(words[-1]) > 2 and words[-1].endswith("s") and not words[-1].endswith("ss"):
        words[-1] = words[-1][:-1]
    return " ".join(words)


LETTERS_OF_A_TYPO = 5
"""A word as long as this may hold one wrong letter: shorter ones are soon another word."""


MOST_ASKED = 3
"""Exercises that may have been meant."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """What a text was taken for.

    Attributes
    ----------
    rule : Rule
        Of the exercise.
    name : str
        The name of the rule that the text stands for.
    is_exact : bool
        Whether the text is that name after `normal_name`; else only its spelling is near.
    """

    rule: Rule
    name: str
    is_exact: bool

    def taken_for(self, said: str) -> str:
        """Say what a text was taken for; empty where it is a name of the exercise."""
        return "" if self.is_exact else f"'{said}' was taken for {self.rule.title}"


def match_name(text: str, rules: Mapping[str, Rule]) -> NameMatch | None:
    """Find the rule that a text names, exactly or in another spelling.

    Parameters
    ----------
    text : str
        Name of an exercise as somebody wrote or said it.
    rules : mapping of str to Rule
        By id.

    Returns
    -------
    NameMatch or None
        None: no name is near, or names of two rules are.

    Notes
    -----
    Near are names of the same words in the same order, where each word may differ by its ending
    (s, es, ing, a last e), by how words are joined ("sit up", "situp"), or, from five letters on,
    by one wrong, missing, additional or exchanged letter. A word more or less is another exercise:
    "squat holds" are no squats.
    """
    exact = rule_for(text, rules)
    if exact is not None:
        wanted = normal_name(text)
        name = next(name for name in exact.names if normal_name(name) == wanted)
        return NameMatch(exact, name, is_exact=True)
    near = [
        (rule, name)
        for rule in rules.values()
        for name in (rule.title, *rule.aliases, rule.id)
        if _is_near(normal_name(text), normal_name(name))
    ]
    if len({rule.id for rule, _ in near}) != 1:
        return None
    return NameMatch(*near[0], is_exact=False)


def _stem(word: str) -> str:
    """Cut the ending of a word: jumps, jumping and jump are one, lunge and lunging too."""
    for ending, least in (("ing", 7), ("es", 6), ("s", 4), ("e", 5)):
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            word = word.removesuffix(ending)
    return word


def _is_near(said: str, name: str) -> bool:
    if said and said.replace(" ", "") == name.replace(" ", ""):
        return True
    words, own = said.split(), name.split()
    return len(words) == len(own) > 0 and all(map(_is_same_word, words, own))


def _is_same_word(a: str, b: str) -> bool:
    """Whether words differ by their ending or a typo at most; the ending may hold the typo."""
    return any(
        one == other
        or (min(len(one), len(other)) >= LETTERS_OF_A_TYPO and _is_one_typo(one, other))
        for one, other in ((_stem(a), _stem(b)), (a, b))
    )


def _is_one_typo(a: str, b: str) -> bool:
    """Whether one letter added, dropped or changed, or two exchanged, make a word another."""
    short, long = sorted((a, b), key=len)
    same = next((i for i, letter in enumerate(short) if letter != long[i]), len(short))
    rest, other = short[same:], long[same:]
    if len(long) == len(short):
        return rest[1:] == other[1:] or (rest[:2] == other[1::-1] and rest[2:] == other[2:])
    return len(long) == len(short) + 1 and rest == other[1:]


def rule_named(name: str, rules: Mapping[str, Rule], *, where: str) -> Rule:
    """Find the rule of an exercise that the user names exactly; UsageError where there is none."""
    rule = rule_for(name, rules)
    if rule is None:
        raise _unknown(name, rules, where)
    return rule


def named_match(name: str, rules: Mapping[str, Rule], *, where: str) -> NameMatch:
    """Find the rule of an exercise that the user names as `match_name`, or raise UsageError."""
    match = match_name(name, rules)
    if match is None:
        raise _unknown(name, rules, where)
    return match


def _unknown(name: str, rules: Mapping[str, Rule], where: str) -> UsageError:
    """Say that no rule has the name; ask for the one of the most similar name, or of its words."""
    known = {normal_name(one): rule.id for rule in rules.values() for one in rule.names}
    wanted = normal_name(name)
    near = difflib.get_close_matches(wanted, known, 2 * MOST_ASKED) or [
        one for one in known if wanted and wanted.split()[-1] == one.split()[-1]
    ]
    ids = list(dict.fromkeys(known[one] for one in near))[:MOST_ASKED]
    return UsageError(
        f"no exercise '{name}'",
        where=where,
        next_step=f"Did you mean {' or '.join(map(repr, ids))}? `qevd-bio rules list` has them all"
        if ids
        else f"Use one of {', '.join(rules)}",
    )


def rule_for(exercise_text: str, rules: Mapping[str, Rule]) -> Rule | None:
    """Find the rule with a name that equals the text after `normal_name`; nothing is guessed."""
    wanted = normal_name(exercise_text)
    for rule in rules.values():
        if wanted in map(normal_name, rule.names):
            return rule
    return None
