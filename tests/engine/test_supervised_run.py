"""Workers that die, hang, use up memory or cannot write: each costs one unit, with its cause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from qevd_bio.engine.execute.supervisor import MAX_LOSSES
from qevd_bio.engine.limits import Limits, resident_bytes, sensible_workers, visible_gpus
from qevd_bio.engine.plan import plan
from qevd_bio.errors import EnvironmentProblem, UsageError
from tests.engine import working_stages
from tests.engine.supervised import Site, start

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc to see what became of processes"
)


def children() -> set[int]:
    """Return this process's children, the dead that nobody waited for among them."""
    threads = Path("/proc/self/task").glob("*/children")
    return {int(pid) for thread in threads for pid in thread.read_text().split()}


@pytest.fixture
def no_children_left():
    # Other tests' fork servers and resource trackers live on to the end of the process.
    before = children()
    yield
    assert children() - before == set()


@pytest.fixture
def site(tmp_path, no_children_left):
    return Site(tmp_path / "site")


def clean_bytes(tmp_path, videos):
    clean = Site(tmp_path / "clean", videos)
    clean.run_serially()
    return clean.current()


def test_workers_leave_the_bytes_of_a_serial_run(site, tmp_path):
    assert site.run(workers=3) == {"completed": 24}
    assert site.current() == clean_bytes(tmp_path, 6)
    assert len(site.current()) == 24
    pids = site.pids("setups")
    assert 1 <= len(pids) == len(set(pids)) <= 3, "once a worker"
    assert sorted(site.pids("teardowns")) == sorted(pids)
    ends = [(e.video_id, e.stage) for e in site.events if e.kind == "completed"]
    assert len(ends) == len(set(ends)) == 24
    assert {e.worker for e in site.events} <= {1, 2, 3}
    assert site.leftovers() == []


def test_log_has_a_line_a_happening_with_run_stage_and_video(site):
    site.run()
    lines = site.log_lines()
    assert {line["run"] for line in lines} == {site.log.folder.name}
    completed = {(x["video"], x["stage"]) for x in lines if x["kind"] == "completed"}
    assert completed == {(video, stage) for video in site.videos for stage in "abcd"}


def test_nothing_to_do_starts_no_worker(site):
    site.run()
    before = site.pids("setups")
    assert site.run() == {"done": 24}
    assert site.pids("setups") == before
    assert list(site.log.folder.glob("worker-*")) == []


FAULTS = {
    "sigkill": "the worker was killed by SIGKILL (out of memory?)",
    "segfault": "the worker was killed by SIGSEGV",
    "exit": "the worker ended with exit code 7",
    "hang": "no result within 1.5 s",
    "deaf": "no result within 1.5 s",
    "memory": "out of memory: more than 0.15 GB used",
    "disk full": "OSError: [Errno 28] No space left on device",
    "error": "DataError: b-0006: is odd. Look at it",
}


def test_each_fault_costs_one_unit_and_names_its_cause(tmp_path, no_children_left):
    site = Site(tmp_path / "site", 10)
    faults = {f"b/{number:04}": fault for number, fault in enumerate(["", *FAULTS])}
    faults["b/0006"], faults["b/0008"] = "error", faults["b/0006"]
    site.set(faults=faults)
    counts = site.run(workers=4, unit_s=1.5, memory_bytes=150_000_000)
    assert counts == {"completed": 2 * 4 + 8 * 2, "failed": 8, "skipped": 8}
    reasons = {f.video_id: f.reason for f in site.summary.failures}
    assert sorted(reasons.values()) == sorted(FAULTS.values())
    assert {f.stage for f in site.summary.failures} == {"b"}
    assert site.leftovers() == []
    hung = [p.read_text() for p in site.log.folder.glob("worker-*.log")]
    assert any("working_stages.py" in text and "in act" in text for text in hung)
    for failure in site.summary.failures:
        record = site.store.newest("b", failure.video_id)
        assert (record.status, record.reason) == ("failed", failure.reason)
        assert record.run_id == site.log.folder.name
    site.set()
    assert site.run() == {"done": 24, "completed": 16}
    assert site.current() == clean_bytes(tmp_path, 10)


