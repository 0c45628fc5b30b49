"""Runs of `working_stages` in worker processes, for tests and for scripts under test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from qevd_bio.engine.events import Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.execute.ray_run import run_on_ray
from qevd_bio.engine.execute.stage_factory import stage_factory_of
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.limits import Limits
from qevd_bio.engine.plan import current_artifacts, plan
from qevd_bio.engine.runs import recorded_run
from qevd_bio.engine.sharding import shard_named
from qevd_bio.engine.store import Store
from tests.engine import working_stages


class Site:
    """A folder with settings, a store and runs."""

    def __init__(self, home: Path, videos=6, address=None, **settings):
        self.address = address
        self.home, self.store = home, Store(home / "work")
        self.videos = [f"{number:04}" for number in range(videos)]
        home.mkdir(exist_ok=True)
        self.set(**settings)
        self.messages, self.events = [], []

    def set(self, **settings):
        working_stages.write_settings(self.home / "settings.json", **settings)

    def stages(self):
        return working_stages.stages(self.home)

    def run(self, workers=2, **limits):
        def on_event(event):
            self.events.append(event)
            self.on_event(event)

        with recorded_run(
            self.store.root,
            argv=[],
            config={},
            execution={},
            on_event=on_event,
            report=self.messages.append,
        ) as run:
            self.log = run.log
            self.summary = self.execute(run, workers, Limits(**limits))
        return {name: count for name, count in self.summary.counts.items() if count}

    def on_event(self, event):
        """Meet an event; to be replaced."""

    def execute(self, run, workers, limits):
        run_them = partial(run_on_ray, address=self.address) if self.address else run_supervised
        return run_them(
            stage_factory_of(working_stages.stages, home=str(self.home)),
            self.stages(),
            self.videos,
            self.store,
            run,
            workers=workers,
            limits=limits,
        )

    def run_serially(self):
        return run_local(self.stages(), self.videos, self.store, Tally(lambda event: None))

    def current(self):
        planned = plan(self.stages(), self.videos, self.store)
        found = current_artifacts(planned, self.store)
        return {
            (video, stage): path.read_bytes()
            for video, paths in found.items()
            for stage, path in paths.items()
        }

    def pids(self, word, stage="a"):
        path = self.home / f"{word}-{stage}"
        return path.read_text().split() if path.exists() else []

    def leftovers(self):
        return [path for path in self.store.root.rglob("*") if path.name.startswith(".tmp-")]

    def log_lines(self):
        return [json.loads(line) for line in (self.log.folder / "log.jsonl").open()]


def start(site, videos, workers):
    """Run in another process, which can be interrupted or killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, __file__, str(site.home), str(videos), str(workers), site.address or ""],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


if __name__ == "__main__":
    # HOME VIDEOS WORKERS ADDRESS [--shard I/N]: a run that a test can interrupt or kill.
    site = Site.__new__(Site)
    site.home, site.store = Path(sys.argv[1]), Store(Path(sys.argv[1]) / "work")
    site.videos = [f"{number:04}" for number in range(int(sys.argv[2]))]
    site.address, site.events = sys.argv[4], []
    if sys.argv[5:]:
        site.videos = shard_named(sys.argv[6]).videos(site.videos)
    site.messages = type("Out", (), {"append": staticmethod(lambda text: print(text, flush=True))})
    with suppress(KeyboardInterrupt):
        print(json.dumps(site.run(workers=int(sys.argv[3]))), flush=True)
        sys.exit(3 if site.summary.failures else 0)
    sys.exit(130)
