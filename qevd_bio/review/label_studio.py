"""Label Studio: the sentences as tasks, and its results as verdicts.

Label Studio (HumanSignal) imports a JSON list of tasks and exports the same list with the
annotations of each (export format JSON). The names of the controls are those of `LABEL_CONFIG`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import JsonValue, dump_json, read_json
from qevd_bio.review.queue_item import QueueItem
from qevd_bio.verdicts.event import MOST_SECONDS, VerdictEvent, time_text
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.reasons import REASON_BY_ID, REASONS

_CHOICES = ("accepted", "rejected", "edited", "kept_rightly", "should_be_rewritten")
_NEXT = "Export it from Label Studio as JSON (not JSON-MIN or CSV)"

LABEL_CONFIG = "\n".join(
    [
        "<View>",
        '  <Header value="Trainer"/><Text name="original" value="$original"/>',
        '  <Header value="New sentence"/><Text name="feedback" value="$feedback"/>',
        '  <Text name="about" value="$about"/>',
        '  <Choices name="verdict" toName="feedback" choice="single" required="true">',
        *(f'    <Choice value="{one}"/>' for one in _CHOICES),
        "  </Choices>",
        '  <Choices name="reason" toName="feedback" choice="single" required="true"',
        '    visibleWhen="choice-selected" whenTagName="verdict" whenChoiceValue="rejected">',
        *(f'    <Choice value="{one.id}" hint={quoteattr(one.words)}/>' for one in REASONS),
        "  </Choices>",
        '  <TextArea name="edit" toName="feedback" maxSubmissions="1" required="true"',
        '    visibleWhen="choice-selected" whenTagName="verdict" whenChoiceValue="edited"/>',
        '  <TextArea name="note" toName="feedback" maxSubmissions="1"/>',
        "</View>",
        "",
    ]
)
"""The labelling interface to paste into a project of Label Studio."""


def write_tasks(path: Path, items: Iterable[QueueItem]) -> int:
    """Write sentences as tasks; return their number."""
    tasks: list[JsonValue] = [{"data": _data(item)} for item in items]
    write_text_atomic(path, dump_json(tasks, where=str(path), indent=1) + "\n")
    return len(tasks)


def _data(item: QueueItem) -> dict[str, JsonValue]:
    return {
        "video_id": item.key.video_id,
        "feedback_index": item.key.feedback_index,
        "judged": item.digest,
        "original": item.feedback_original,
        "feedback": item.feedback,
        "about": f"{item.exercise or 'no exercise'}; {item.status}; {item.reasons_for_order}",
        "split": item.split,
    }


def read_results(path: Path) -> list[VerdictEvent]:
    """Read the annotations of an export as verdicts.

    Parameters
    ----------
    path : Path
        The export, JSON.

    Returns
    -------
    list of VerdictEvent
        The same export gives the same events with the same ids, so it can be imported again.
        Cancelled annotations are skipped ones. The annotator is the e-mail address or the number
        of the user who completed it.

    Raises
    ------
    DataError
        The file is no export of tasks that `write_tasks` wrote; the place is named.
    """
    tasks = read_json(path, next_step=_NEXT)
    if not isinstance(tasks, list):
        raise _bad("is no list of tasks", str(path))
    events = []
    for number, task in enumerate(tasks):
        where = f"{path} task {number}"
        if not isinstance(task, Mapping) or not isinstance(task.get("data"), Mapping):
            raise _bad("has no data", where)
        annotations = task.get("annotations")
        if not isinstance(annotations, list):
            raise _bad("has no annotations", where)
        for place, annotation in enumerate(annotations):
            events.append(_event(task["data"], annotation, f"{where} annotation {place}"))
    return events


def _event(data: Mapping[str, Any], annotation: Any, where: str) -> VerdictEvent:  # noqa: ANN401
    if not isinstance(annotation, Mapping):
        raise _bad("is no object", where)
    for name, kind in (("video_id", str), ("feedback_index", int), ("judged", str)):
        if not isinstance(data.get(name), kind):
            raise _bad(f"its task has no {name} as it was exported", where)
    time = _time(annotation, where)
    said = _said(annotation, where)
    annotator = _annotator(annotation, where)
    name = dump_json(
        [data["video_id"], data["feedback_index"], data["judged"], annotator, time, dict(said),
         str(annotation.get("unique_id") or annotation.get("id"))],
        where=where,
    )  # fmt: skip
    seconds = annotation.get("lead_time") or 0.0
    is_number = isinstance(seconds, int | float) and seconds >= 0.0
    return VerdictEvent(
        event_id=hashlib.sha256(name.encode("ascii")).hexdigest()[:32],
        annotator=annotator,
        key=ItemKey(data["video_id"], data["feedback_index"]),
        judged=data["judged"],
        verdict=said["verdict"],  # type: ignore[arg-type]  # checked in _said
        text=said["edit"],
        reason=said["reason"],
        note=said["note"],
        seconds=min(float(seconds), MOST_SECONDS) if is_number else 0.0,
        time=time,
    )


def _said(annotation: Mapping[str, Any], where: str) -> dict[str, str]:
    """Read verdict, reason, edit and note of one annotation."""
    found = {"verdict": "", "reason": "", "edit": "", "note": ""}
    if annotation.get("was_cancelled"):
        return {**found, "verdict": "skipped"}
    results = annotation.get("result")
    if not isinstance(results, list):
        raise _bad("has no result", where)
    for result in results:
        name = result.get("from_name") if isinstance(result, Mapping) else None
        if isinstance(name, str) and name in found:
            found[name] = _value(result, where)
    if found["verdict"] not in _CHOICES:
        raise _bad(f"its verdict is {found['verdict']!a}", where)
    if found["reason"] not in ("", *REASON_BY_ID):
        raise _bad(f"its reason is {found['reason']!a}", where)
    if found["verdict"] != "edited":
        found["edit"] = ""
    elif not found["edit"].strip():
        raise _bad("it is edited and has no text", where)
    return found


def _value(result: Mapping[str, Any], where: str) -> str:
    value = result.get("value")
    listed = (value.get("choices") or value.get("text")) if isinstance(value, Mapping) else None
    if isinstance(listed, str):
        return listed
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], str):
        raise _bad(f"its {result.get('from_name')} is not one text", where)
    return str(listed[0])


def _annotator(annotation: Mapping[str, Any], where: str) -> str:
    given = annotation.get("completed_by")
    if isinstance(given, Mapping):
        given = given.get("email") or given.get("id")
    if isinstance(given, int) and not isinstance(given, bool):
        return f"label-studio-{given}"
    if isinstance(given, str) and given:
        return given
    raise _bad("names nobody as completed_by", where)


def _time(annotation: Mapping[str, Any], where: str) -> str:
    text = annotation.get("updated_at") or annotation.get("created_at")
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise _bad(f"its time is {text!a}", where) from None
    if moment.tzinfo is None:
        raise _bad(f"its time {text} has no time zone", where)
    return time_text(moment)


def _bad(cause: str, where: str) -> DataError:
    return DataError(cause, where=where, next_step=_NEXT)
