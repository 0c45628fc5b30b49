"""submit: what is asked of Slurm, and what is refused before anything waits in a queue."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import qevd_bio as package
from tests.cli.calling import data_root_with, qevd_bio

RUN = ("--", "--data-root", "Q D", "--work", "W", "--policy", "paper")
ARRAY = ("submit", "--parts", "4", "--time-h", "1.5")


def test_script_runs_the_command_as_given(tmp_path: Path) -> None:
    done = qevd_bio(*ARRAY, "--gpus", "1", "--print-sbatch", *RUN, cwd=tmp_path)
    assert done.returncode == 0
    assert "#SBATCH --array=1-4\n#SBATCH --time=90\n" in done.stdout
    assert f"--output={tmp_path}/W/slurm/%A_%a.log" in done.stdout
    run = f"{sys.executable} -m qevd_bio run --data-root 'Q D' --work W --policy paper"
    assert f'{run} --shard "$SLURM_ARRAY_TASK_ID/4" &' in done.stdout
    assert "mkdir -p W/slurm" in done.stderr
    assert not (tmp_path / "W").exists(), "printing submits and writes nothing"


def test_submitted_jobs_are_listed_with_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit", reason="submitting needs qevd-bio[slurm]")
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\necho Submitted batch job 77\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    done = qevd_bio(*ARRAY, "--json", *RUN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["jobs"] == ["77_0", "77_1", "77_2", "77_3"]
    assert printed["then"] == (
        "sbatch --dependency=afterany:77 '--wrap=qevd-bio publish --work W'"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((*ARRAY, "--", "--data-rot", "Q"), 2, "No such option: --data-rot"),
        ((*ARRAY, "--", "--work", "W"), 2, "Missing"),
        ((*ARRAY, *RUN, "--shard", "1/2"), 2, "each task has its own --shard"),
        (("submit", "--parts", "0", "--time-h", "1", *RUN), 2, "parts: is 0"),
        (("submit", "--parts", "2", "--time-h", "0.01", *RUN), 2, "minutes: is 1"),
        ((*ARRAY, *RUN), 1, "use --print-sbatch"),
        (("run", "--data-root", "QEVD", "--on", "mars"), 2, "mars"),
        (("run", "--data-root", "QEVD", "--address", "auto"), 2, "Give --on ray"),
        (("run", "--data-root", "QEVD", "--on", "ray", "--workers", "0"), 2, "needs workers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_work_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    data_root_with(tmp_path, [1.69e9])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "submitit", None)
    done = qevd_bio(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_run_on_ray_without_ray_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_root_with(tmp_path, [1.69e9])
    monkeypatch.setitem(sys.modules, "ray", None)
    done = qevd_bio("run", "--data-root", "QEVD", "--on", "ray", cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install 'qevd-bio[ray]'" in done.stderr


def test_the_package_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qevd_bio", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == package.__version__
