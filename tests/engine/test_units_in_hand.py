"""Workers with several videos in hand: the bytes of one by one, and one bad video costs one."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from qevd_bio.engine.execute.unit_run import UnitRunner
from qevd_bio.engine.execute.worker_process import VideoInHand, Worker, WorkerSpec
from qevd_bio.engine.limits import Limits
from tests.engine.supervised import Site, start

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc to see what became of processes"
)

A_TAKES_FOUR = {"in_hand": {"a": 4}}


@pytest.fixture
def site(tmp_path):
    before = children()
    yield Site(tmp_path / "site", 10, **A_TAKES_FOUR)
    # other files may have left a server of forks
    assert children() <= before


def children():
    """Processes that this one began and has not waited for, dead ones included."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(child) for own in lists for child in own.read_text().split()}


def clean_bytes(tmp_path, videos=10):
    clean = Site(tmp_path / "clean", videos)
    clean.run_serially()
    return clean.current()


def most_at_once(site, stage):
    return max(int(count) for count in site.pids("at-once", stage))


def failures(site):
    return {(f.stage, f.video_id): f.reason for f in site.summary.failures}


def test_only_the_stage_that_takes_several_gets_several_and_no_byte_changes(site, tmp_path):
    site.set(faults={f"a/{video}": "slow" for video in site.videos[:4]}, **A_TAKES_FOUR)
    assert site.run(workers=1) == {"completed": 40}
    assert 1 < most_at_once(site, "a") <= 4
    assert [most_at_once(site, stage) for stage in "bcd"] == [1, 1, 1]
    assert site.current() == clean_bytes(tmp_path)
    ends = Counter((e.video_id, e.stage) for e in site.events if e.kind == "completed")
    assert len(ends) == 40 and set(ends.values()) == {1}
    assert len(site.pids("setups")) == len(site.pids("teardowns")) == 1
    assert site.leftovers() == [] and site.messages == []


def test_the_limit_on_videos_in_hand_is_kept(site):
    site.set(seconds=0.03, **A_TAKES_FOUR)
    assert site.run(workers=1, in_hand=2) == {"completed": 40}
    assert most_at_once(site, "a") <= 2


def test_progress_and_times_are_those_of_each_unit(site):
    site.videos = site.videos[:4]
    site.set(frames=20, pipeline=["a"], **A_TAKES_FOUR)
    site.run(workers=1)
    for video in site.videos:
        counts = [
            e.frames for e in site.events
            if e.kind == "progress" and (e.stage, e.video_id) == ("a", video)
        ]  # fmt: skip
        assert counts == sorted(counts) and {counts[0], counts[-1]} == {0, 20}
        assert site.store.newest("a", video).timings.seconds >= 0.4


