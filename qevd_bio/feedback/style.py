"""How sentences are written: the policy, the variants and a rule's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qevd_bio.choices import Policy
from qevd_bio.exercises.rule import Rule


@dataclass(frozen=True, slots=True)
class Style:
    """How the sentences about one exercise are written.

    Attributes
    ----------
    policy : {"evidence", "paper"}
        ``paper`` follows the supplement to the letter where it leaves out a target.
    seed : str or None
        Chooses among the variants of ``prompts/sentences.json``, the same ones for the same seed;
        None: the plain forms.
    phase_words : mapping of str to str
        Phases of the rule with words for sentences.
    """

    policy: Policy = "evidence"
    seed: str | None = None
    phase_words: Mapping[str, str] = field(default_factory=dict)


def style_of(rule: Rule | None, policy: Policy = "evidence", seed: str | None = None) -> Style:
    """Choose the style of sentences about an exercise; policy ``paper`` has no variants."""
    words = {phase.name: phase.words for phase in rule.phases if phase.words} if rule else {}
    return Style(policy, seed if policy == "evidence" else None, words)