def test_unit_that_was_finished_before_its_worker_died_is_kept(site):
    # The fault of d comes when a, b and c of the video are in the store.
    site.set(faults={"d/0002": "sigkill once"})
    assert site.run() == {"completed": 23, "failed": 1}
    assert site.run() == {"completed": 1, "done": 23}
    assert site.store.newest("d", "0002").attempt == 2


def test_what_a_dead_worker_started_ends_with_it(site):
    site.set(faults={"a/0001": "orphan"})
    assert site.run()["failed"] == 1
    pid = (site.home / "orphan").read_text()
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or state(pid) == "Z")


def test_megabytes_of_output_block_nothing(site):
    site.set(faults={f"a/{video}": "chatter" for video in site.videos})
    assert site.run() == {"completed": 24}
    assert sum(p.stat().st_size for p in site.log.folder.glob("worker-*.log")) > 3_000_000


def test_worker_is_replaced_after_so_many_videos(site):
    assert site.run(workers=1, recycle_after=2) == {"completed": 24}
    assert len(set(site.pids("setups"))) == 3
    assert len(site.pids("teardowns")) == 3
    assert site.messages == [], "nothing went wrong"


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("error", "is odd"), ("exit", "the library gave up"), ("hang", "still setting up a after")],
)
def test_stage_that_cannot_be_set_up_stops_the_run_with_its_cause(site, fault, cause):
    site.set(setup_faults={"a": fault})
    with pytest.raises(EnvironmentProblem, match=cause):
        site.run(start_s=1.0)
    assert not list(site.store.root.rglob("*.failed.json")), "no video is to blame"


def test_worker_that_hangs_before_it_is_ready_stops_the_run_with_its_last_lines(site):
    site.set(start_fault="hang")
    with pytest.raises(EnvironmentProblem, match=r"still starting after 1 s: .*a slow import"):
        site.run(start_s=1.0)
    assert not list(site.store.root.rglob("*.failed.json")), "no video is to blame"


def test_worker_that_cannot_start_leaves_its_work_to_the_others(site, tmp_path):
    site.set(setup_faults={"a": "exit once"})
    assert site.run(workers=2) == {"completed": 24}
    (message,) = site.messages
    assert "is given up" in message and "the library gave up" in message


@pytest.mark.parametrize("name", ["version", "schema_digest"])
def test_worker_with_other_stages_than_the_run_ends_it(site, monkeypatch, name):
    """A worker imports the code again: it may have been changed since the run began."""
    monkeypatch.setattr(working_stages.WorkingStage, name, "changed")
    with pytest.raises(EnvironmentProblem, match="the code has changed meanwhile"):
        site.run()


def test_worker_that_is_killed_while_it_loads_is_replaced(site):
    """Else a single kill would end a run with one worker after hours."""
    site.set(setup_faults={"a": "sigkill once"})
    assert site.run(workers=1) == {"completed": 24}
    (message,) = site.messages
    assert "killed by SIGKILL" in message and "given up" not in message
    assert not list(site.store.root.rglob("*.failed.json"))


def test_worker_that_is_always_killed_while_it_loads_ends_the_run(site):
    site.set(setup_faults={"a": "sigkill"})
    with pytest.raises(EnvironmentProblem, match="killed by SIGKILL"):
        site.run(workers=1)
    assert len(site.messages) == MAX_LOSSES + 1


