from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.maintain.adopt import adopt, candidates
from qevd_bio.engine.maintain.failures import Damage, failure_groups, reopen_failed, verify
from qevd_bio.engine.maintain.garbage import note_published, remove, waste
from qevd_bio.engine.maintain.provenance import chain, unit_with_output
from qevd_bio.engine.maintain.status import run_statuses, stage_counts, time_left_s
from qevd_bio.engine.plan import MAX_ATTEMPTS, OUTPUT_SCHEMA
from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE, UnitRecord
from qevd_bio.engine.runs import RUN_FILE, open_run, recorded_run
from qevd_bio.engine.sharding import Shard, shard_named
from qevd_bio.errors import DataError, UsageError

STAGES = ["kinematics", "cycles", "findings", "rewriting"]


def planned(world):
    return list(world.plan().values())


def give_up(world, *units):
    for unit in units:
        world.trouble[unit] = ValueError(f"no luck with {unit[1]}.mp4")
    for _ in range(MAX_ATTEMPTS):
        world.run()
    world.trouble.clear()


def flip(path):
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def damages(world):
    return [found for found in verify(world.stages, world.store) if isinstance(found, Damage)]


def test_failures_are_grouped_by_cause(world):
    world.videos.append("0003")
    give_up(world, ("cycles", "0001"), ("cycles", "0003"))
    world.versions["findings"] = 2
    world.trouble["findings", "0002"] = ZeroDivisionError()
    world.run()
    groups = failure_groups(planned(world), world.store)
    found = [(group.cause, [unit.video_id for unit in group.units]) for group in groups]
    assert found == [
        ("ValueError: no luck with VIDEO.mp4", ["0001", "0003"]),
        ("ZeroDivisionError", ["0002"]),
    ]
    for group in groups:
        for record in group.records:
            assert "Traceback" in json.loads(record.read_text())["traceback"]


@pytest.mark.parametrize(
    ("stages", "videos", "again"),
    [
        ((), (), {("cycles", "0001"), ("findings", "0002")}),
        (("cycles",), (), {("cycles", "0001")}),
        ((), ("0002",), {("findings", "0002")}),
        (("cycles",), ("0002",), set()),
    ],
    ids=["all", "stage", "video", "neither"],
)
def test_retry_lets_given_up_units_start_over(world, stages, videos, again):
    give_up(world, ("cycles", "0001"), ("findings", "0002"))
    assert world.run() == []
    reopened = reopen_failed(planned(world), world.store, stages=stages, videos=videos)
    assert {(unit.stage, unit.video_id) for unit in reopened} == again
    for unit in again:
        assert world.plan()[unit].action == "run"
        assert world.plan()[unit].why[0].startswith("to be tried again, failed before: ValueError")
    assert {unit for unit in world.run() if unit[0] != "rewriting"} >= again
    for unit in again:
        assert world.plan()[unit].record.attempt == 1


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda f: flip(f / ARTIFACT_FILE), "other bytes than were written"),
        (lambda f: (f / ARTIFACT_FILE).unlink(), "missing"),
        (lambda f: (f / UNIT_FILE).unlink(), "unit.json missing"),
        (lambda f: (f / UNIT_FILE).write_text("{}"), "damaged"),
        (lambda f: f.rename(f.with_name("0" * 16)), "belongs to another unit"),
    ],
    ids=["same size", "artifact lost", "record lost", "record empty", "moved"],
)
def test_verify_finds_every_damage_and_the_next_run_makes_it_anew(world, damage, problem):
    world.run()
    before = world.current()
    assert damages(world) == []
    assert sum(isinstance(x, UnitRecord) for x in verify(world.stages, world.store)) == 8
    damage(world.folder("cycles"))
    damage(world.folder("findings", "0002"))
    found = damages(world)
    assert [(one.stage, one.video_id) for one in found] == [
        ("cycles", "0001"),
        ("findings", "0002"),
    ]
    assert all(problem in one.problem for one in found)
    for one in found:
        world.store.set_aside(one.folder)
    assert damages(world) == []
    if "another" not in problem:
        assert world.plan()["cycles", "0001"].why == ("was found damaged and set aside",)
    assert sorted(world.run()) == [("cycles", "0001"), ("findings", "0002")]
    assert world.current() == before


def test_damaged_input_is_never_worked_on(world):
    """No identity could show afterwards that wrong bytes went into an artifact."""
    world.run()
    flip(world.folder("kinematics") / ARTIFACT_FILE)
    world.settings["rule:squat"] = "1"
    assert ("cycles", "0001") not in world.run()
    (failure,) = world.summary.failures
    assert "kinematics of 0001: has other bytes than were written" in failure.reason
    assert world.run()[:2] == [("kinematics", "0001"), ("cycles", "0001")]


def wasted(world, **options):
    return {
        (one.path.relative_to(world.store.root).parts[0], one.why)
        for one in waste(world.stages, planned(world), world.store, **options)
    }


