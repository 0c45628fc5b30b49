"""What the engine costs: many tiny units, a run with nothing to do, one long unit.

Run ``python -m benchmarks.engine``; needs no recordings. Random histories:
``python -m pytest tests/engine/test_histories.py -m long``.
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
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.limits import Limits
from qevd_bio.engine.runs import recorded_run
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store


class TinyStage(Stage):
    """Works for a given time and writes a few bytes."""

    version = 1
    schema_digest = "text"

    def __init__(self, name: str, reads: tuple[str, ...], seconds: float) -> None:
        self.name, self.writes, self.reads, self.seconds = name, name, reads, seconds

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Depend on the time alone."""
        return {"config": hashlib.sha256(str(self.seconds).encode()).hexdigest()}

    def process(self, video_id: str, inputs: Mapping[str, Path], out: Path) -> Mapping[str, str]:
        """Sleep and write."""
        time.sleep(self.seconds)
        out.write_text(f"{self.name} of {video_id}\n" * 20)
        return {}


def tiny_stages(seconds: float) -> list[Stage]:
    """Lay four stages one after the other."""
    names = ("one", "two", "three", "four")
    return [TinyStage(n, names[:i][-1:], seconds) for i, n in enumerate(names)]


def timed(work: Path, units: int, seconds: float, workers: int) -> tuple[RunSummary, float, float]:
    """Run and return the summary, wall seconds, and CPU seconds of the supervisor alone."""
    videos = [f"{number:06}" for number in range(units // 4)]
    factory = StageFactory("benchmarks.engine", "tiny_stages", {"seconds": seconds})
    began, cpu = time.perf_counter(), own_cpu_s()
    with recorded_run(
        work,
        argv=["benchmark"],
        config={},
        execution={},
        on_event=lambda event: None,
        report=print,
    ) as run:
        if workers:
            summary = run_supervised(
                factory,
                factory.stages(),
                videos,
                Store(work),
                run,
                workers=workers,
                limits=Limits(),
            )
        else:
            summary = run_local(factory.stages(), videos, Store(work), run.tally)
    return summary, time.perf_counter() - began, own_cpu_s() - cpu


def print_scale(folder: Path | None, units: int) -> None:
    """Print the cost of very many units: writing them, checking them, their files."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for what in ("written", "checked"):
            _, wall, cpu = timed(Path(name), units, 0.0, 0)
            print(f"| {units:,} units {what}, one process | {1e6 * wall / units:.0f} us a unit "
                  f"({wall:.0f} s, {cpu:.0f} CPU seconds) |")  # fmt: skip
        found = [path.lstat() for path in Path(name).rglob("*") if "runs" not in path.parts]
        blocks = sum(512 * one.st_blocks for one in found)
        print(f"| ... files and folders | {len(found) / units:.2f} a unit |")
        print(f"| ... on the disk | {blocks / units:.0f} bytes a unit |")


def print_folders(folder: Path | None, entries: int) -> None:
    """Compare one folder of very many entries with two levels of 256 by hash."""
    for what in ("one folder", "two levels by hash"):
        with tempfile.TemporaryDirectory(dir=folder) as name:
            home = Path(name)
            if what != "one folder":
                for first in range(256):
                    (home / f"{first:02x}").mkdir()
            places = []
            for number in range(entries):
                digest = hashlib.sha256(str(number).encode()).hexdigest()
                parent = home if what == "one folder" else home / digest[:2]
                places.append(parent / f"{number:06}")
            began = time.perf_counter()
            for place in places:
                place.mkdir()
            made = time.perf_counter()
            for place in places[::-7]:
                place.stat()
            seen = time.perf_counter()
            listed = sum(1 for _ in os.scandir(home))
            print(
                f"| {entries:,} folders in {what} | {1e6 * (made - began) / entries:.0f} us to "
                f"make one, {7e6 * (seen - made) / entries:.1f} us to find one, "
                f"{listed:,} entries listed in {time.perf_counter() - seen:.2f} s |"
            )


def own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--finished", type=int, default=20_000)
    parser.add_argument("--long-s", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=None, help="where to work")
    parser.add_argument("--scale", type=int, nargs="*", help="only: cost of so many units")
    options = parser.parse_args()
    if options.scale is not None:
        print("| what | measured |\n|---|---|")
        for units in options.scale:
            print_scale(options.folder, units)
        print_folders(options.folder, 100_000)
        return
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
