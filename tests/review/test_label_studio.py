"""Label Studio: tasks out, results back in."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.review.importing import import_into, read_file
from qevd_bio.review.label_studio import LABEL_CONFIG, read_results, write_tasks
from qevd_bio.verdicts.store import VerdictStore
from tests.release.made_artifacts import kept
from tests.review.made_items import items_of, rewritten

HOSTILE = '<script>alert("x")</script> é 🏋️ \u2028'
ITEMS = items_of(
    rewritten("0001", 0, feedback_original=HOSTILE), rewritten("0001", 1), kept("0002", 0)
)


def control(name: str, *values: str) -> dict[str, Any]:
    """One result as Label Studio exports it."""
    kind = "textarea" if name in ("edit", "note") else "choices"
    value = {"text": list(values)} if kind == "textarea" else {"choices": list(values)}
    return {"id": f"{name}-1", "from_name": name, "to_name": "feedback", "type": kind,
            "origin": "manual", "value": value}  # fmt: skip


def annotation(*results: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An annotation as Label Studio exports it."""
    return {
        "id": 7, "completed_by": {"id": 1, "email": "ann+qevd@example.org"}, "result": [*results],
        "was_cancelled": False, "ground_truth": False, "lead_time": 12.5,
        "created_at": "2026-01-31T09:30:00.123456Z", "updated_at": "2026-01-31T10:30:00+01:00",
        "unique_id": "5f1a2c9e-0000-4000-8000-000000000001", **changed,
    }  # fmt: skip


def exported(path: Path, tasks: Path, *annotations: list[dict[str, Any]]) -> Path:
    """The tasks as Label Studio exports them with annotations."""
    found = json.loads(tasks.read_text())
    for number, (task, own) in enumerate(zip(found, annotations, strict=True)):
        task |= {"id": number + 1, "annotations": own, "predictions": [], "meta": {}}
    path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.json"
    assert write_tasks(path, ITEMS) == 3
    return path


def test_tasks_hold_the_sentences_and_what_a_verdict_needs(tasks: Path) -> None:
    found = [task["data"] for task in json.loads(tasks.read_text())]
    for data, item in zip(found, ITEMS, strict=True):
        assert data["judged"] == item.digest
        assert (data["original"], data["feedback"]) == (item.feedback_original, item.feedback)
    assert any(data["original"] == HOSTILE for data in found)


def test_the_interface_shows_what_the_tasks_hold(tasks: Path) -> None:
    config = ET.fromstring(LABEL_CONFIG)
    data = json.loads(tasks.read_text())[0]["data"]
    shown = {one.get("value", "").removeprefix("$") for one in config.iter("Text")}
    assert shown <= set(data)
    names = {one.get("name") for one in config.iter() if one.get("name")}
    for one in config.iter():
        assert one.get("toName") in (None, *names)
    assert not list(config.iter("HyperText")), "texts are never shown as HTML"


def test_results_become_verdicts_and_are_imported_once(tmp_path: Path, tasks: Path) -> None:
    by_status = {item.status: n for n, item in enumerate(ITEMS)}
    given: list[list[dict[str, Any]]] = [[], [], []]
    rewritten_ones = [n for n, item in enumerate(ITEMS) if item.status == "rewritten"]
    given[rewritten_ones[0]] = [
        annotation(control("verdict", "edited"), control("edit", HOSTILE), control("note", "ok")),
        annotation(control("verdict", "accepted"), completed_by=3, id=8, unique_id="u-8"),
    ]
    given[rewritten_ones[1]] = [annotation(was_cancelled=True)]
    given[by_status["kept"]] = [annotation(control("verdict", "kept_rightly"))]
    file = exported(tmp_path / "export.json", tasks, *given)
    events = read_results(file)
    assert events == read_results(file)
    found = {(one.key, one.annotator): one for one in events}
    edited = found[ITEMS[rewritten_ones[0]].key, "ann+qevd@example.org"]
    assert (edited.verdict, edited.text, edited.note) == ("edited", HOSTILE, "ok")
    assert (edited.seconds, edited.time) == (12.5, "2026-01-31T09:30:00.000000Z")
    assert found[ITEMS[rewritten_ones[0]].key, "label-studio-3"].verdict == "accepted"
    assert found[ITEMS[rewritten_ones[1]].key, "ann+qevd@example.org"].verdict == "skipped"
    store = VerdictStore(tmp_path / "v.sqlite")
    first = import_into(store, ITEMS, read_file(file))
    assert (first.read, first.new, first.stale, first.unknown) == (4, 4, 0, 0)
    assert import_into(store, ITEMS, read_file(file)).new == 0
    assert sorted(store.events(), key=lambda e: e.event_id) == sorted(
        events, key=lambda e: e.event_id
    )