def test_two_runs_on_one_folder_leave_one_whole_set_and_share_the_work(tmp_path, no_children_left):
    site = Site(tmp_path / "site", 20, seconds=0.03)
    other = start(site, 20, 2)
    site.run()
    assert other.wait(60) == 0
    assert site.current() == clean_bytes(tmp_path, 20)
    folders = [path for path in site.store.root.glob("[abcd]/*/*")]
    assert len(folders) == 80, "no second folder, no failure, no leftover"
    # Without a look at the other run's units, nearly every unit is begun twice.
    logs = [path.read_text() for path in site.store.root.glob("runs/*/log.jsonl")]
    assert len(logs) == 2
    assert sum(text.count('"kind":"started"') for text in logs) < 120
    assert site.run() == {"done": 80}


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_interrupt_finishes_the_units_in_hand_and_resumes(site, tmp_path):
    site.set(faults={"b/0000": "slow", "b/0001": "slow"})
    run = start(site, 6, 2)
    wait_for((site.home / "met-b-0000").exists)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130
    assert "units in progress are being finished" in run.stdout.read()
    assert list(site.store.units("b"))
    assert len(site.current()) < 24
    assert site.leftovers() == [] and not list(site.store.root.rglob("*.failed.json"))
    site.run()
    assert site.current() == clean_bytes(tmp_path, 6)


def test_second_interrupt_stops_at_once(site):
    site.set(faults={"a/0000": "hang"})
    run = start(site, 1, 1)
    wait_for((site.home / "met-a-0000").exists)
    run.send_signal(signal.SIGINT)
    run.stdout.readline()
    begun = time.monotonic()
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130
    assert time.monotonic() - begun < 10
    assert site.leftovers() == [] and site.current() == {}


def test_workers_end_with_a_supervisor_that_was_killed(site):
    site.set(faults={"a/0000": "hang"})
    run = start(site, 1, 1)
    wait_for(lambda: site.pids("setups"))
    (pid,) = site.pids("setups")
    run.kill()
    run.wait()
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or state(pid) == "Z")


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def small_disk(place):
    """Mount a real file system of 400 KiB."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)], check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_full_disk_is_named_and_the_others_finish(site, tmp_path):
    """One unit asks for more than there is."""
    with small_disk(site.store.root):
        site.set(faults={"b/0003": "fill"})
        assert site.run(workers=1) == {"completed": 22, "failed": 1, "skipped": 1}
        (failure,) = site.summary.failures
        assert "No space left on device" in failure.reason
        site.set()
        site.run()
        assert site.current() == clean_bytes(tmp_path, 6)


def test_folder_that_is_read_only_can_be_planned_but_not_worked_in(site, tmp_path):
    def remount(how):
        subprocess.run(["mount", "-o", f"remount,{how}", str(site.store.root)], check=True)

    with small_disk(site.store.root):
        site.set(faults={"b/0003": "error"})
        site.run(workers=1)
        site.set()
        remount("ro")
        actions = {unit.action for unit in plan(site.stages(), site.videos, site.store)}
        assert actions == {"done", "retry", "blocked"}
        with pytest.raises(EnvironmentProblem, match="Read-only file system"):
            site.run()
        remount("rw")
        assert site.run() == {"done": 22, "completed": 2}
        assert site.current() == clean_bytes(tmp_path, 6)


@pytest.mark.parametrize("name", ["unit_s", "start_s", "memory_bytes", "recycle_after", "in_hand"])
def test_limits_must_be_positive(name):
    with pytest.raises(UsageError, match="is 0"):
        Limits(**{name: 0})


def test_memory_is_that_of_the_process():
    held = bytearray(os.urandom(64 << 20))
    assert resident_bytes(os.getpid()) > len(held)
    assert resident_bytes(2**22 + 1) is None


def test_number_of_workers_follows_gpus_where_a_stage_asks(site, monkeypatch):
    stages = site.stages()
    assert sensible_workers(stages) == len(os.sched_getaffinity(0))
    stages[1].settings = {"gpus": 1}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-7,3")
    assert visible_gpus() == ("0", "GPU-7", "3")
    assert sensible_workers(stages) == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert sensible_workers(stages) == 1


def test_each_worker_sees_one_gpu(site, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    site.set(gpus=1, seconds=0.05)
    site.run(workers=2)
    assert set((site.home / "gpus").read_text().split()) == {"4", "6"}