def test_superseded_units_go_once_their_successor_is_there(world):
    world.run()
    assert wasted(world) == set()
    old = world.folder("cycles")
    world.settings["rule:squat"] = "1"
    assert wasted(world) == set(), "they may yet be adopted, or become current again"
    world.run()
    assert wasted(world) == {(stage, "superseded") for stage in STAGES[1:]}
    found = waste(world.stages, planned(world), world.store)
    assert sum(one.size for one in found) == sum(
        file.stat().st_size for one in found for file in one.path.iterdir()
    )
    assert old.is_dir(), "looking deletes nothing"
    before = world.current()
    remove(found)
    assert not old.exists()
    assert world.current() == before and world.run() == []


def test_what_a_release_was_made_from_is_kept(world):
    world.run()
    old = {stage: world.folder(stage) for stage in STAGES}
    published = world.plan()["rewriting", "0001"].record
    note_published(world.store.root, "1.0.0-abc", [published.outputs[0].sha256])
    world.settings["config"] = "1"
    world.run()
    remove(waste(world.stages, planned(world), world.store))
    assert all(folder.is_dir() for folder in old.values()), "with all it was made from"
    assert not any(old["cycles"].parents[1].joinpath("0002").glob(old["cycles"].name))
    links = chain(published, world.stages, world.store)
    assert [link.record.stage for link in links] == [
        "rewriting",
        "findings",
        "cycles",
        "kinematics",
    ]


def test_leftovers_go_when_they_are_old(world):
    world.run()
    left = world.store.video_folder("cycles", "0001") / ".tmp-x-1-y"
    left.mkdir()
    (left / ARTIFACT_FILE).write_bytes(bytes(7))
    assert wasted(world) == set(), "a run may be at it"
    assert wasted(world, leftover_age_s=-1) == {("cycles", "left by a process that was killed")}
    give_up(world, ("cycles", "0001"))
    world.store.set_aside(world.folder("cycles"))
    assert ("cycles", "damaged") in wasted(world)


def test_videos_the_source_does_not_name_are_kept(world):
    world.run()
    world.videos.remove("0002")
    assert wasted(world) == set()


def test_adopted_output_stands_for_the_new_version(world):
    world.run()
    before = world.current()
    old = world.plan()["kinematics", "0001"].record
    world.versions["kinematics"] = 2
    stage = world.stages[0]
    found = candidates(stage, planned(world), world.store)
    assert [(one.unit.video_id, one.obstacle) for one in found] == [("0001", ""), ("0002", "")]
    for one in found:
        adopt(one, world.store, reason="only a comment\nchanged")
    record = world.plan()["kinematics", "0001"].record
    assert record.version == 2
    assert record.adopted.identity == old.identity
    assert record.adopted.reason == "only a comment changed"
    assert (record.timings, record.host, record.outputs) == (old.timings, old.host, old.outputs)
    assert world.run() == [], "the same bytes: nothing downstream changed"
    assert world.current() == before
    assert candidates(stage, planned(world), world.store) == []
    assert world.store.newest("kinematics", "0001") == record


