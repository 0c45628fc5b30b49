"""A real Ray of two machines, both on this one; one of them is lost in mid-run."""

from __future__ import annotations

import os
import sys
import time

import pytest
from supervised import Site

from qevd_bio.engine.ray_run import run_on_ray

pytest.importorskip("ray", reason="running on Ray needs qevd-bio[ray]")

pytestmark = pytest.mark.slow


class RaySite(Site):
    """The same site, with workers on a Ray cluster."""

    address = None

    def execute(self, recipe, run, told, workers, limits):
        return run_on_ray(
            recipe,
            self.stages(),
            self.videos,
            self.store,
            address=self.address,
            workers=workers,
            limits=limits,
            log=run.log,
            on_event=told,
            notice=self.notices.append,
        )


MACHINE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster():
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setenv("PYTHONPATH", os.pathsep.join(entry or os.getcwd() for entry in sys.path))
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=MACHINE)
    cluster.second = cluster.add_node(**MACHINE)
    patch.setattr(RaySite, "address", cluster.address)
    yield cluster
    cluster.shutdown()
    patch.undo()


@pytest.fixture
def site(tmp_path, cluster):
    return RaySite(tmp_path / "site")


def clean_bytes(tmp_path, videos):
    clean = Site(tmp_path / "clean", videos)
    clean.run_serially()
    return clean.current()


def test_faults_are_recorded_as_on_one_machine_and_cost_one_unit_each(site, tmp_path):
    site.set(faults={"b/0001": "error", "b/0002": "sigkill", "c/0003": "hang"})
    t = time.time()
    counts = site.run(workers=None, unit_s=1.5)
    print(time.time() - t)
    assert counts == {"completed": 18, "failed": 3, "skipped": 3}
    reasons = {(f.stage, f.video_id): f.reason for f in site.summary.failures}
    assert reasons == {
        ("b", "0001"): "DataError: b-0001: is odd. Look at it",
        ("b", "0002"): "the worker was killed by SIGKILL (out of memory?)",
        ("c", "0003"): "no result within 1.5 s",
    }
    for (stage, video), reason in reasons.items():
        record = site.store.newest(stage, video)
        assert (record.status, record.reason, record.attempt) == ("failed", reason, 1)
        assert record.run_id == site.log.folder.name
    assert site.leftovers() == []
    site.set()
    assert site.run(workers=2) == {"done": 18, "completed": 6}
    assert site.current() == clean_bytes(tmp_path, 6)
    assert site.run(workers=2) == {"done": 24}


def test_a_machine_lost_in_mid_run_changes_no_byte(tmp_path, cluster):
    site = RaySite(tmp_path / "site", 12, seconds=0.1)

    def lose(event):
        if event.kind == "completed" and event.video_id > "0003" and cluster.second:
            cluster.remove_node(cluster.second, allow_graceful=False)
            cluster.second = None

    site.on_event = lose
    t = time.time()
    assert site.run(workers=2) == {"completed": 48}
    print(time.time() - t)
    print(site.notices)
    assert any("its machine was lost" in notice for notice in site.notices)
    assert site.current() == clean_bytes(tmp_path, 12)
    assert not list(site.store.root.rglob("*.failed.json")), "no unit is to blame"
