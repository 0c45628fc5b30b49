from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import pytest

from qevd_bio.engine.execute.attempt import attempt
from qevd_bio.engine.plan import MAX_ATTEMPTS
from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE
from qevd_bio.engine.stage import Skip
from qevd_bio.engine.unit_files import FAILED_SUFFIX
from qevd_bio.errors import EnvironmentProblem, VideoError

STAGES = ["kinematics", "cycles", "findings", "rewriting"]
ALL = [(stage, video) for video in ("0001", "0002") for stage in STAGES]


def counts(world):
    return {name: count for name, count in world.summary.counts.items() if count}


def endings(world):
    return [
        (event.kind, event.stage, event.video_id)
        for event in world.events
        if event.kind != "started"
    ]


def records(world):
    found = [*world.store.root.rglob(UNIT_FILE), *world.store.root.rglob(f"*{FAILED_SUFFIX}")]
    return {path: json.loads(path.read_text()) for path in sorted(found)}


def test_first_run_does_all_in_order_and_the_second_nothing(world):
    assert world.run() == ALL
    assert counts(world) == {"completed": 8}
    before = records(world)
    stamps = {path: path.stat().st_mtime_ns for path in world.store.root.rglob("*")}
    assert world.run() == []
    assert world.log == [], "no stage is set up when nothing runs"
    assert counts(world) == {"done": 8}
    assert endings(world) == [("done", stage, video) for stage, video in ALL]
    assert records(world) == before
    assert {path: path.stat().st_mtime_ns for path in world.store.root.rglob("*")} == stamps


def test_artifact_names_its_inputs(world):
    world.settings["rule:squat"] = "deep"
    world.run()
    made = json.loads(world.current()["0002", "findings"])
    assert made["values"] == {"rule:squat": "deep"}
    assert made["inputs"]["cycles"]["inputs"]["kinematics"] == made["inputs"]["kinematics"]
    assert made["inputs"]["kinematics"]["values"] == {"video:0002.mp4": "0", "config": "0"}


def test_stages_are_set_up_once_and_torn_down(world):
    world.run()
    assert [entry for entry in world.log if entry[0] == "setup"] == [
        ("setup", stage) for stage in STAGES
    ]
    assert world.log[-4:] == [("teardown", stage) for stage in reversed(STAGES)]


@pytest.mark.parametrize(
    "name, stages",
    [
        ("rule:squat", ["cycles", "findings", "rewriting"]),
        ("prompt", ["rewriting"]),
        ("config", STAGES),
    ],
)
def test_changed_input_reruns_what_names_it_and_what_follows(world, name, stages):
    world.run()
    world.settings[name] = "1"
    assert world.run() == [(stage, video) for stage, video in ALL if stage in stages]
    assert world.run() == []


def test_change_that_leaves_an_artifact_as_it_was_ends_there(world):
    # cycles reads the rule, but this edit makes no difference to what it writes.
    world.blind |= {("cycles", "rule:squat"), ("findings", "rule:squat")}
    world.run()
    world.settings["rule:squat"] = "1"
    assert world.run() == [
        (stage, video) for stage, video in ALL if stage in ("cycles", "findings")
    ]
    assert counts(world) == {"completed": 4, "done": 4}


def test_stage_version_reruns_the_stage(world):
    world.run()
    world.versions["findings"] = 2
    assert {stage for stage, _ in world.run()} == {"findings", "rewriting"}


def test_going_back_to_earlier_inputs_runs_nothing(world):
    world.run()
    before = world.current()
    world.settings["config"] = "1"
    world.run()
    del world.settings["config"]
    assert world.run() == []
    assert world.current() == before


def test_new_video_runs_alone(world):
    world.run()
    world.videos.insert(0, "0003")
    assert world.run() == [(stage, "0003") for stage in STAGES]


