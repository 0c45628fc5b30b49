from __future__ import annotations

import pytest

from qevd_bio.engine.events import Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.plan import current_artifacts, plan
from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE
from qevd_bio.errors import DataError, UsageError

STAGES = ["kinematics", "cycles", "findings", "rewriting"]


def why(world, stage, video_id="0001"):
    return world.plan()[stage, video_id].why


def test_before_the_first_run(world):
    assert world.actions() == dict.fromkeys(STAGES, "run")
    assert why(world, "kinematics") == ("never run",)
    assert why(world, "findings") == ("never run", "waits for kinematics", "waits for cycles")
    assert not world.store.root.exists()


def test_after_a_run_all_is_done_without_reason(world):
    world.run()
    units = world.plan()
    assert len(units) == 8
    assert {(unit.action, unit.why) for unit in units.values()} == {("done", ())}


@pytest.mark.parametrize(
    "name, stage, actions",
    [
        ("rule:squat", "cycles", ["done", "run", "run", "run"]),
        ("prompt", "rewriting", ["done", "done", "done", "run"]),
        ("config", "kinematics", ["run", "run", "run", "run"]),
    ],
)
def test_changed_input_is_named(world, name, stage, actions):
    world.run()
    world.settings[name] = "1"
    assert list(world.actions().values()) == actions
    assert why(world, stage) == (f"{name} changed",)


def test_downstream_names_its_own_change_and_what_it_waits_for(world):
    world.run()
    world.settings["rule:squat"] = "1"
    assert why(world, "findings") == ("rule:squat changed", "waits for cycles")
    assert why(world, "rewriting") == ("waits for findings",)


def test_video_that_changed_concerns_no_other(world):
    world.run()
    world.settings["video:0001.mp4"] = "1"
    assert why(world, "kinematics") == ("video:0001.mp4 changed",)
    assert world.actions("0002") == dict.fromkeys(STAGES, "done")


def test_stage_version_is_named(world):
    world.run()
    world.versions["findings"] = 3
    assert why(world, "findings") == ("stage version 1 -> 3",)


def test_schema_that_changed_is_named_and_read_by_the_identity(world):
    world.run()
    world.schemas["cycles"] = "1"
    assert list(world.actions().values()) == ["done", "run", "run", "run"]
    assert why(world, "cycles") == ("schema of what it writes changed",)
    # The toy artifacts keep their bytes, so what reads them is left alone.
    assert world.run() == [("cycles", "0001"), ("cycles", "0002")]


def test_stage_may_not_name_the_schema_itself(world):
    stage = world.stage("cycles", needs=["schema of what it writes"])
    (unit,) = plan([stage], ["0001"], world.store)
    assert "is the engine's own" in unit.why[0]


