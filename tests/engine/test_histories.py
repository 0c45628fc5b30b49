"""After any history, the last run gives the result of one clean serial run."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qevd_bio.engine.maintain.failures import Damage, reopen_failed, verify
from qevd_bio.engine.maintain.garbage import note_published, noted_releases, remove, waste
from qevd_bio.engine.plan import plan
from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE, record_from_json
from qevd_bio.engine.unit_files import read_unit
from qevd_bio.errors import DataError, EnvironmentProblem
from tests.engine.supervised import Site, start
from tests.engine.table_world import TableWorld

VIDEOS = ("0001", "0002")


def steps_for(stages, names):
    units = st.tuples(st.sampled_from(stages), st.sampled_from(VIDEOS))
    any_file = st.integers(0, 40)
    return st.one_of(
        st.tuples(st.just("edit"), st.sampled_from(names), st.sampled_from("012")),
        st.tuples(st.just("version"), st.sampled_from(stages), st.integers(1, 2)),
        st.tuples(st.just("schema"), st.sampled_from(stages), st.sampled_from("01")),
        st.tuples(st.just("absent"), st.sampled_from(VIDEOS)),
        st.tuples(st.just("present"), st.sampled_from(VIDEOS)),
        st.tuples(st.just("lose"), any_file),
        st.tuples(st.just("shorten"), any_file),
        st.tuples(st.just("corrupt"), any_file),
        st.tuples(st.just("run")),
        st.tuples(st.just("kill"), st.integers(1, 60)),
        st.tuples(st.just("fail"), units),
        st.tuples(st.just("interrupt"), units),
        st.tuples(st.just("disk full"), st.integers(1, 60)),
        st.tuples(st.just("retry")),
        st.tuples(st.just("verify")),
        st.tuples(st.just("gc")),
        st.tuples(st.just("publish")),
        st.tuples(st.just("publish and die"), st.integers(1, 60)),
        st.tuples(st.just("die between note and release")),
        st.tuples(st.just("exchange"), units, st.sampled_from(names), st.sampled_from("012")),
        st.tuples(st.just("nonsense"), st.sampled_from(VIDEOS), st.sampled_from(NONSENSE)),
    )


def apply(world, step):  # noqa: C901  one case a step
    """Do one step of a history."""
    match step:
        case ("run",):
            world.run()
        case ("kill", nth):
            run_and_die(world, nth)
        case ("fail", unit):
            with_trouble(world, unit, ValueError("no"))
        case ("interrupt", unit):
            with suppress(KeyboardInterrupt):
                with_trouble(world, unit, KeyboardInterrupt())
        case ("disk full", nth):
            with_full_disk(world, nth)
        case ("exchange", unit, name, value):
            with_exchange(world, unit, name, value)
        case ("nonsense", video, kind):
            with_nonsense(world, video, kind)
        case ("lose" | "shorten" | "corrupt" as damage, number):
            damage_file(world, damage, number)
        case ("retry",):
            reopen_failed(list(world.plan().values()), world.store, stages=(), videos=())
        case ("verify",):
            verify_all(world)
        case ("gc",):
            collect(world)
        case ("publish",):
            publish(world)
        case ("publish and die", nth):
            die_at(nth, lambda: publish(world))
        case ("die between note and release",):
            publish_and_die_unseen(world)
        case _:
            edit_inputs(world, step)


def edit_inputs(world, step):
    match step:
        case ("edit", name, value):
            world.settings[name] = value
        case ("version", stage, version):
            world.versions[stage] = version
        case ("schema", stage, value):
            world.schemas[stage] = value
        case ("absent", video):
            world.absent.add(video)
        case ("present", video):
            world.absent.discard(video)


def damage_file(world, damage, number):
    files = sorted(path for path in world.store.root.rglob("*") if path.is_file())
    files = [path for path in files if "published" not in path.parts]
    if damage == "corrupt":
        files = [path for path in files if path.name == ARTIFACT_FILE]
    if not files:
        return
    path = files[number % len(files)]
    content = path.read_bytes()
    if damage == "lose":
        path.unlink()
    elif damage == "shorten":
        path.write_bytes(content[: len(content) // 2])
    elif content:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def writes_that_meet(happening):
    """Patch the functions that write to the disk; `happening` receives every call first."""
    patch = pytest.MonkeyPatch()
    for name in ("rename", "replace", "fsync"):
        real = getattr(os, name)

        def wrapped(*args, real=real, **kwargs):
            happening()
            return real(*args, **kwargs) if real.__name__ != "fsync" else None

        patch.setattr(os, name, wrapped)
    return patch


def run_and_die(world, nth):
    """Run in a process that is killed by SIGKILL at its nth write."""
    die_at(nth, world.run)


def publish_and_die_unseen(world):
    """Publish in a process that is killed when the release is noted and not yet there."""
    if not isinstance(world, TableWorld):
        return
    child = os.fork()
    if child == 0:
        rename = Path.rename

        def dying(path, target):
            if Path(target).parent == world.releases:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(path, target)

        try:
            Path.rename = dying
            publish(world)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def die_at(nth, work):
    """Do some work in a process that is killed by SIGKILL at its nth write."""
    child = os.fork()
    if child == 0:
        calls = []

        def happening():
            calls.append(None)
            if len(calls) == nth:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            writes_that_meet(happening)
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def with_trouble(world, unit, error):
    world.trouble[unit] = error
    try:
        world.run()
    finally:
        world.trouble.clear()


NONSENSE = (
    DataError("number 1e999 is out of range", where="record 1", next_step="x"),
    MemoryError(),
    RecursionError("maximum recursion depth exceeded"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ValueError("\x1b[31m embedded null byte \x00"),
    OverflowError("int too large to convert to float"),
)
"""What reading a record or file of nonsense raises; in the one video that has it."""


def with_exchange(world, unit, name, value):
    """Exchange a source while a unit is made from it, so that the unit is not kept."""
    world.exchange[unit] = (name, value)
    try:
        world.run()
    finally:
        world.exchange.clear()


def with_nonsense(world, video, kind):
    """Run with a record that cannot be read: only its own video fails."""
    world.nonsense[video] = kind
    try:
        world.run()
        failed = {failure.video_id for failure in world.summary.failures}
        assert failed - world.absent <= {video}
    finally:
        world.nonsense.clear()


def with_full_disk(world, nth):
    calls = []

    def happening():
        calls.append(None)
        if len(calls) >= nth:
            raise OSError(errno.ENOSPC, "No space left on device")

    patch = writes_that_meet(happening)
    try:
        with suppress(EnvironmentProblem):
            world.run()
    finally:
        patch.undo()


def verify_all(world):
    for found in list(verify(world.stages, world.store)):
        if isinstance(found, Damage):
            world.store.set_aside(found.folder)


def collect(world):
    before = world.current()
    planned = list(world.plan().values())
    published = published_units(world)
    remove(waste(world.stages, planned, world.store, leftover_age_s=-1.0))
    assert world.leftovers() == []
    assert world.current() == before
    assert published_units(world) == published, "what a release was made of stays"


def published_units(world):
    """Return the units there are of what the releases were made of; a history may damage some."""
    if not isinstance(world, TableWorld):
        return set()
    wanted = world.published_artifacts()
    records = [
        read_unit(folder).record
        for stage in world.stages
        for folder in world.store.units(stage.name)
    ]
    return {
        output.sha256
        for record in records
        if record is not None
        for output in record.outputs
        if output.sha256 in wanted
    }


def publish(world):
    if isinstance(world, TableWorld):
        world.publish_noted()
    elif world.current():
        world.publish()
        records = [unit.record for unit in world.plan().values() if unit.record]
        digests = [record.outputs[0].sha256 for record in records if record.outputs]
        note_published(world.store.root, "release", digests)


def check_end(world, clean):
    """Repair a damaged folder by the documented commands, and compare with a clean run."""
    verify_all(world)
    apply(world, ("retry",))
    planned = {unit for unit, found in world.plan().items() if found.action != "done"}
    processed = world.run()
    assert set(processed) <= planned
    if any(failure.video_id not in world.absent for failure in world.summary.failures):
        raise AssertionError(world.summary.failures)
    clean.settings, clean.versions, clean.absent = world.settings, world.versions, world.absent
    clean.schemas = world.schemas
    clean.run()
    assert world.current() == clean.current()
    assert len(world.current()) == len(world.stages) * (len(VIDEOS) - len(world.absent))
    if world.current():
        assert world.publish() == clean.publish()
    collect(world)
    assert world.run() == []
    for path in world.store.root.rglob(UNIT_FILE):
        record_from_json(path.read_text(), where=str(path))


TOY = steps_for(
    ("kinematics", "cycles", "findings", "rewriting"),
    ("rule:squat", "prompt", "config", "video:0001.mp4"),
)
TABLES = steps_for(
    TableWorld.pipeline,
    ("rule:squat", "prompt", "config", "video:0001.mp4"),
)


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(TOY, max_size=8))
def test_any_history_ends_as_one_clean_run(make_world, steps):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        world = make_world(Path(folder) / "work", VIDEOS)
        for step in steps:
            apply(world, step)
        check_end(world, make_world(Path(folder) / "clean", VIDEOS))


def test_the_world_of_the_long_form_can_be_published(tmp_path):
    """Kept in the normal tests, so that the long form does not rot between its runs."""
    world = TableWorld(tmp_path / "work", VIDEOS)
    world.run()
    assert world.summary.failures == ()
    assert {name.partition("/")[0] for name in world.publish()} >= set(TableWorld.pipeline)


def test_a_kill_between_note_and_release_loses_nothing(tmp_path):
    world = TableWorld(tmp_path / "work", VIDEOS)
    world.run()
    publish_and_die_unseen(world)
    (noted,) = noted_releases(world.store.root)
    assert noted.startswith("1.0.0-") and not (world.releases / "1.0.0").exists()
    world.publish_noted()
    assert noted_releases(world.store.root) == [noted], "the same bytes, so the same note"
    units = published_units(world)
    assert len(units) == len(world.stages) * len(VIDEOS)
    world.settings["config"] = "2"
    world.run()
    collect(world)
    assert published_units(world) == units


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(TABLES, min_size=3, max_size=10))
def test_any_history_publishes_the_files_of_one_clean_run(tmp_path_factory, steps):
    """The long form: real tables, published as a release, file by file."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        world = TableWorld(Path(folder) / "work", VIDEOS)
        for step in steps:
            apply(world, step)
        check_end(world, TableWorld(Path(folder) / "clean", VIDEOS))


