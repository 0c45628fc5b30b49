"""What the engine costs: many tiny units, a run with nothing to do, one long unit.

Run ``python -m benchmarks.engine``; needs no recordings. Random histories:
``python -m pytest tests/engine/test_histories.py -m slow``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from qevd_bio.engine.events import RunSummary
from qevd_bio.engine.limits import Limits
from qevd_bio.engine.local import run_local
from qevd_bio.engine.recipe import Recipe
from qevd_bio.engine.runs import recorded_run
from qevd_bio.engine.stage import Resources, Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.supervisor import run_supervised


class TinyStage:
    """Works for a given time and writes a few bytes."""

    version = 1
    resources = Resources()

    def __init__(self, name: str, reads: tuple[str, ...], seconds: float) -> None:
        self.name, self.writes, self.reads, self.seconds = name, name, reads, seconds

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Depend on the time alone."""
        return {"config": hashlib.sha256(str(self.seconds).encode()).hexdigest()}

    def setup(self) -> None:
        """Load nothing."""

    def process(self, video_id: str, inputs: Mapping[str, Path], out: Path) -> Mapping[str, str]:
        """Sleep and write."""
        time.sleep(self.seconds)
        out.write_text(f"{self.name} of {video_id}\n" * 20)
        return {}

    def teardown(self) -> None:
        """Let go of nothing."""


def tiny_stages(seconds: float) -> list[Stage]:
    """Lay four stages one after the other."""
    names = ("one", "two", "three", "four")
    return [TinyStage(n, names[:i][-1:], seconds) for i, n in enumerate(names)]


def timed(work: Path, units: int, seconds: float, workers: int) -> tuple[RunSummary, float, float]:
    """Run and return the summary, wall seconds, and CPU seconds of the supervisor alone."""
    videos = [f"{number:06}" for number in range(units // 4)]
    recipe = Recipe("benchmarks.engine", "tiny_stages", {"seconds": seconds})
    began, cpu = time.perf_counter(), own_cpu_s()
    with recorded_run(work, argv=["benchmark"], config={}, execution={}, notice=print) as run:
        if workers:
            summary = run_supervised(
                recipe,
                recipe.stages(),
                videos,
                Store(work),
                workers=workers,
                limits=Limits(),
                log=run.log,
                on_event=run.count,
                notice=print,
            )
        else:
            summary = run_local(recipe.stages(), videos, Store(work), on_event=run.count)
    return summary, time.perf_counter() - began, own_cpu_s() - cpu


def own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--finished", type=int, default=20_000)
    parser.add_argument("--long-s", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=None, help="where to work")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| what | bar | measured |\n|---|---|---|")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        summary, wall, cpu = timed(Path(name), 2000, 0.001, 4)
        assert summary.counts["completed"] == 2000
        print(
            f"| 2,000 units of 1 ms, four workers, every fsync | 30 s | {wall:.1f} s, "
            f"of these {cpu:.1f} CPU seconds the supervisor's |"
        )
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        timed(Path(name), options.finished, 0.0, 4)
        for workers, where in ((4, "four workers"), (0, "in this process")):
            summary, wall, cpu = timed(Path(name), options.finished, 0.0, workers)
            assert summary.counts["done"] == options.finished
            print(
                f"| {options.finished:,} finished units, nothing to do, {where} | 5 s | "
                f"{wall:.1f} s, {cpu:.1f} CPU seconds |"
            )
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        _, wall, cpu = timed(Path(name), 4, options.long_s / 4, 1)
        print(
            f"| supervisor's share of {options.long_s:g} s of units | 2 % | "
            f"{100 * cpu / wall:.2f} % |"
        )


if __name__ == "__main__":
    main()