def test_failing_unit_costs_only_what_reads_it(world):
    world.trouble["cycles", "0001"] = VideoError(
        "gone\nwrong", where="0001.mp4", next_step="Look at it"
    )
    processed = world.run()
    assert processed == [ALL[0], ALL[1], *ALL[4:]]
    assert counts(world) == {"completed": 5, "failed": 1, "skipped": 2}
    reason = "VideoError: 0001.mp4: gone wrong. Look at it"
    (failure,) = world.summary.failures
    assert (failure.stage, failure.video_id, failure.reason) == ("cycles", "0001", reason)
    skipped = [event for event in world.events if event.kind == "skipped"]
    assert [(event.stage, event.reason) for event in skipped] == [
        ("findings", f"upstream cycles failed: {reason}"),
        ("rewriting", f"upstream cycles failed: {reason}"),
    ]


def test_failure_keeps_its_traceback_and_a_reason_of_one_line(world):
    world.trouble["kinematics", "0001"] = ZeroDivisionError("first line\nsecond line")
    world.run()
    (record,) = [r for r in records(world).values() if r["status"] == "failed"]
    assert record["reason"] == "ZeroDivisionError: first line second line"
    assert "in process" in record["traceback"]
    assert record["outputs"] == []
    assert record["attempt"] == 1
    assert len(records(world)) == 1 + 4, "what waits for a failure needs no record"
    assert list((world.store.root / "kinematics" / "0001").glob("*/*")) == []


def test_failed_unit_runs_again_and_heals(world):
    world.trouble["cycles", "0001"] = ValueError("no")
    world.run()
    assert world.run() == [("cycles", "0001")]
    assert counts(world) == {"done": 5, "failed": 1, "skipped": 2}
    world.trouble.clear()
    assert world.run() == ALL[1:4]
    assert counts(world) == {"completed": 3, "done": 5}
    assert world.plan()["cycles", "0001"].record.attempt == 3
    assert list(world.store.root.rglob(f"*{FAILED_SUFFIX}")) == []
    assert world.run() == []


def test_unit_that_keeps_failing_is_given_up_until_its_inputs_change(world):
    world.trouble["cycles", "0001"] = ValueError("no")
    for nth in range(1, MAX_ATTEMPTS + 1):
        assert world.run()[-1 if nth > 1 else 1] == ("cycles", "0001")
        assert world.plan()["cycles", "0001"].record.attempt == nth
    assert world.run() == []
    assert counts(world) == {"done": 5, "failed": 1, "skipped": 2}
    (failure,) = world.summary.failures
    assert failure.reason == f"not tried again, failed {MAX_ATTEMPTS} times: ValueError: no"
    assert list(world.actions().values()) == ["done", "given up", "blocked", "blocked"]
    world.settings["rule:squat"] = "1"
    assert world.run()[0] == ("cycles", "0001")


def test_skip_reason_follows_the_failure_it_comes_from(world):
    world.trouble["cycles", "0001"] = ValueError("one")
    world.run()
    world.trouble["cycles", "0001"] = ValueError("two")
    world.run()
    reasons = {e.reason for e in world.events if e.kind == "skipped"}
    assert reasons == {"upstream cycles failed: ValueError: two"}
    assert world.plan()["rewriting", "0001"].why == tuple(reasons)


def test_missing_video_fails_with_its_name_and_comes_back(world):
    world.absent.add("0001")
    assert world.run() == ALL[4:]
    assert [event.video_id for event in world.events if event.kind == "started"] == ["0002"] * 4
    assert counts(world) == {"completed": 4, "failed": 1, "skipped": 3}
    assert "0001.mp4" in world.summary.failures[0].reason
    assert "FileNotFoundError" in world.store.newest("kinematics", "0001").traceback
    world.absent.clear()
    assert world.run() == ALL[:4]


def test_nothing_is_set_up_for_units_that_cannot_run(world):
    world.absent |= set(world.videos)
    world.run()
    assert world.log == []


def test_skip_on_purpose_is_done_and_not_repeated(world):
    world.trouble["findings", "0001"] = Skip("no rule for 'burpee'")
    world.run()
    assert counts(world) == {"completed": 6, "skipped": 2}
    assert world.summary.failures == ()
    assert world.run() == []
    assert counts(world) == {"done": 6, "skipped": 2}
    unit = world.plan()["rewriting", "0001"]
    assert unit.action == "done"
    assert unit.why == ("upstream findings skipped: no rule for 'burpee'",)
    assert world.leftovers() == []