def test_output_of_other_inputs_is_not_adopted(world):
    world.run()
    world.settings["video:0001.mp4"] = "1"
    world.videos.append("0003")
    world.trouble["cycles", "0001"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.run()
    obstacles = {
        one.unit.video_id: one.obstacle
        for one in candidates(world.stages[1], planned(world), world.store)
    }
    assert obstacles == {
        "0001": "upstream:kinematics changed: it was made from other bytes",
        "0003": "there is no older output",
    }
    (bad, _) = candidates(world.stages[1], planned(world), world.store)
    with pytest.raises(UsageError, match="other bytes"):
        adopt(bad, world.store, reason="I want it")


def test_output_with_other_columns_is_not_adopted(world):
    world.run()
    world.schemas["rewriting"] = "1"
    (bad, _) = candidates(world.stages[3], planned(world), world.store)
    with pytest.raises(UsageError, match="its columns are not those of the table"):
        adopt(bad, world.store, reason="only the versions differ")


def test_adopting_needs_a_reason_and_sound_bytes(world):
    world.run()
    world.versions["kinematics"] = 2
    one, other = candidates(world.stages[0], planned(world), world.store)
    with pytest.raises(UsageError, match="without a reason"):
        adopt(one, world.store, reason=" \n")
    flip(world.store.artifact_path(other.old))
    with pytest.raises(DataError, match="other bytes"):
        adopt(other, world.store, reason="fine")
    assert world.actions()["kinematics"] == "run"


def test_chain_ends_at_the_source_and_names_the_run(world):
    with recorded_run(
        world.store.root,
        argv=["run"],
        config={"a": 1},
        execution={},
        on_event=lambda event: None,
        report=print,
    ) as run:
        run_local(world.stages, world.videos, world.store, run.tally, run_id=run.run_id)
    record = world.plan()["rewriting", "0002"].record
    links = chain(record, world.stages, world.store)
    assert len(links) == 4
    assert {link.record.video_id for link in links} == {"0002"}
    assert set(links[-1].record.depends) == {"config", "video:0002.mp4", OUTPUT_SCHEMA}
    for link in links:
        assert link.unit_file.is_file()
        assert link.run["config"] == {"a": 1}
        assert link.run["machine"]["platform"]
        for name, digest in link.record.depends.items():
            if name.startswith("upstream:"):
                (up,) = [x for x in links if x.record.stage == name.removeprefix("upstream:")]
                assert up.record.outputs[0].sha256 == digest
    with pytest.raises(DataError, match="no unit of cycles"):
        unit_with_output(world.store, "cycles", "0002", "0" * 64)


def test_status_counts_units_by_state(world):
    world.videos += ["0003", "0004"]
    give_up(world, ("cycles", "0001"))
    world.trouble["kinematics", "0002"] = ValueError("no")
    world.run()
    world.settings["video:0003.mp4"] = "1"
    counts = stage_counts(planned(world))
    assert {stage: {k: n for k, n in row.items() if n} for stage, row in counts.items()} == {
        "kinematics": {"completed": 3, "open": 1},
        "cycles": {"completed": 2, "given up": 1, "open": 1},
        "findings": {"completed": 2, "blocked": 1, "open": 1},
        "rewriting": {"completed": 2, "blocked": 1, "open": 1},
    }


def test_runs_have_a_rate_and_a_time_left(world, tmp_path):
    folder = open_run(world.store.root, argv=[], config={}, execution={})
    content = json.loads((folder / RUN_FILE).read_text())
    content["started_utc"] = "2026-01-02T03:00:00+00:00"
    (folder / RUN_FILE).write_text(json.dumps(content))
    endings = [
        ("started", 0),
        ("completed", 10),
        ("failed", 20),
        ("skipped", 20),
        ("completed", 30),
    ]
    lines = [
        {
            "kind": kind,
            "stage": "cycles",
            "video": "0001",
            "run": folder.name,
            "utc": datetime(2026, 1, 2, 3, minute, tzinfo=UTC).isoformat(timespec="milliseconds"),
        }
        for kind, minute in endings
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "log.jsonl").write_text(text + '{"kind": "comp')
    (run,) = run_statuses(world.store.root)
    assert run.state == "running"
    assert run.counts == {"completed": 2, "failed": 1, "skipped": 1}
    assert run.units_per_hour == pytest.approx(6.0)
    assert time_left_s(planned(world), [run]) == pytest.approx(3600 * 8 / 6)
    (folder / RUN_FILE).write_text(json.dumps({**content, "pid": 2**22 + 1}))
    (run,) = run_statuses(world.store.root)
    assert run.state == "killed"
    assert time_left_s(planned(world), [run]) is None
    (folder / RUN_FILE).write_text(json.dumps({**content, "host": "elsewhere"}))
    assert run_statuses(world.store.root)[0].state == "running", "its log is young"
    (folder / RUN_FILE).write_text(json.dumps({**content, "outcome": "finished"}))
    assert run_statuses(world.store.root)[0].state == "finished"


def test_run_that_a_disk_does_not_take_is_reported_and_goes_on(world, tmp_path, monkeypatch):
    messages, events = [], []
    with recorded_run(
        tmp_path / "w",
        argv=[],
        config={},
        execution={},
        on_event=events.append,
        report=messages.append,
    ) as run:
        run.log.folder.rename(tmp_path / "gone")
        run.tally.add(Event("completed", "a", "0001"))
    assert [event.kind for event in events] == ["completed"]
    assert len(messages) == 2
    assert "end of the run is not recorded" in messages[0]
    assert "1 lines of the log were lost" in messages[1]


VIDEOS = [f"{number:04}" for number in range(400)]


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_shards_part_the_videos_evenly_and_keep_their_order(count):
    parts = [Shard(number, count).videos(VIDEOS) for number in range(1, count + 1)]
    assert sorted(video for part in parts for video in part) == VIDEOS
    assert all(list(part) == sorted(part) for part in parts)
    # Binomial: five standard deviations around the mean.
    mean = len(VIDEOS) / count
    assert max(map(len, parts)) <= mean + 5 * mean**0.5


IDS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), unique=True)


@given(ids=IDS, more=IDS, count=st.integers(1, 9), data=st.data())
def test_videos_that_come_or_go_move_no_other(ids, more, count, data):
    left = data.draw(st.permutations([video for video in ids if video not in more]))
    for number in range(1, count + 1):
        before = Shard(number, count).videos(ids)
        after = Shard(number, count).videos([*more, *left])
        assert set(after) - set(more) == set(before) - set(more)
        for video in after:
            place = int(hashlib.sha256(video.encode()).hexdigest()[:16], 16)
            assert place % count == number - 1, "from its id alone"


def test_work_folders_of_parts_are_merged_by_copying_their_files(world, make_world, tmp_path):
    world.run()
    joined = make_world(tmp_path / "joined", world.videos)
    for number, video in enumerate(world.videos):
        part = make_world(tmp_path / f"part-{number}", [video])
        part.run()
        shutil.copytree(part.store.root, joined.store.root, dirs_exist_ok=True)
    assert joined.run() == []
    assert joined.current() == world.current()


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "1", "a/b", "1/-2", "1/4 ", "١/٤"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(UsageError, match="no part"):
        shard_named(text)


def test_part_is_read_and_written():
    assert shard_named("3/8") == Shard(3, 8)
    assert str(Shard(3, 8)) == "3/8"
