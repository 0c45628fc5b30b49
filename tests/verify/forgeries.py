"""Forgeries of a release, by class: each is consistent but for what only a derivation shows."""

from __future__ import annotations

from tests.verify import (
    forged_captures,
    forged_cycles,
    forged_findings,
    forged_sources,
    forged_words,
)
from tests.verify.forgery import Forgery

FORGERIES: list[Forgery] = [
    *forged_words.FORGERIES,
    *forged_cycles.FORGERIES,
    *forged_findings.FORGERIES,
    *forged_captures.FORGERIES,
    *forged_sources.FORGERIES,
]