# A worker that ends by itself does so with a signal or a code, which test_supervised_run.py names.
FAULTS = {
    "error": "DataError: a-0003: is odd. Look at it",
    "sigkill": "the worker was killed by SIGKILL (out of memory?)",
    "sys.exit": "the worker ended with exit code 1",
    "hang": "no result within 2.5 s",
    "memory": "out of memory: more than 0.15 GB used",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_bad_video_costs_one_and_is_named(site, tmp_path, fault):
    site.set(faults={"a/0003": fault}, seconds=0.02, **A_TAKES_FOUR)
    unit_s = 2.5 if fault == "hang" else 60.0
    counts = site.run(workers=1, unit_s=unit_s, memory_bytes=150_000_000)
    assert counts == {"completed": 36, "failed": 1, "skipped": 3}
    assert failures(site) == {("a", "0003"): FAULTS[fault]}
    assert [path.parent.name for path in site.store.root.rglob("*.failed.json")] == ["0003"]
    assert site.leftovers() == []
    site.set(**A_TAKES_FOUR)
    assert site.run() == {"done": 36, "completed": 4}
    assert site.store.newest("a", "0003").attempt == 2
    assert site.current() == clean_bytes(tmp_path)


def test_two_bad_videos_in_one_hand_cost_two(site):
    site.set(faults={"a/0001": "sigkill", "b/0002": "exit"}, **A_TAKES_FOUR)
    assert site.run(workers=2) == {"completed": 34, "failed": 2, "skipped": 4}
    assert set(failures(site)) == {("a", "0001"), ("b", "0002")}


@pytest.mark.parametrize(("run_id", "kind"), [("this", "completed"), ("the next", "done")])
def test_a_unit_whose_end_was_lost_with_its_worker_belongs_to_the_run_that_made_it(
    site, run_id, kind
):
    video, events = site.videos[0], []
    for name, on_event in (("this", lambda event: None), (run_id, events.append)):
        with closing(UnitRunner(site.stages(), site.store, name)) as runner:
            runner.run_video(video, on_event)
    assert [(e.kind, e.stage) for e in events] == [(kind, stage) for stage in "abcd"]


def test_a_worker_killed_by_somebody_costs_no_unit(site, tmp_path):
    """Its videos run again alone, in the same run; the others share a worker as before."""
    site.set(faults={"a/0002": "sigkill once"}, seconds=0.02, **A_TAKES_FOUR)
    assert site.run(workers=1) == {"completed": 40}
    (message,) = site.messages
    assert "killed by SIGKILL" in message
    assert "its 4 videos run again, each alone, the others at most 2 at once" in message
    assert site.current() == clean_bytes(tmp_path)


def test_memory_that_only_several_need_together_fails_nobody(site):
    """Three videos hold 60 MB each; the worker may hold 190 MB in all, some 30 MB of its own."""
    site.videos = site.videos[:4]
    site.set(faults={f"a/{video}": "hold" for video in site.videos}, in_hand={"a": 3})
    assert site.run(workers=1, memory_bytes=190_000_000) == {"completed": 16}
    assert any("out of memory" in message for message in site.messages)


def test_a_run_that_is_killed_loses_only_what_was_in_hand(site, tmp_path):
    site.set(seconds=0.1, **A_TAKES_FOUR)
    run = start(site, 10, 1)
    wait_for(lambda: list(site.store.units("d")))
    run.kill()
    run.communicate()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in site.pids("setups")))
    kept = len(site.current())
    assert 0 < kept < 40 and not list(site.store.root.rglob("*.failed.json"))
    site.set(**A_TAKES_FOUR)
    assert site.run() == {"done": kept, "completed": 40 - kept}
    assert site.current() == clean_bytes(tmp_path)


def test_an_interrupt_finishes_all_units_in_progress(site):
    site.set(faults={f"a/{video}": "slow" for video in site.videos}, **A_TAKES_FOUR)
    run = start(site, 10, 1)
    wait_for(lambda: len(list(site.home.glob("met-a-*"))) == 4)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130
    assert "stopping: 4 units in progress" in run.stdout.read()
    assert len(site.current()) == 4 and site.leftovers() == []


def test_near_the_end_workers_share_what_is_left(site):
    site.set(faults={f"a/{video}": "slow" for video in site.videos[:4]}, **A_TAKES_FOUR)
    site.videos = site.videos[:4]
    assert site.run(workers=2) == {"completed": 16}
    workers = Counter(e.worker for e in site.events if e.kind == "started" and e.stage == "a")
    assert sorted(workers.values()) == [2, 2]


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class _NoProcess(Worker):
    send = kill = reap = location = None


def test_a_video_that_waits_for_its_turn_is_not_held_to_hang(tmp_path):
    """Its time counts from the last news of the worker, a unit's from its own start."""
    now = time.monotonic()
    spec = WorkerSpec(1, None, tmp_path, "run", tmp_path / "log", Limits(unit_s=60.0))
    worker = _NoProcess(spec, None, state="ready", active_since=now - 50)
    worker.in_hand = {
        "waits": VideoInHand("waits", since=now - 100),
        "works": VideoInHand("works", stage="a", since=now - 50),
    }
    assert worker.limit_breach() is None
    worker.in_hand["works"] = VideoInHand("works", stage="a", since=now - 61)
    assert worker.limit_breach().video_id == "works"
    worker.active_since = now - 61
    assert worker.limit_breach().video_id == "works", "what works is asked first"
    del worker.in_hand["works"]
    assert worker.limit_breach().video_id == "waits", "planning hangs"
