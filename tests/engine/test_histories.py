"""Whatever happened before, the last run leaves what one clean run would have made."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.engine.record import UNIT_FILE, record_from_json
from qevd_bio.errors import EnvironmentProblem

STAGES = ("kinematics", "cycles", "findings", "rewriting")
VIDEOS = ("0001", "0002")
UNITS = st.tuples(st.sampled_from(STAGES), st.sampled_from(VIDEOS))
NAMES = st.sampled_from(["rule:squat", "prompt", "config", "video:0001.mp4"])
STEPS = st.one_of(
    st.tuples(st.just("edit"), NAMES, st.sampled_from("012")),
    st.tuples(st.just("version"), st.sampled_from(STAGES), st.integers(1, 2)),
    st.tuples(st.just("absent"), st.sampled_from(VIDEOS)),
    st.tuples(st.just("present"), st.sampled_from(VIDEOS)),
    st.tuples(st.just("lose"), st.integers(0, 40)),
    st.tuples(st.just("shorten"), st.integers(0, 40)),
    st.tuples(st.just("run")),
    st.tuples(st.just("fail"), UNITS),
    st.tuples(st.just("interrupt"), UNITS),
    st.tuples(st.just("disk full"), st.integers(1, 12)),
)


def apply(world, step):
    """Do one step of a history."""
    match step:
        case ("run",):
            run_as_planned(world)
        case ("fail", unit):
            with_trouble(world, unit, ValueError("no"))
        case ("interrupt", unit):
            with suppress(KeyboardInterrupt):
                with_trouble(world, unit, KeyboardInterrupt())
        case ("disk full", nth):
            with_full_disk(world, nth)
        case ("lose" | "shorten" as damage, number):
            damage_file(world, damage, number)
        case _:
            edit_inputs(world, step)


def edit_inputs(world, step):
    match step:
        case ("edit", name, value):
            world.settings[name] = value
        case ("version", stage, version):
            world.versions[stage] = version
        case ("absent", video):
            world.absent.add(video)
        case ("present", video):
            world.absent.discard(video)


def damage_file(world, damage, number):
    files = sorted(path for path in world.store.root.rglob("*") if path.is_file())
    if files and damage == "lose":
        files[number % len(files)].unlink()
    elif files:
        path = files[number % len(files)]
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def run_as_planned(world):
    """Run, and hold the run against its plan."""
    allowed = {unit for unit, planned in world.plan().items() if planned.action != "done"}
    surely = {
        unit
        for unit, planned in world.plan().items()
        if planned.action in ("run", "retry") and planned.identity and planned.cause is None
    }
    processed = set(world.run())
    assert surely <= processed <= allowed


def with_trouble(world, unit, error):
    world.trouble[unit] = error
    try:
        run_as_planned(world)
    finally:
        world.trouble.clear()


def with_full_disk(world, nth):
    real, calls = os.replace, []

    def replace(*args):
        calls.append(args)
        if len(calls) >= nth:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with suppress(EnvironmentProblem):
            world.run()


def check_clean_disk(world):
    assert world.leftovers() == []
    for path in world.store.root.rglob(UNIT_FILE):
        record_from_json(path.read_text(), where=str(path))


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(STEPS, max_size=7))
def test_any_history_ends_as_one_clean_run(make_world, steps):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        world = make_world(Path(folder) / "work", VIDEOS)
        for step in steps:
            apply(world, step)
            assert world.leftovers() == []
        run_as_planned(world)
        clean = make_world(Path(folder) / "clean", VIDEOS)
        clean.settings, clean.versions, clean.absent = (
            world.settings,
            world.versions,
            world.absent,
        )
        clean.run()
        assert world.current() == clean.current()
        assert len(world.current()) == 4 * (len(VIDEOS) - len(world.absent))
        assert {unit.video_id for unit in world.summary.failures} == world.absent
        assert world.run() == []
        if "shorten" not in [step[0] for step in steps]:
            check_clean_disk(world)
