"""What annotators go by: the sections of ``prompts/review_guidelines.json``."""

from __future__ import annotations

from functools import cache
from typing import Any

from qevd_bio.verdicts.review_prompts import review_prompt


@cache
def guidelines() -> dict[str, Any]:
    """Read ``version`` and ``sections``, each with ``heading`` and ``points``."""
    found = review_prompt("review_guidelines")
    return {"version": found["version"], "sections": found["sections"]}
