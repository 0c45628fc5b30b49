"""A real Ray of two machines, both on this one; one of them is lost in mid-run."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path

import pytest

from qevd_bio.cli.main import app
from qevd_bio.engine.execute.ray_run import _WorkerActor
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.worker_process import WorkerSpec
from qevd_bio.engine.limits import Limits
from tests.engine.supervised import Site, start

pytest.importorskip("ray", reason="running on Ray needs qevd-bio[ray]")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MACHINE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # else other work beside the tests starves them
        patch.setenv("PYTHONPATH", os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path))
        cluster = Cluster(initialize_head=True, head_node_args=MACHINE)
        cluster.second = cluster.add_node(**MACHINE)
        yield cluster
        cluster.shutdown()


def clean_bytes(tmp_path, videos):
    clean = Site(tmp_path / "clean", videos)
    clean.run_serially()
    return clean.current()


def test_faults_are_recorded_as_on_one_machine_and_cost_one_unit_each(tmp_path, cluster):
    site = Site(tmp_path / "site", address=cluster.address)
    site.set(faults={"b/0001": "error", "b/0002": "sigkill", "c/0003": "hang", "d/0004": "memory"})
    counts = site.run(workers=None, unit_s=2.5, memory_bytes=150_000_000)
    assert counts == {"completed": 17, "failed": 4, "skipped": 3}
    reasons = {(f.stage, f.video_id): f.reason for f in site.summary.failures}
    assert reasons == {
        ("b", "0001"): "DataError: b-0001: is odd. Look at it",
        ("b", "0002"): "the worker was killed by SIGKILL (out of memory?)",
        ("c", "0003"): "no result within 2.5 s",
        ("d", "0004"): "out of memory: more than 0.15 GB used",
    }
    for (stage, video), reason in reasons.items():
        record = site.store.newest(stage, video)
        assert (record.status, record.reason, record.attempt) == ("failed", reason, 1)
        assert record.run_id == site.log.folder.name
    assert site.leftovers() == []
    places = {x["reason"] for x in site.log_lines() if x["kind"] == "worker placed"}
    assert len(places) >= 2
    site.set()
    site.address = None
    assert site.run() == {"done": 17, "completed": 7}, "a run without Ray goes on from there"
    assert site.current() == clean_bytes(tmp_path, 6)


def test_several_videos_in_hand_run_on_a_cluster_as_on_one_machine(tmp_path, cluster):
    site = Site(tmp_path / "site", 8, address=cluster.address)
    site.set(faults={"a/0002": "sigkill", "a/0005": "hang"}, in_hand={"a": 4}, seconds=0.1)
    assert site.run(workers=1, unit_s=2.5) == {"completed": 24, "failed": 2, "skipped": 6}
    assert {(f.stage, f.video_id) for f in site.summary.failures} == {("a", "0002"), ("a", "0005")}
    assert 1 < max(int(count) for count in site.pids("at-once")) <= 4
    site.set()
    site.address = None
    assert site.run() == {"done": 24, "completed": 8}
    assert site.current() == clean_bytes(tmp_path, 8)


def test_a_machine_that_does_not_see_the_folder_is_named(tmp_path):
    factory = StageFactory("working_stages", "stages", {"home": str(tmp_path)})
    absent = tmp_path / "absent"
    spec = WorkerSpec(1, factory, absent, "run", absent / "worker-1.log", Limits())
    _, prefix, problem = _WorkerActor().start(spec)
    assert prefix == ""
    assert f"{absent}/worker-1.log: worker 1 cannot be started (No such file" in problem
    assert f"(on {platform.node()})" in problem


def test_the_real_pipeline_is_laid_out_where_ray_places_it(tmp_path, cluster, monkeypatch, capsys):
    """Its only video is absent, which a worker on the cluster finds out."""
    home = tmp_path / "QEVD" / "QEVD-FIT-COACH"
    home.mkdir(parents=True)
    record = {
        "long_range_video_file": "./long_range_videos/0300.mp4",
        "video_timestamps": "./long_range_videos/0300_timestamps.npy",
        "feedbacks": [""],
        "feedback_timestamps": [1.69e9],
        "is_transition": [False],
    }
    (home / "feedbacks_long_range.json").write_text(json.dumps([record]))
    monkeypatch.chdir(tmp_path)
    arguments = ["--data-root", "QEVD", "--on", "ray", "--address", cluster.address, "--json"]
    with pytest.raises(SystemExit) as end:
        app(args=["run", *arguments, "--workers", "1"])
    result = json.loads(capsys.readouterr().out)
    assert end.value.code == 3
    counts = result["counts"]
    assert counts == {"completed": 0, "done": 0, "failed": 1, "skipped": counts["skipped"]}
    assert counts["skipped"] >= 5, "every other stage waits for it"
    assert "the video is absent" in result["failures"][0]["reason"]
    (log,) = tmp_path.glob("work/runs/*/log.jsonl")
    assert '"kind":"worker placed"' in log.read_text()


def test_driver_that_is_killed_leaves_what_a_run_resumes(tmp_path, cluster):
    site = Site(tmp_path / "site", address=cluster.address, seconds=0.1)
    run = start(site, 6, 2)
    deadline = time.monotonic() + 60
    while not list(site.store.units("b")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.kill()
    run.communicate()
    pids = site.pids("setups")
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, "workers end with the run"
        time.sleep(0.02)
    kept = len(site.current())
    assert 0 < kept < 24
    site.address = None
    site.set()
    assert site.run() == {"done": kept, "completed": 24 - kept}
    assert site.current() == clean_bytes(tmp_path, 6)


def test_a_machine_lost_in_mid_run_changes_no_byte(tmp_path, cluster):
    site = Site(tmp_path / "site", 12, address=cluster.address, seconds=0.1)

    def lose(event):
        if event.kind == "completed" and event.video_id > "0003" and cluster.second:
            cluster.remove_node(cluster.second, allow_graceful=False)
            cluster.second = None

    site.on_event = lose
    counts = site.run(workers=2)
    # A unit may be finished and its machine be gone before that was reported.
    assert counts.pop("done", 0) + counts.pop("completed") == 48 and counts == {}
    assert any("its machine was lost" in message for message in site.messages)
    assert not list(site.store.root.rglob("*.failed.json")), "no unit is to blame"
    assert site.current() == clean_bytes(tmp_path, 12)
