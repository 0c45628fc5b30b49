from __future__ import annotations

import json
import shutil

import pytest

from qevd_bio.engine.plan import OUTPUT_SCHEMA
from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE
from qevd_bio.errors import DataError


def test_layout_is_that_of_the_design(world):
    world.run()
    unit = world.plan()["kinematics", "0001"]
    folder = world.store.root / "kinematics" / "0001" / unit.identity[:16]
    assert sorted(entry.name for entry in folder.iterdir()) == [ARTIFACT_FILE, UNIT_FILE]
    assert world.store.artifact_path(unit.record) == folder / ARTIFACT_FILE
    content = json.loads((folder / UNIT_FILE).read_text())
    assert content["status"] == "completed"
    assert content["identity"] == unit.identity
    assert content["outputs"][0]["size"] == (folder / ARTIFACT_FILE).stat().st_size
    assert content["notes"] == {"characters": content["outputs"][0]["size"]}
    assert sorted(content["depends"]) == ["config", OUTPUT_SCHEMA, "video:0001.mp4"]
    assert content["versions"]["python"].startswith("3.")


def test_newest_is_the_unit_that_finished_last_and_current_the_one_of_the_inputs(world):
    world.run()
    old = world.plan()["cycles", "0001"].record
    world.settings["rule:squat"] = "1"
    world.run()
    new = world.plan()["cycles", "0001"].record
    assert world.store.newest("cycles", "0001") == new
    world.settings["rule:squat"] = "0"
    assert world.store.newest("cycles", "0001") == new
    assert world.plan()["cycles", "0001"].record == old
    assert world.run() == []


def test_newest_follows_time_and_not_the_name(world):
    world.videos = ["0001"]
    for value in "12345":
        world.settings["rule:squat"] = value
        world.run()
        newest = world.store.newest("cycles", "0001")
        assert newest.identity == world.plan()["cycles", "0001"].identity


def test_newest_of_what_never_ran_is_none(world):
    assert world.store.newest("cycles", "0001") is None


def test_record_copied_to_another_unit_does_not_count(world):
    world.run()
    source = world.folder("cycles", "0001")
    target = world.folder("cycles", "0002")
    shutil.copytree(source, target, dirs_exist_ok=True)
    unit = world.plan()["cycles", "0002"]
    assert (unit.action, unit.why) == ("run", ("unit.json belongs to another unit",))


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".x"])
def test_names_that_leave_the_store_are_refused(world, name):
    with pytest.raises(DataError):
        world.store.folder("cycles", name, "0" * 64)
    with pytest.raises(DataError):
        world.store.folder(name, "0001", "0" * 64)
    with pytest.raises(DataError):
        world.store.newest("cycles", name)


def test_unit_that_failed_has_no_artifact(world):
    world.trouble["kinematics", "0001"] = ValueError("no")
    world.run()
    record = world.store.newest("kinematics", "0001")
    with pytest.raises(DataError, match="failed, ValueError: no"):
        world.store.artifact_path(record)