def test_verdicts_on_other_sentences_are_counted_and_unfit_ones_refused(
    tmp_path: Path, tasks: Path
) -> None:
    everything = [[annotation(control("verdict", "accepted"))] for _ in ITEMS]
    events = read_results(exported(tmp_path / "export.json", tasks, *everything))
    store = VerdictStore(tmp_path / "v.sqlite")
    with pytest.raises(UsageError, match="accepted is no verdict on a sentence with status kept"):
        import_into(store, ITEMS, events)
    assert list(store.events()) == []
    fitting = [one for one in events if one.key.video_id == "0001"]
    moved = [replace(fitting[0], judged="f" * 64), fitting[1]]
    found = import_into(store, [one for one in ITEMS if one.key == moved[0].key], moved)
    assert (found.new, found.stale, found.unknown) == (2, 1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": [control("verdict", "approved")]},
        {"result": [control("verdict", "accepted", "rejected")]},
        {"result": []},
        {"result": None},
        {"result": [control("verdict", "edited")]},
        {"result": [control("verdict", "rejected"), control("reason", "because")]},
        {"completed_by": None},
        {"completed_by": True},
        {"updated_at": "yesterday"},
        {"updated_at": "2026-01-31T10:30:00"},
    ],
)
def test_what_is_no_result_is_named(tmp_path: Path, tasks: Path, wrong: dict[str, Any]) -> None:
    one = annotation(control("verdict", "accepted")) | wrong
    file = exported(tmp_path / "export.json", tasks, [one], [], [])
    with pytest.raises(DataError, match="task 0 annotation 0"):
        read_results(file)


@pytest.mark.parametrize(
    "text", ["{}", "[1]", '[{"data": {}}]', '[{"data": {}, "annotations": [{}]}]']
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(text)
    with pytest.raises(DataError, match="Export it from Label Studio"):
        read_results(file)


def test_an_edit_that_the_page_would_refuse_is_not_imported(tmp_path: Path, tasks: Path) -> None:
    place = next(n for n, item in enumerate(ITEMS) if item.status == "rewritten")
    given: list[list[dict[str, Any]]] = [[], [], []]
    given[place] = [annotation(control("verdict", "edited"), control("edit", "Bend less."))]
    events = read_results(exported(tmp_path / "export.json", tasks, *given))
    store = VerdictStore(tmp_path / "v.sqlite")
    with pytest.raises(UsageError, match="asks for less"):
        import_into(store, ITEMS, events, lambda _key, _text: ["the sentence asks for less"])
    assert list(store.events()) == []
    assert import_into(store, ITEMS, events, lambda _key, _text: []).new == 1


def test_a_control_whose_name_is_no_text_is_passed_over(tmp_path: Path, tasks: Path) -> None:
    foreign = control("verdict", "accepted") | {"from_name": ["verdict"]}
    given = [[annotation(foreign)], [], []]
    with pytest.raises(DataError, match="its verdict is ''"):
        read_results(exported(tmp_path / "export.json", tasks, *given))