def test_upstream_that_changed_is_named(world):
    world.run()
    world.settings["config"] = "1"
    world.trouble["cycles", "0001"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert why(world, "cycles") == ("upstream:kinematics changed",)


@pytest.mark.parametrize(
    "before, after, line",
    [
        (["rule:squat"], ["rule:squat", "rule:plank"], "rule:plank is new"),
        (["rule:squat", "rule:plank"], ["rule:squat"], "rule:plank no longer read"),
    ],
    ids=["more", "fewer"],
)
def test_dependency_that_comes_or_goes_is_named(world, before, after, line):
    first = [world.stage("cycles", needs=before)]
    from_now_on = [world.stage("cycles", needs=after)]
    run_local(first, ["0001"], world.store, Tally(world.events.append))
    (unit,) = plan(from_now_on, ["0001"], world.store)
    assert (unit.action, unit.why) == ("run", (line,))


def lose(path):
    path.unlink()


def shorten(path):
    path.write_bytes(path.read_bytes()[:-2])


def scribble(path):
    path.write_text("{}")


@pytest.mark.parametrize(
    "file, damage, line",
    [
        (ARTIFACT_FILE, lose, "output artifact.parquet missing"),
        (ARTIFACT_FILE, shorten, "output artifact.parquet has "),
        (UNIT_FILE, shorten, "unit.json damaged: malformed JSON at line "),
        (UNIT_FILE, scribble, "unit.json damaged: breaks the schema at $"),
    ],
    ids=["artifact lost", "artifact short", "record cut", "record empty"],
)
def test_damage_is_named_and_made_good(world, file, damage, line):
    world.run()
    before = world.current()
    path = world.folder("cycles") / file
    damage(path)
    unit = world.plan()["cycles", "0001"]
    assert unit.action == "run"
    assert unit.why[0].startswith(line)
    assert why(world, "rewriting") == ("waits for findings",)
    # The same bytes come again, so nothing downstream has to run.
    assert world.run() == [("cycles", "0001")]
    assert world.current() == before


def test_lost_record_reads_as_never_run(world):
    world.run()
    (world.folder("cycles") / UNIT_FILE).unlink()
    assert why(world, "cycles") == ("never run",)
    assert world.run() == [("cycles", "0001")]


def test_failed_unit_is_retried_and_what_reads_it_is_blocked(world):
    world.trouble["cycles", "0001"] = ValueError("two\n lines")
    world.run()
    assert list(world.actions().values()) == ["done", "retry", "blocked", "blocked"]
    assert why(world, "cycles") == ("failed before: ValueError: two lines",)
    reason = ("upstream cycles failed: ValueError: two lines",)
    assert why(world, "findings") == why(world, "rewriting") == reason


def test_inputs_that_cannot_be_read_are_named(world):
    world.absent.add("0001")
    text = "FileNotFoundError: [Errno 2] No such file: '0001.mp4'"
    assert why(world, "kinematics") == (f"inputs unreadable: {text}",)
    assert list(world.actions().values()) == ["run", "blocked", "blocked", "blocked"]
    assert why(world, "rewriting") == (f"upstream kinematics failed: {text}",)
    world.run()
    assert why(world, "kinematics") == (f"failed before: {text}",)
    world.absent.clear()
    assert why(world, "kinematics") == ("inputs were unreadable before",)
    assert world.actions()["kinematics"] == "run"


def test_current_artifacts_are_those_of_the_current_inputs(world):
    world.run()
    world.settings["rule:squat"] = "1"
    planned = plan(world.stages, world.videos, world.store)
    found = current_artifacts(planned, world.store)
    assert {video: sorted(paths) for video, paths in found.items()} == {
        "0001": ["kinematics"],
        "0002": ["kinematics"],
    }
    assert all(path.is_file() for paths in found.values() for path in paths.values())
    world.trouble["findings", "0002"] = ValueError("no")
    world.run()
    found = current_artifacts(plan(world.stages, world.videos, world.store), world.store)
    assert {video: sorted(paths) for video, paths in found.items()} == {
        "0001": sorted(STAGES),
        "0002": ["cycles", "kinematics"],
    }


@pytest.mark.parametrize(
    "specification, error, cause",
    [
        ([("a", ["b"]), ("b", [])], UsageError, "reads 'b', which no earlier stage writes"),
        ([("a", []), ("a", [])], UsageError, "name is taken"),
        ([("runs", [])], UsageError, "name is taken"),
        ([("a", ["a"])], UsageError, "reads 'a'"),
        ([("../a", [])], DataError, "cannot name a folder"),
    ],
    ids=["order", "twice", "reserved", "itself", "path"],
)
def test_stages_that_do_not_fit_are_refused(world, specification, error, cause):
    stages = [world.stage(name, reads=reads) for name, reads in specification]
    with pytest.raises(error, match=cause):
        plan(stages, ["0001"], world.store)


@pytest.mark.parametrize(
    "videos, error", [(["0001", "0001"], UsageError), (["0001", "../2"], DataError)]
)
def test_video_ids_that_cannot_be_used_are_refused(world, videos, error):
    with pytest.raises(error):
        plan(world.stages, videos, world.store)


def test_two_stages_may_not_write_one_artifact(world):
    stages = [world.stage("a"), world.stage("b")]
    stages[1].writes = "a"
    with pytest.raises(UsageError, match="'a' is written already"):
        plan(stages, ["0001"], world.store)
