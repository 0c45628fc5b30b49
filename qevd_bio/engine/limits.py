"""What a worker may take, and what the machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qevd_bio.engine.stage import Stage
from qevd_bio.errors import UsageError

_STATM = "/proc/{pid}/statm"


USUAL_VIDEOS, LEAST_AGE_S = 200, 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker may take.

    Attributes
    ----------
    unit_s : float
        Longest time on one unit, in seconds.
    start_s : float
        Longest time to start, or to set a stage up, in seconds.
    memory_bytes : int or None
        Most resident memory; None: no limit but the operating system's.
    recycle_after : int or None
        Videos after which a worker is replaced by a fresh one; None: `USUAL_VIDEOS`, at the
        earliest after `LEAST_AGE_S`, so that short clips do not pay for loading models again.
    in_hand : int or None
        Most videos at once; None: as many as its stages take.

    Raises
    ------
    UsageError
        A limit is not positive, or memory cannot be watched on this system.
    """

    unit_s: float = 3600.0
    start_s: float = 600.0
    memory_bytes: int | None = None
    recycle_after: int | None = None
    in_hand: int | None = None

    def is_used_up(self, videos: int, age_s: float) -> bool:
        """Return whether a worker of this age has had its videos."""
        if self.recycle_after is None:
            return videos >= USUAL_VIDEOS and age_s >= LEAST_AGE_S
        return videos >= self.recycle_after

    def __post_init__(self) -> None:
        for name in ("unit_s", "start_s", "memory_bytes", "recycle_after", "in_hand"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(
                    f"is {value}", where=f"limit {name}", next_step="Give a positive number"
                )
        if self.memory_bytes is not None and resident_bytes(os.getpid()) is None:
            raise UsageError(
                "cannot be watched on this system, which has no /proc",
                where="limit memory_bytes",
                next_step="Run without a memory limit",
            )


def resident_bytes(pid: int) -> int | None:
    """Ask the system how much memory a process holds; None when the system does not know."""
    try:
        pages = Path(_STATM.format(pid=pid)).read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def visible_gpus() -> tuple[str, ...]:
    """List the GPUs that a CUDA program can use, as CUDA_VISIBLE_DEVICES spells them."""
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is not None:
        return tuple(name.strip() for name in asked.split(",") if name.strip() not in ("", "-1"))
    return tuple(str(index) for index in range(len(gpu_names())))


@lru_cache(maxsize=1)
def gpu_names() -> tuple[str, ...]:
    """Ask the driver for the models of the machine's NVIDIA GPUs."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    listed = subprocess.run(  # noqa: S603  fixed arguments
        [tool, "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tuple(listed.stdout.split("\n")[:-1]) if listed.returncode == 0 else ()


def most_in_hand(stages: Sequence[Stage]) -> int:
    """Return the number of videos that a worker of these stages can have in hand at once."""
    return max([1, *(stage.units_in_hand for stage in stages)])


def sensible_workers(stages: Sequence[Stage]) -> int:
    """Choose a number of workers: one a GPU if a stage asks for one, else by CPUs."""
    if any(stage.resources.gpus for stage in stages):
        return max(1, len(visible_gpus()))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (usable or 1) // max([1, *(stage.resources.cpus for stage in stages)]))
