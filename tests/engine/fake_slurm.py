"""A Slurm of one machine behind the names sbatch, srun, sacct and scontrol.

`install` writes the commands into a folder. The tasks of an array run after `sbatch` has
returned; a task with its array index in FAKE_SLURM_WARN gets SIGUSR2 in its first life
as soon as the file FAKE_SLURM_WHEN is there, as before the end of its time.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NAMES = ("sbatch", "srun", "sacct", "scontrol")
JOB = "4242"


def install(folder: Path):
    """Write the commands into a folder."""
    folder.mkdir()
    for name in NAMES:
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} {folder} "$@"\n')
        path.chmod(0o755)


def sbatch(home: Path, script: str):
    text = Path(script).read_text()
    (home / "script").write_text(text)
    subprocess.Popen(
        [sys.executable, __file__, "tasks", str(home), script],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    print(f"Submitted batch job {JOB}")


def tasks(home: Path, script: str):
    text = Path(script).read_text()
    first, last = map(int, re.search(r"--array=(\d+)-(\d+)", text).groups())
    output = re.search(r"--output=(\S+)", text)[1].replace("%A", JOB)
    ask_batch_shell_only = "--signal=B:" in text

    def all_lives(index):
        log = Path(output.replace("%a", str(index)))
        for life in range(4):
            with log.open("a") as file:
                code = task(home, script, index, life, file, ask_batch_shell_only)
            mark = home / f"requeued-{index}"
            if not mark.exists():
                break
            mark.rename(home / f"lives-{index}-{life}")
        return f"{JOB}_{index}|{'COMPLETED' if code == 0 else 'FAILED'}|here\n"

    with ThreadPoolExecutor() as pool:
        (home / "states").write_text("".join(pool.map(all_lives, range(first, last + 1))))


def task(home, script, index, life, file, batch_shell_only):
    environment = {
        **os.environ,
        "SLURM_JOB_ID": str(int(JOB) + index),
        "SLURM_ARRAY_JOB_ID": JOB,
        "SLURM_ARRAY_TASK_ID": str(index),
        "SLURM_RESTART_COUNT": str(life),
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
    }
    shell = subprocess.Popen(
        ["bash", script], env=environment, stdout=file, stderr=file, start_new_session=True
    )
    if life == 0 and str(index) in os.environ.get("FAKE_SLURM_WARN", "").split():
        while not Path(os.environ["FAKE_SLURM_WHEN"]).exists() and shell.poll() is None:
            time.sleep(0.02)
        for pid in [shell.pid] if batch_shell_only else children(shell.pid):
            os.kill(pid, signal.SIGUSR2)
    return shell.wait()


def children(pid):
    """List the processes below a shell: those that srun started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found] + [g for c in found for g in children(int(c))]


def srun(_home: Path, *arguments: str):
    """Run the command; its output goes where the script wants it."""
    rest = list(arguments)
    while rest[0].startswith("-"):
        if rest.pop(0) in ("--output", "--error"):
            rest.pop(0)
    os.execvp(rest[0], rest)


def sacct(home: Path, *_arguments: str):
    states = home / "states"
    print("JobID|State|NodeList")
    print(states.read_text() if states.exists() else "", end="")


def scontrol(home: Path, what: str, job: str):
    assert what == "requeue"
    (home / f"requeued-{job.rpartition('_')[2]}").touch()


if __name__ == "__main__":
    {"tasks": tasks, **{name: globals()[name] for name in NAMES}}[sys.argv[1]](
        Path(sys.argv[2]), *sys.argv[3:]
    )