@pytest.mark.parametrize(
    "fault, reason",
    [
        ("nothing", "the stage wrote no artifact"),
        ("empty", "the stage wrote no artifact"),
        ("notes", "cannot be written as JSON"),
        ("depends", "digest of 'config' is no text"),
        ("reserved", "is the engine's own"),
    ],
)
def test_stage_that_breaks_its_contract_fails(world, monkeypatch, fault, reason):
    stage_type = type(world.stages[0])
    if fault == "nothing":
        monkeypatch.setattr(stage_type, "process", lambda *_: {})
    elif fault == "empty":
        monkeypatch.setattr(stage_type, "process", lambda *args: args[3].touch() or {})
    elif fault == "notes":
        real = stage_type.process
        monkeypatch.setattr(stage_type, "process", lambda *a: {**real(*a), "sd": float("nan")})
    elif fault == "depends":
        monkeypatch.setattr(stage_type, "depends", lambda *_: {"config": 3})
    else:
        monkeypatch.setattr(stage_type, "depends", lambda *_: {"upstream:x": "d"})
    world.run()
    assert counts(world) == {"failed": 2, "skipped": 6}
    assert reason in world.summary.failures[0].reason
    assert list(world.store.root.rglob(ARTIFACT_FILE)) == world.leftovers() == []


def test_interrupt_leaves_no_trace_of_its_unit_and_resumes(world, make_world, tmp_path):
    world.trouble["findings", "0001"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert world.leftovers() == []
    assert [p for p in (world.store.root / "findings").rglob("*") if p.is_file()] == []
    assert ("teardown", "kinematics") in world.log
    assert list(world.actions().values()) == ["done", "done", "run", "run"]
    world.trouble.clear()
    assert world.run() == ALL[2:]
    clean = make_world(tmp_path / "clean")
    clean.run()
    assert world.current() == clean.current()


def test_interrupted_retry_keeps_the_earlier_failure(world):
    world.trouble["cycles", "0001"] = ValueError("no")
    world.run()
    world.trouble["cycles", "0001"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert world.plan()["cycles", "0001"].why == ("failed before: ValueError: no",)


def test_failing_set_up_stops_the_run(world, monkeypatch):
    def setup(self):
        raise EnvironmentProblem("not installed", where=self.name, next_step="Install it")

    monkeypatch.setattr(type(world.stages[0]), "setup", setup)
    with pytest.raises(EnvironmentProblem, match="kinematics: not installed"):
        world.run()
    assert records(world) == {}


def fail_nth(monkeypatch, name, nth, *, forever=False):
    """Make the nth call of os.<name>, and if asked all later ones, meet a full disk."""
    real, calls = getattr(os, name), []

    def broken(*args, **kwargs):
        calls.append(args)
        if len(calls) == nth or (forever and len(calls) > nth):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, broken)


def test_write_that_fails_once_costs_one_unit(world, monkeypatch):
    # The second rename is that of the unit of cycles.
    fail_nth(monkeypatch, "rename", 2)
    world.run()
    assert counts(world) == {"completed": 5, "failed": 1, "skipped": 2}
    assert "No space left" in world.summary.failures[0].reason
    assert world.leftovers() == []
    assert world.run() == ALL[1:4]


@pytest.mark.parametrize("name", ["rename", "fsync"])
@pytest.mark.parametrize("nth", range(1, 9, 3))
def test_full_disk_is_named_and_leaves_nothing_torn(
    world, monkeypatch, make_world, tmp_path, name, nth
):
    with monkeypatch.context() as patch:
        fail_nth(patch, name, nth, forever=True)
        world.run()
    done = counts(world).get("completed", 0)
    assert done < 8
    for failure in world.summary.failures:
        assert "No space left" in failure.reason
        assert ("cannot be written" in failure.unrecorded) == (name == "fsync")
    assert world.leftovers() == []
    world.run()
    clean = make_world(tmp_path / "clean")
    clean.run()
    assert world.current() == clean.current()
    assert len(world.current()) == 8


def test_disk_that_takes_no_record_any_more_stops_the_run(world, monkeypatch):
    world.videos = [f"{number:04}" for number in range(9)]
    fail_nth(monkeypatch, "fsync", 1, forever=True)
    with pytest.raises(EnvironmentProblem, match="could not even be recorded") as caught:
        world.run()
    assert "No space left" in str(caught.value)
    assert len(world.processed()) <= 3, "no work is thrown away for want of a place"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3, 6, 8])
