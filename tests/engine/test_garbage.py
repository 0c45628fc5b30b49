"""Files that gc keeps: those of other configurations and active runs, and foreign files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from qevd_bio.engine.events import Event
from qevd_bio.engine.log import RunLog
from qevd_bio.engine.maintain.garbage import check_no_run_goes_on, remove, waste
from qevd_bio.engine.runs import RUN_FILE, close_run, open_run
from qevd_bio.errors import UsageError


def planned(world):
    return list(world.plan().values())


@pytest.fixture
def two_ways(world):
    """A folder that serves two configurations, the second of them last."""
    world.run()
    first = planned(world)
    world.settings["prompt"] = "1"
    world.run()
    return world, first


def test_what_another_configuration_needs_is_kept(two_ways):
    world, first = two_ways
    assert len(waste(world.stages, planned(world), world.store)) == 2
    assert waste(world.stages, planned(world), world.store, others=[first]) == []
    world.settings["prompt"] = "2"
    world.run()
    third = planned(world)
    remove(waste(world.stages, third, world.store, others=[first]))
    assert planned(world) == third
    world.settings["prompt"] = "0"
    assert world.run() == [], "all of the first is still there"


def test_outputs_another_configuration_may_adopt_are_kept(two_ways):
    world, _ = two_ways
    last = planned(world)
    world.settings["prompt"], world.versions["rewriting"] = "0", 2
    stale = planned(world)
    assert {unit.action for unit in stale} == {"done", "run"}
    world.versions["rewriting"] = 1
    assert waste(world.stages, last, world.store, others=[stale]) == []


def test_foreign_files_are_kept(world):
    world.run()
    home = world.store.video_folder("cycles", "0001")
    for name in ("note.failed.json", "note.retried.json", "README"):
        (home / name).write_text("mine")
    (home / "mine").mkdir()
    (world.store.root / "holiday.txt").write_text("mine")
    assert waste(world.stages, planned(world), world.store, leftover_age_s=-1) == []


def test_clearing_twice_at_once_or_after_a_kill_goes_on(two_ways):
    world, _ = two_ways
    found = waste(world.stages, planned(world), world.store)
    torn = found[0].path.with_name(f".tmp-gone-{found[0].path.name}")
    torn.mkdir()
    (torn / "artifact.parquet").write_text("half of it")
    remove(found)
    remove(found)
    assert not any(one.path.exists() for one in found)


def test_a_run_that_goes_on_forbids_clearing(tmp_path):
    folder = open_run(tmp_path, argv=[], config={}, execution={})
    with pytest.raises(UsageError, match=f"{folder.name} .* is running"):
        check_no_run_goes_on(tmp_path)
    record = json.loads((folder / RUN_FILE).read_text())
    old = (datetime.now(UTC) - timedelta(days=2)).isoformat(timespec="seconds")
    (folder / RUN_FILE).write_text(json.dumps({**record, "started_utc": old, "host": "far"}))
    check_no_run_goes_on(tmp_path)
    log = RunLog(folder)
    log.event(Event("completed", "a", "0001"))
    log.close()
    with pytest.raises(UsageError, match="on far is running"):
        check_no_run_goes_on(tmp_path)
    close_run(folder, outcome="interrupted", counts={})
    check_no_run_goes_on(tmp_path)


def test_a_killed_run_forbids_nothing(tmp_path):
    folder = open_run(tmp_path, argv=[], config={}, execution={})
    record = json.loads((folder / RUN_FILE).read_text())
    (folder / RUN_FILE).write_text(json.dumps({**record, "pid": 2**22 + 1}))
    check_no_run_goes_on(tmp_path)
