from __future__ import annotations

import json
from dataclasses import replace

import pytest

from qevd_bio.engine.record import (
    Output,
    Timings,
    UnitRecord,
    record_from_json,
    record_to_json,
    unit_identity,
)
from qevd_bio.errors import DataError

DEPENDS = {"config": "c0", "rule:squat": "r0", "upstream:kinematics": "k0"}
TIME = "2026-01-02T03:04:05.000006+00:00"
RECORD = UnitRecord(
    status="completed",
    reason="",
    stage="cycles",
    version=2,
    video_id="0001",
    identity=unit_identity("cycles", 2, "0001", DEPENDS),
    depends=DEPENDS,
    outputs=(Output("artifact.parquet", 12, "ab" * 32),),
    notes={"frames_decoded": 300, "parts": [1.5, None]},
    traceback=None,
    timings=Timings(TIME, TIME, 0.25),
    versions={"python": "3.11.7"},
    host="h",
    run_id="20260102T030405Z-00000000",
    attempt=1,
    adopted=None,
)


def test_round_trip():
    assert record_from_json(record_to_json(RECORD), where="unit.json") == RECORD


def edited(**changes) -> str:
    return json.dumps({**json.loads(record_to_json(RECORD)), **changes})


def without(key) -> str:
    content = json.loads(record_to_json(RECORD))
    del content[key]
    return json.dumps(content)


BAD = {
    "cut": (record_to_json(RECORD)[:200], "malformed JSON"),
    "no object": ("[]", "breaks the schema at \\$"),
    "later schema": (edited(schema_version=3), "schema_version"),
    "unknown status": (edited(status="done"), "status"),
    "unknown key": (edited(colour="red"), "colour"),
    "missing key": (without("depends"), "depends"),
    "digest no text": (edited(depends={"config": 1}), "depends"),
    "completed without output": (edited(outputs=[]), "outputs"),
    "output elsewhere": (
        edited(outputs=[{"name": "../../x", "size": 1, "sha256": "ab" * 32}]),
        "outputs",
    ),
    "failed without reason": (edited(status="failed", outputs=[]), "reason"),
    "reason of two lines": (edited(status="failed", outputs=[], reason="a\nb"), "reason"),
    "another input": (edited(depends={"config": "c1"}), "identity is not that of the inputs"),
    "another version": (edited(version=3), "identity is not that of the inputs"),
    "another video": (edited(video_id="0002"), "identity is not that of the inputs"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_record_is_refused_with_its_fault(name):
    text, cause = BAD[name]
    with pytest.raises(DataError, match=cause) as caught:
        record_from_json(text, where="work/cycles/0001/x/unit.json")
    assert caught.value.where == "work/cycles/0001/x/unit.json"
    assert "\n" not in str(caught.value)


def test_inconsistent_record_is_not_written():
    with pytest.raises(DataError):
        record_to_json(replace(RECORD, status="failed", reason="gone"))


def test_identity_takes_in_every_part_and_no_order():
    base = unit_identity("cycles", 2, "0001", DEPENDS)
    others = {
        unit_identity("findings", 2, "0001", DEPENDS),
        unit_identity("cycles", 3, "0001", DEPENDS),
        unit_identity("cycles", 2, "0002", DEPENDS),
        unit_identity("cycles", 2, "0001", {**DEPENDS, "config": "c1"}),
        unit_identity("cycles", 2, "0001", {**DEPENDS, "prompt": "p0"}),
        unit_identity("cycles", 2, "0001", {}),
    }
    assert len(others | {base}) == 7
    assert unit_identity("cycles", 2, "0001", dict(reversed(DEPENDS.items()))) == base