def test_process_that_dies_at_a_rename_loses_one_unit_at_most(
    world, make_world, tmp_path, nth, moment
):
    child = os.fork()
    if child == 0:
        real, calls = os.rename, []

        def rename(*args):
            calls.append(args)
            if len(calls) == nth and moment == "before":
                os._exit(9)
            real(*args)
            if len(calls) == nth:
                os._exit(9)

        os.rename = rename
        world.run()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    done = sum(unit.action == "done" for unit in world.plan().values())
    assert done == nth - (moment == "before"), "one rename a unit"
    assert len(world.run()) == 8 - done
    clean = make_world(tmp_path / "clean")
    clean.run()
    assert world.current() == clean.current()


@pytest.mark.parametrize("loser", ["completed", "failed"])
def test_first_success_stands_when_two_machines_make_one_unit(world, make_world, loser):
    """Another machine finishes the unit while this one works on it."""
    other = make_world(world.store.root, world.videos)
    other.run()
    unit = other.plan()["cycles", "0001"]
    folder = world.folder("cycles")
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    aside = folder.rename(folder.with_name("elsewhere"))
    world.trouble["cycles", "0001"] = ValueError("no") if loser == "failed" else None
    stage = world.stages[1]
    stage.setup()
    real = type(stage).process

    class Slower(type(stage)):
        def process(self, *args):
            aside.rename(folder)
            return real(self, *args)

    stage.__class__ = Slower
    inputs = {"kinematics": world.folder("kinematics") / ARTIFACT_FILE}
    made = attempt(stage, replace(unit, record=None), inputs, world.store)
    assert made.record.status == loser
    assert {path: path.read_bytes() for path in folder.iterdir()} == kept
    assert world.leftovers() == []
    assert world.plan()["cycles", "0001"].record == unit.record
    assert world.run() == []


def test_damaged_unit_is_set_aside_and_made_anew(world):
    world.run()
    before = world.current()
    folder = world.folder("cycles")
    (folder / UNIT_FILE).write_text("{")
    world.trouble["cycles", "0001"] = ValueError("no")
    world.run()
    assert list(world.actions().values()) == ["done", "retry", "blocked", "blocked"]
    world.trouble.clear()
    assert world.run() == [("cycles", "0001")]
    assert world.current() == before
    (aside,) = folder.parent.glob("*.damaged-*")
    assert (aside / UNIT_FILE).read_text() == "{"


def test_read_only_work_folder_is_reported_in_one_line(world, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    world.videos.append("0003")
    monkeypatch.setattr(type(world.store.root), "mkdir", refuse)
    with pytest.raises(EnvironmentProblem, match="Permission denied") as caught:
        world.run()
    assert "\n" not in str(caught.value)


def test_one_folder_that_cannot_be_written_costs_what_lies_in_it(world):
    world.videos = [f"{number:04}" for number in range(1, 7)]
    in_the_way = world.store.root / "cycles" / "0002"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder must be")
    world.run()
    assert counts(world) == {"completed": 21, "failed": 1, "skipped": 2}
    (failure,) = world.summary.failures
    assert "cannot be written" in failure.reason and "cannot be written" in failure.unrecorded


def test_events_give_reasons_and_end_once_for_each_unit(world):
    world.run()
    world.settings["prompt"] = "1"
    world.trouble["rewriting", "0002"] = ValueError("no")
    world.run()
    started = [(e.stage, e.video_id, e.reason) for e in world.events if e.kind == "started"]
    assert started == [
        ("rewriting", "0001", "prompt changed"),
        ("rewriting", "0002", "prompt changed"),
    ]
    assert [(stage, video) for _, stage, video in endings(world)] == ALL
    assert endings(world)[3] == ("completed", "rewriting", "0001")
    assert endings(world)[7] == ("failed", "rewriting", "0002")
