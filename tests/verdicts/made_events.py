"""Verdict events for tests."""

from __future__ import annotations

import itertools
from typing import Any

from qevd_bio.verdicts.event import VerdictEvent, VerdictKind
from qevd_bio.verdicts.item_key import ItemKey

DIGEST = "0" * 64
_NUMBERS = itertools.count()


def event(
    verdict: VerdictKind = "accepted", annotator: str = "ann", key: Any = ("0001", 0), **more: Any
) -> VerdictEvent:
    """An event with an id of its own; an edit and a rejection have what they need."""
    given = {"edited": {"text": "Bend your knees more."}, "rejected": {"reason": "no_fault"}}
    values = {"event_id": f"event-{next(_NUMBERS):08d}", "judged": DIGEST, "seconds": 2.0}
    return VerdictEvent(
        annotator=annotator,
        key=ItemKey(*key),
        verdict=verdict,
        **{**values, **given.get(verdict, {}), **more},
    )


def undo(of: VerdictEvent, **more: Any) -> VerdictEvent:
    """The event that takes another one back."""
    given = {"undoes": of.event_id, "judged": of.judged, "adjudication": of.adjudication, **more}
    return event("undone", of.annotator, (of.key.video_id, of.key.feedback_index), **given)
