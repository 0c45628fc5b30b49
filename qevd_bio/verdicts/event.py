"""One event of a review: an annotator judges a sentence, or takes a verdict back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from qevd_bio.errors import UsageError
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.reasons import REASON_BY_ID

VerdictKind = Literal[
    "accepted", "rejected", "edited", "skipped", "undone", "kept_rightly", "should_be_rewritten"
]
VERDICTS: tuple[str, ...] = get_args(VerdictKind)

MOST_TEXT = 2_000
"""Characters of an edited sentence or a note; the longest sentence of QEVD has about 200."""

MOST_SECONDS = 24 * 3600.0

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_ANNOTATOR = re.compile(r"[\w .@+-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_TOO_LATE = "9000"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class VerdictEvent:
    """One event.

    Attributes
    ----------
    event_id : str
        Made by the client. An event that is sent again with its id is stored once.
    annotator : str
        Who judged.
    key : ItemKey
        What was judged.
    judged : str
        `qevd_bio.verdicts.judged.judged_digest` of the row that was shown.
    verdict : str
        ``accepted``, ``rejected``, ``edited`` or ``skipped`` of a rewritten sentence;
        ``kept_rightly``, ``should_be_rewritten``, ``edited`` or ``skipped`` of any other;
        ``undone`` takes another event back.
    text : str
        The sentence as edited; else empty.
    reason, note : str
        Id of a reason of `qevd_bio.verdicts.reasons`, and free words; may be empty.
    undoes : str
        Event that is undone; else empty.
    seconds : float
        Time spent on the item.
    time : str
        ISO 8601, UTC, to the microsecond; set by the store.
    adjudication : bool
        Whether the event decides between annotators who disagree.
    """

    event_id: str
    annotator: str
    key: ItemKey
    judged: str
    verdict: VerdictKind
    text: str = ""
    reason: str = ""
    note: str = ""
    undoes: str = ""
    seconds: float = 0.0
    time: str = ""
    adjudication: bool = False

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the event out; the parts of the key stand beside the others."""
        return {**asdict(self.key), **{n: getattr(self, n) for n in NAMES if n != "key"}}


NAMES = tuple(field.name for field in fields(VerdictEvent))


def event_from(values: Mapping[str, Any]) -> VerdictEvent:
    """Make an event of the values of `VerdictEvent.as_json`, unchecked."""
    given = dict(values)
    key = ItemKey(given.pop("video_id"), given.pop("feedback_index"))
    return VerdictEvent(key=key, **given)


def check_event(event: VerdictEvent) -> None:
    """Refuse an event that cannot be stored or shown.

    Raises
    ------
    UsageError
        An id, name, digest, verdict, reason or time is none; a text is too long, holds control
        characters or half a character of UTF-16; the verdict lacks its text or undone event.
    """
    _check_names(event)
    _check_key(event)
    for name in ("text", "note"):
        _check_text(event, name, getattr(event, name))
    _check_parts(event)
    seconds = event.seconds
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0.0 <= seconds <= MOST_SECONDS:
        raise _bad(event, f"seconds is {_shown(seconds)}", f"Give 0 to {MOST_SECONDS:g}")
    if not isinstance(event.adjudication, bool):
        raise _bad(event, f"adjudication is {_shown(event.adjudication)}", "Give true or false")
    if event.time and not is_time(event.time):
        raise _bad(event, f"time is {_shown(event.time)}", "Give 2026-01-31T09:30:00.000000Z")


def is_annotator(name: str) -> bool:
    """Return whether a text can be the name of an annotator."""
    return _ANNOTATOR.fullmatch(name) is not None and name == name.strip()


def is_time(text: str) -> bool:
    """Return whether a text is a time as the store writes it, with room for later ones."""
    if not isinstance(text, str) or not _TIME.fullmatch(text) or text >= _TOO_LATE:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def time_text(moment: datetime) -> str:
    """Write a time in UTC; texts sort as the times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check_names(event: VerdictEvent) -> None:
    for name, pattern in (("event_id", _ID), ("annotator", _ANNOTATOR), ("judged", _DIGEST)):
        value = getattr(event, name)
        if not isinstance(value, str) or not pattern.fullmatch(value) or value != value.strip():
            raise _bad(event, f"{name} is {_shown(value)}", f"It matches {pattern.pattern}")
    if event.verdict not in VERDICTS:
        raise _bad(event, f"verdict is {_shown(event.verdict)}", f"Give one of {VERDICTS}")
    if event.reason not in ("", *REASON_BY_ID):
        known = ", ".join(REASON_BY_ID)
        raise _bad(event, f"reason is {_shown(event.reason)}", f"Give one of {known}")


def _check_parts(event: VerdictEvent) -> None:
    """Compare the verdict with the text and the undone event that it needs."""
    if (event.verdict == "edited") != bool(event.text.strip()):
        raise _bad(event, "an edit has a text, and nothing else has", "Give the edited sentence")
    undoes = event.undoes
    if not isinstance(undoes, str) or (event.verdict == "undone") != bool(undoes):
        raise _bad(event, "what is undone is named by an undo only", "Name the event to undo")
    if undoes and not _ID.fullmatch(undoes):
        raise _bad(event, f"undoes is {_shown(undoes)}", f"It matches {_ID.pattern}")


def _check_key(event: VerdictEvent) -> None:
    video, index = event.key.video_id, event.key.feedback_index
    is_index = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < 2**31
    if not isinstance(video, str) or not video or len(video) > 200 or not _is_unicode(video):
        raise _bad(event, f"video_id is {_shown(video)}", "Give the id of a video")
    if not is_index:
        raise _bad(event, f"feedback_index is {_shown(index)}", "Give the number of an utterance")


def _check_text(event: VerdictEvent, name: str, text: str) -> None:
    if not isinstance(text, str):
        raise _bad(event, f"{name} is {_shown(text)}", "Give a text")
    if len(text) > MOST_TEXT:
        cause = f"{name} has {len(text)} characters"
        raise _bad(event, cause, f"At most {MOST_TEXT} are stored")
    if _CONTROL.search(text) or not _is_unicode(text):
        cause = f"{name} holds a control character or a lone surrogate"
        raise _bad(event, cause, "Write it without")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    return ascii(value)[:80]


def _bad(event: VerdictEvent, cause: str, next_step: str) -> UsageError:
    return UsageError(cause, where=f"verdict {_shown(event.event_id)}", next_step=next_step)
