"""Arrays of tasks through submitit and through a printed script, on a Slurm of one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qevd_bio.engine.execute import slurm
from qevd_bio.engine.execute.slurm import SlurmArray, sbatch_script, submit_array
from qevd_bio.engine.sharding import Shard
from qevd_bio.errors import EnvironmentProblem, UsageError
from tests.engine import fake_slurm, supervised
from tests.engine.supervised import Site

VIDEOS = 9
ARRAY = SlurmArray(parts=3, minutes=5)


@pytest.fixture
def site(tmp_path, monkeypatch):
    fake_slurm.install(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    )
    return Site(tmp_path / "site", VIDEOS, in_hand={"a": 3})


def command(site):
    return [sys.executable, supervised.__file__, str(site.home), str(VIDEOS), "1", ""]


def clean_bytes(tmp_path):
    clean = Site(tmp_path / "clean", VIDEOS)
    clean.run_serially()
    return clean.current()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def states(tmp_path):
    path = tmp_path / "bin" / "states"
    wait_for(lambda: path.exists() and len(path.read_text().splitlines()) == ARRAY.parts)
    return [line.split("|")[1] for line in path.read_text().splitlines()]


def submitted(site):
    pytest.importorskip("submitit", reason="submitting needs qevd-bio[slurm]")
    jobs = submit_array(ARRAY, command(site), logs=site.store.root / "slurm")
    assert [job.job_id for job in jobs] == [f"{fake_slurm.JOB}_{index}" for index in range(3)]


def printed(site):
    logs = site.store.root / "slurm"
    logs.mkdir(parents=True)
    path = site.home / "array.sh"
    path.write_text(sbatch_script(ARRAY, command(site), logs=logs, folder=site.home))
    subprocess.run(["sbatch", str(path)], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.parametrize("way", [submitted, printed])
def test_an_array_with_a_failing_and_a_requeued_task_ends_as_one_local_run(
    site, tmp_path, monkeypatch, way
):
    """Part 1 holds a unit that fails; the task of part 2 is warned in its first unit."""
    failing, slow = part(1)[0], part(2)[0]
    site.set(faults={f"b/{failing}": "error", f"a/{slow}": "slow once"}, in_hand={"a": 3})
    monkeypatch.setenv("FAKE_SLURM_WARN", "1" if way is submitted else "2")
    monkeypatch.setenv("FAKE_SLURM_WHEN", str(site.home / f"met-a-{slow}"))
    way(site)
    assert states(tmp_path) == ["FAILED", "COMPLETED", "COMPLETED"]
    assert len(list((tmp_path / "bin").glob("lives-*"))) == 1, "queued again once"
    assert site.store.newest("a", slow).attempt == 1, "the unit in progress was finished"
    outcomes = sorted(
        json.loads(path.read_text())["outcome"] for path in site.store.root.glob("runs/*/run.json")
    )
    assert outcomes == ["finished"] * 3 + ["interrupted"]
    assert len(site.current()) == 4 * VIDEOS - 2
    site.set()
    assert site.run() == {"done": 4 * VIDEOS - 2, "completed": 2}
    assert site.current() == clean_bytes(tmp_path)
    assert site.leftovers() == []


def part(number):
    return Shard(number, ARRAY.parts).videos(f"{video:04}" for video in range(VIDEOS))


def test_submitit_s_own_local_executor_runs_the_parts(site, tmp_path):
    pytest.importorskip("submitit", reason="submitting needs qevd-bio[slurm]")
    logs = site.store.root / "slurm"
    jobs = submit_array(SlurmArray(2, 5), command(site), logs=logs, executor="local")
    assert [job.result() for job in jobs] == [0, 0]
    assert site.current() == clean_bytes(tmp_path)


def test_script_asks_for_what_the_array_names(tmp_path):
    array = SlurmArray(
        8, 90, cpus=4, gpus=1, memory_gb=1.5, partition="long", account="lab", at_once=3
    )
    script = sbatch_script(array, ["run", "a b"], logs=tmp_path, folder=tmp_path)
    asked = {line.removeprefix("#SBATCH --") for line in script.splitlines() if "#SBATCH" in line}
    assert asked >= {
        "array=1-8%3",
        "time=90",
        "cpus-per-task=4",
        "gpus-per-node=1",
        "mem=1536M",
        "partition=long",
        "account=lab",
        "requeue",
        "signal=B:USR2@120",
        f"output={tmp_path}/%A_%a.log",
    }
    assert "run 'a b' --shard \"$SLURM_ARRAY_TASK_ID/8\"" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_submitit_is_asked_for_the_same(site, tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="submitting needs qevd-bio[slurm]")
    array = SlurmArray(
        8, 90, cpus=4, gpus=1, memory_gb=1.5, partition="long", account="lab", at_once=3
    )
    (tmp_path / "bin" / "sbatch").write_text(
        f'#!/bin/sh\ncp "$1" {tmp_path / "asked"}\necho Submitted batch job 7\n'
    )
    submit_array(array, ["true"], logs=site.store.root / "slurm")
    asked = set((tmp_path / "asked").read_text().replace("#SBATCH --", "").splitlines())
    assert asked >= {
        "array=0-7%3",
        "time=90",
        "cpus-per-task=4",
        "gpus-per-node=1",
        "mem=1536MB",
        "partition=long",
        "account=lab",
        "requeue",
        "signal=USR2@120",
    }


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"parts": 0}, "parts"),
        ({"minutes": 2}, "minutes"),
        ({"gpus": -1}, "gpus"),
        ({"at_once": 0}, "at_once"),
        ({"memory_gb": 0.0}, "memory_gb"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_that_make_no_sense_are_refused(numbers, words):
    with pytest.raises(UsageError, match=words):
        SlurmArray(**{"parts": 2, "minutes": 60, **numbers})


def test_without_submitit_or_slurm_the_next_step_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "submitit", None)
        with pytest.raises(EnvironmentProblem, match=r"pip install 'qevd-bio\[slurm\]'"):
            submit_array(ARRAY, ["true"], logs=tmp_path / "logs")
    if slurm.importlib.util.find_spec("submitit"):
        with pytest.raises(EnvironmentProblem, match="use --print-sbatch there"):
            submit_array(ARRAY, ["true"], logs=tmp_path / "logs")