WORKER_STEPS = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from("abcd"), st.sampled_from("012")),
    st.tuples(st.just("run")),
    st.tuples(st.just("kill"), st.integers(1, 120)),
    st.tuples(st.just("fault"), st.sampled_from("abcd"), st.sampled_from(("sigkill", "exit"))),
    st.tuples(st.just("lose"), st.integers(0, 40)),
    st.tuples(st.just("corrupt"), st.integers(0, 40)),
)


def apply_with_workers(site, values, step):
    match step:
        case ("edit", stage, value):
            values[stage] = value
            site.set(values=values)
        case ("fault", stage, fault):
            site.set(values=values, faults={f"{stage}/0001": fault})
            site.run()
            site.set(values=values)
        case ("run",):
            site.run()
        case ("kill", hundredths):
            run = start(site, 3, 2)
            with suppress(subprocess.TimeoutExpired):
                run.wait(hundredths / 100)
            run.kill()
            run.communicate()
        case (damage, number):
            damage_file(site, damage, number)


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(WORKER_STEPS, min_size=2, max_size=6))
def test_any_history_of_workers_ends_as_one_serial_run(steps):
    """The supervisor itself is killed, and its workers die: the bytes are the same."""
    with tempfile.TemporaryDirectory() as folder:
        site, clean, values = Site(Path(folder) / "s", 3), Site(Path(folder) / "c", 3), {}
        for step in steps:
            apply_with_workers(site, values, step)
        for found in list(verify(site.stages(), site.store)):
            if isinstance(found, Damage):
                site.store.set_aside(found.folder)
        planned = plan(site.stages(), site.videos, site.store)
        reopen_failed(planned, site.store, stages=(), videos=())
        site.run()
        clean.set(values=values)
        clean.run_serially()
        assert site.current() == clean.current()
        assert len(site.current()) == 12
