"""Parts of a run as a Slurm array: through submitit, or as a script for `sbatch`.

Each task of the array runs the ordinary command with its ``--shard``. The files of the work
folder show what is done afterwards, not Slurm.
"""

from __future__ import annotations

import importlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qevd_bio.errors import EnvironmentProblem, UsageError
from qevd_bio.files.atomic import make_folder

WARNING_S = 120
"""Warned so long before its end, a task finishes the units in progress and is queued again."""

MAX_REQUEUES = 10

_GRACE_S = WARNING_S - 15
_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class SlurmArray:
    """An array of tasks that share the videos of a work folder.

    Attributes
    ----------
    parts : int
        Number of tasks; each takes the videos of one shard.
    minutes : int
        Longest time of a task before it is queued again.
    cpus, gpus : int
        Of each task.
    memory_gb : float or None
        Of each task; None: the default of the site.
    partition, account : str or None
        Partition and account of the job; None: the default of the site.
    at_once : int or None
        Most tasks at the same time; None for all.

    Raises
    ------
    UsageError
        A number makes no sense.
    """

    parts: int
    minutes: int
    cpus: int = 1
    gpus: int = 0
    memory_gb: float | None = None
    partition: str | None = None
    account: str | None = None
    at_once: int | None = None

    def __post_init__(self) -> None:
        least = {"parts": 1, "minutes": 1 + WARNING_S // 60, "cpus": 1, "gpus": 0, "at_once": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise UsageError(
                    f"is {value}",
                    where=f"Slurm array, {name}",
                    next_step=f"Give {smallest} or more",
                )
        if self.memory_gb is not None and not self.memory_gb > 0:
            raise UsageError(
                f"is {self.memory_gb}",
                where="Slurm array, memory_gb",
                next_step="Give a positive number",
            )


def sbatch_script(array: SlurmArray, command: Sequence[str], *, logs: Path, folder: Path) -> str:
    """Write the bash script that `sbatch` takes, for sites without submitit.

    A task that is warned finishes the units in progress and queues itself again, up to
    `MAX_REQUEUES` times.

    Parameters
    ----------
    array : SlurmArray
        What to ask Slurm for.
    command : sequence of str
        The run without its ``--shard``.
    logs, folder : Path
        Where the output of the tasks goes, and where they work.
    """
    limit = f"%{array.at_once}" if array.at_once else ""
    asked = {
        "job-name": "qevd-bio",
        "array": f"1-{array.parts}{limit}",
        "time": array.minutes,
        "ntasks": 1,
        "cpus-per-task": array.cpus,
        "gpus-per-node": array.gpus or None,
        "mem": f"{round(array.memory_gb * 1024)}M" if array.memory_gb else None,
        "partition": array.partition,
        "account": array.account,
        "output": logs.absolute() / "%A_%a.log",
        "open-mode": "append",
        "signal": f"B:USR2@{WARNING_S}",
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in asked.items() if value is not None]
    return "\n".join(
        [
            "#!/bin/bash",
            *lines,
            "#SBATCH --requeue",
            "",
            f"cd {shlex.quote(str(folder.absolute()))} || exit 1",
            "stop=0; warned=0",
            "# Forwarded as SIGUSR2, of which a second one is no more urgent.",
            "trap 'stop=1; warned=1; kill -USR2 \"$run\"' USR2",
            "trap 'stop=1; kill -USR2 \"$run\"' TERM",
            f'{shlex.join(command)} --shard "$SLURM_ARRAY_TASK_ID/{array.parts}" &',
            "run=$!",
            'wait "$run"; code=$?',
            'while [ "$stop" = 1 ] && kill -0 "$run" 2>/dev/null; do wait "$run"; code=$?; done',
            f'if [ "$warned" = 1 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {MAX_REQUEUES} ]; then',
            '    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"',
            "fi",
            'exit "$code"',
            "",
        ]
    )


def submit_array(
    array: SlurmArray, command: Sequence[str], *, logs: Path, executor: str = "slurm"
) -> list[Any]:
    """Submit the tasks through submitit, one job a part.

    Parameters
    ----------
    array, command, logs
        As `sbatch_script` takes them.
    executor : str
        submitit's name for what runs the tasks; ``local`` runs them on this machine.

    Raises
    ------
    EnvironmentProblem
        submitit is not installed, there is no Slurm here, or it does not take the array.
    """
    submitit = _submitit()
    parts = range(1, array.parts + 1)
    tasks = [ShardTask([*command, "--shard", f"{part}/{array.parts}"]) for part in parts]
    try:
        make_folder(logs)
        chosen = submitit.AutoExecutor(
            folder=logs.absolute(), cluster=executor, slurm_max_num_timeout=MAX_REQUEUES
        )
        chosen.update_parameters(
            name="qevd-bio",
            timeout_min=array.minutes,
            cpus_per_task=array.cpus,
            gpus_per_node=array.gpus or None,
            mem_gb=array.memory_gb,
            slurm_partition=array.partition,
            slurm_account=array.account,
            slurm_array_parallelism=array.at_once or array.parts,
            slurm_signal_delay_s=WARNING_S,
            slurm_additional_parameters={"requeue": True},
        )
        return list(chosen.submit_array(tasks))
    except (RuntimeError, OSError) as error:
        raise EnvironmentProblem(
            f"Slurm takes no array from here ({' '.join(str(error).split())[:300]})",
            where="submit",
            next_step="Run it where `sbatch` and `srun` are, or use --print-sbatch there",
        ) from error


class ShardTask:
    """What submitit calls in a task of the array: the command, and the handler of a warning."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.pid = 0

    def __call__(self) -> int:
        """Run the command.

        Raises
        ------
        RuntimeError
            It ended with another code than 0; Slurm shall show it.
        """
        process = subprocess.Popen(self.command)  # noqa: S603  our own command
        self.pid = process.pid
        # The warning comes while this waits: it must find no lock taken.
        while _is_running(self.pid):
            time.sleep(_TICK_S)
        code = process.wait()
        if code:
            raise RuntimeError(f"{shlex.join(self.command)} ended with exit code {code}")
        return code

    def checkpoint(self) -> Any:  # noqa: ANN401  submitit's
        """Let the units in progress be finished, and ask for the same task again."""
        if self.pid:
            deadline = time.monotonic() + _GRACE_S
            os.kill(self.pid, signal.SIGUSR2)
            while _is_running(self.pid) and time.monotonic() < deadline:
                time.sleep(_TICK_S)
        return _submitit().helpers.DelayedSubmission(ShardTask(self.command))


def _is_running(pid: int) -> bool:
    """Report whether a child is still running, without reaping it."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None
    except ChildProcessError:
        return False


def _submitit() -> Any:  # noqa: ANN401  a module
    try:
        return importlib.import_module("submitit")
    except ImportError as error:
        raise EnvironmentProblem(
            f"submitit is not installed ({error})",
            where="submit",
            next_step="Install it with `pip install 'qevd-bio[slurm]'`, or use --print-sbatch",
        ) from error
