"""The names an exercise answers to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qevd_bio.choices import suggestion
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


def rule_named(name: str, rules: Mapping[str, Rule], *, where: str) -> Rule:
    """Find the rule of an exercise that the user names; UsageError where there is none."""
    rule = rule_for(name, rules)
    if rule is None:
        raise UsageError(f"no exercise '{name}'", where=where, next_step=suggestion(name, rules))
    return rule


def rule_for(exercise_text: str, rules: Mapping[str, Rule]) -> Rule | None:
    """Find the rule with a name that equals the text after `normal_name`; nothing is guessed."""
    wanted = normal_name(exercise_text)
    for rule in rules.values():
        if wanted in map(normal_name, rule.names):
            return rule
    return None
