"""Which verdicts can be given on which sentence."""

from __future__ import annotations

OF_REWRITTEN = ("accepted", "rejected", "edited", "skipped")
OF_OTHERS = ("kept_rightly", "should_be_rewritten", "edited", "skipped")


def unfit(verdict: str, reason: str, status: str) -> str:
    """Say why a verdict cannot be given on a sentence with this status; empty where it can."""
    fitting = OF_REWRITTEN if status == "rewritten" else OF_OTHERS
    if verdict != "undone" and verdict not in fitting:
        return f"{verdict} is no verdict on a sentence with status {status}"
    if verdict == "rejected" and not reason:
        return "the rejection has no reason"
    return ""
