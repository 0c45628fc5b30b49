from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError
from qevd_bio.qevd import salient_joints
from qevd_bio.qevd.salient_joints import load_salient_joints
from qevd_bio.skeleton.dofs import JOINT_NAMES

SEGMENTS = {"0007": 2, "test-0146": 1}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "salient.json"


def test_joints_keep_their_order(file: Path) -> None:
    named = {"0007": {"1": ["thorax", "tibia_r"], "0": ["pelvis"]}, "test-0146": {}}
    file.write_text(json.dumps(named))
    assert load_salient_joints(file, SEGMENTS) == {
        "0007": {0: ("pelvis",), 1: ("thorax", "tibia_r")},
        "test-0146": {},
    }


@pytest.mark.parametrize(
    ("content", "key", "cause"),
    [
        pytest.param({"0008": {"0": ["head"]}}, ": 0008", "no record", id="video"),
        pytest.param({"0007": {"2": ["head"]}}, ": 0007.2", "has 2 segments", id="segment"),
        pytest.param({"0007": {"0": ["knee"]}}, ": 0007.0.0", "'knee' is not one of", id="joint"),
        pytest.param({"0007": {"0": []}}, ": 0007.0", "", id="no joint"),
        pytest.param({"0007": {"0": ["head", "head"]}}, ": 0007.0", "", id="twice"),
        pytest.param({"0007": {"first": ["head"]}}, ": 0007", "'first'", id="index"),
        pytest.param({"0007": {"-1": ["head"]}}, ": 0007", "'-1'", id="negative index"),
        pytest.param({"0007": ["head"]}, ": 0007", "object", id="no segments"),
        pytest.param(["0007"], "", "object", id="no object"),
    ],
)
def test_what_does_not_fit_is_named_by_file_and_key(
    file: Path, content: Any, key: str, cause: str
) -> None:
    file.write_text(json.dumps(content))
    with pytest.raises(DataError) as caught:
        load_salient_joints(file, SEGMENTS)
    assert f"salient.json{key}" in str(caught.value) and cause in str(caught.value)


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"{", "line 1"), (b"\xff", "UTF-8"), (b'{"0007": {}, "0007": {}}', "0007"), (None, "read")],
    ids=["no JSON", "no UTF-8", "key twice", "absent"],
)
def test_a_file_that_cannot_be_read_is_named(
    file: Path, content: bytes | None, cause: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=cause) as caught:
        load_salient_joints(file, SEGMENTS)
    assert "salient.json" in str(caught.value)


def test_the_schema_knows_skels_joints() -> None:
    path = Path(salient_joints.__file__).with_name("salient_joints.schema.json")
    schema = json.loads(path.read_text(encoding="utf-8"))
    items = schema["additionalProperties"]["additionalProperties"]["items"]
    assert items["enum"] == list(JOINT_NAMES)
