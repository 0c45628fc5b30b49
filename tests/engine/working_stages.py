"""Stages that a worker process can import, with faults laid out in a JSON file."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from qevd_bio.engine.stage import Resources, Skip, Stage
from qevd_bio.errors import DataError
from qevd_bio.frame_progress import reported

PIPELINE = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


def write_settings(path, **settings):
    path.write_text(json.dumps(settings))


class WorkingStage(Stage):
    """Writes its inputs; before that it does what the settings ask for."""

    version = 1
    schema_digest = "json"

    def __init__(self, name, reads, settings, home):
        self.name, self.writes, self.reads = name, name, reads
        self.settings, self.home = settings, home
        self.now, self.counting = 0, threading.Lock()

    @property
    def resources(self):
        return Resources(gpus=self.settings.get("gpus", 0))

    @property
    def units_in_hand(self):
        return self.settings.get("in_hand", {}).get(self.name, 1)

    def depends(self, video_id):
        value = self.settings.get("values", {}).get(self.name, "0")
        return {"value": hashlib.sha256(value.encode()).hexdigest()}

    def setup(self):
        fault = self.settings.get("setup_faults", {}).get(self.name)
        if fault:
            self.act(fault, f"setup-{self.name}")
        if self.resources.gpus:
            with (self.home / "gpus").open("a") as file:
                file.write(os.environ["CUDA_VISIBLE_DEVICES"] + "\n")
        with (self.home / f"setups-{self.name}").open("a") as file:
            file.write(f"{os.getpid()}\n")

    def process(self, video_id, inputs, out):
        with self.counting:
            self.now += 1
            with (self.home / f"at-once-{self.name}").open("a") as file:
                file.write(f"{self.now}\n")
        try:
            return self.write(video_id, inputs, out)
        finally:
            with self.counting:
                self.now -= 1

    def write(self, video_id, inputs, out):
        made = {name: json.loads(path.read_text()) for name, path in inputs.items()}
        value = self.settings.get("values", {}).get(self.name, "0")
        text = json.dumps([self.name, video_id, value, made], sort_keys=True)
        out.write_text(text[: len(text) // 2])
        fault = self.settings.get("faults", {}).get(f"{self.name}/{video_id}")
        if fault:
            self.act(fault, f"{self.name}-{video_id}", out)
        frames = self.settings.get("frames", 0)
        for _ in reported(range(frames), frames):
            time.sleep(0.02)
        time.sleep(self.settings.get("seconds", 0.0))
        out.write_text(text)
        return {}

    def teardown(self):
        with (self.home / f"teardowns-{self.name}").open("a") as file:
            file.write(f"{os.getpid()}\n")

    def act(self, fault, name, out=None):  # noqa: C901  one case a fault
        mark = self.home / f"met-{name}"
        try:
            mark.touch(exist_ok=False)  # two workers may meet here
        except FileExistsError:
            if fault.endswith(" once"):
                return
        match fault.removesuffix(" once"):
            case "sigkill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "orphan":
                child = subprocess.Popen(["sleep", "1000"])
                (self.home / "orphan").write_text(str(child.pid))
                os.kill(os.getpid(), signal.SIGKILL)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                print("the library gave up", file=sys.stderr, flush=True)
                os._exit(7)
            case "hang":
                time.sleep(1000)
            case "deaf":
                while True:
                    pass
            case "memory":
                held = []
                while True:
                    held.append(b"x" * (16 << 20))
                    time.sleep(0.005)
            case "hold":
                held = bytearray(os.urandom(60 << 20))
                time.sleep(0.6)
                del held
            case "sys.exit":
                sys.exit("the library wants to end the process")
            case "disk full":
                raise OSError(28, "No space left on device")
            case "fill":
                out.write_bytes(bytes(1 << 20))
            case "error":
                raise DataError("is odd", where=name, next_step="Look at it")
            case "skip":
                raise Skip("nothing to do")
            case "slow":
                time.sleep(0.7)
            case "chatter":
                for _ in range(3000):
                    print("x" * 100)
                    print("y" * 100, file=sys.stderr)


def stages(home):
    home = Path(home)
    path = home / "settings.json"
    settings = json.loads(path.read_text()) if path.exists() else {}
    if settings.get("start_fault") and Path(sys.argv[0]).name == "worker.py":
        print("a slow import", file=sys.stderr, flush=True)
        time.sleep(1000)
    names = settings.get("pipeline", list(PIPELINE))
    return [WorkingStage(name, PIPELINE[name], settings, home) for name in names]
