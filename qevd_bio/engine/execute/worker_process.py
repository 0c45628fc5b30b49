"""A worker as the supervisor has it: started, listened to, watched and ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from qevd_bio.engine.execute.messages import Message, receive_message, send_message
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.limits import Limits, resident_bytes
from qevd_bio.engine.store import staging_prefix
from qevd_bio.errors import EnvironmentProblem

WORKER_MODULE = "qevd_bio.engine.execute.worker"

State = Literal["starting", "ready", "stopping"]

OUT_OF_MEMORY = "out of memory"
"""Part of an exit reason when memory was, or may have been, the cause."""

_TAIL_BYTES = 4000
_TAIL_LINES = 6


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker is started with.

    Attributes
    ----------
    number : int
        From 1 on; a worker that replaces another takes its number.
    factory : StageFactory
        Makes the stages.
    work : Path
        The work folder; absolute.
    run_id : str
        Names the run.
    log : Path
        Takes its standard output and error.
    limits : Limits
        What it may take.
    gpu : str
        The only GPU it sees; empty: the environment is not changed.
    """

    number: int
    factory: StageFactory
    work: Path
    run_id: str
    log: Path
    limits: Limits
    gpu: str = ""


@dataclass(slots=True)
class VideoInHand:
    """A video that a worker has.

    `alone` forbids others beside it. `stage` is that of the unit in progress, empty between two
    units; `since` is when that began (`time.monotonic`, s).
    """

    video_id: str
    alone: bool = False
    stage: str = ""
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a worker breaks, in one line, and the video that is the cause, if one is."""

    reason: str
    video_id: str = ""


@dataclass(slots=True)
class Worker(ABC):
    """A worker, wherever its process runs.

    Attributes
    ----------
    spec : WorkerSpec
        What it was started with.
    channel : Connection
        The supervisor's end of a pipe that brings the worker's messages and ends with it.
    state : str
        ``starting`` until it is ready; ``stopping`` once it was asked to end.
    in_hand : mapping of str to VideoInHand
        What it works on, in the order it was given.
    setting_up : str
        The stage that is being set up, if any.
    videos : int
        How many it has finished.
    kill_reason, blamed : str
        Why the supervisor killed it, and the video that was the cause; empty where unknown.
    tail_before_kill : str
        The end of its log before it was made to dump its threads.
    staging_prefix : str
        Begins the names of its staging folders; empty while not known.
    lost_machine : bool
        The machine it ran on is gone: no unit caused the failure.
    killed_by_other : bool
        Another process killed it by SIGKILL, perhaps the system because of low memory.
    started, active_since, loading_since : float
        When it started; when it last sent news of its work; when it, or the set-up of a stage,
        started (`time.monotonic`, s).
    """

    spec: WorkerSpec
    channel: Connection
    state: State = "starting"
    in_hand: dict[str, VideoInHand] = field(default_factory=dict)
    setting_up: str = ""
    videos: int = 0
    kill_reason: str = ""
    blamed: str = ""
    tail_before_kill: str = ""
    staging_prefix: str = ""
    lost_machine: bool = False
    killed_by_other: bool = False
    started: float = field(default_factory=time.monotonic)
    active_since: float = field(default_factory=time.monotonic)
    loading_since: float = field(default_factory=time.monotonic)

    @property
    def never_worked(self) -> bool:
        """Whether it only loads: no unit is in progress that could end it."""
        is_working = any(one.stage for one in self.in_hand.values())
        return self.state == "starting" or (bool(self.setting_up) and not is_working)

    @abstractmethod
    def send(self, **message: object) -> None:
        """Send the worker a message; one that is gone will be found dead soon enough."""

    @abstractmethod
    def kill(self, reason: str = "") -> None:
        """End it and its children at once; with a reason, it dumps its threads first."""

    @abstractmethod
    def reap(self) -> str:
        """Free the resources of a worker that hung up; return its exit reason in one line."""

    @abstractmethod
    def location(self) -> str:
        """Describe where it runs."""

    def receive(self) -> Message | None:
        """Take the next message; None when the worker is gone."""
        return receive_message(self.channel)

    def assign(self, video_id: str, failed_stages: set[str], *, alone: bool) -> None:
        """Give it a video, and the stages of it that are not tried again."""
        self.in_hand[video_id] = VideoInHand(video_id, alone)
        self.active_since = time.monotonic()
        self.send(video=video_id, failed_stages=sorted(failed_stages))

    def note_unit(self, video_id: str, stage: str) -> None:
        """Note that a unit of a video has started, or ended when `stage` is empty."""
        self.active_since = time.monotonic()
        one = self.in_hand[video_id]
        self.in_hand[video_id] = replace(one, stage=stage, since=self.active_since)

    def note_setup(self, stage: str) -> None:
        """Note that a stage is being set up, or is ready when `stage` is empty."""
        self.setting_up = stage
        self.active_since = self.loading_since = time.monotonic()

    def may_take(self, most_in_hand: int) -> bool:
        """Return whether it can take one more video now."""
        held = self.in_hand.values()
        is_free = len(held) < most_in_hand and not any(one.alone for one in held)
        return self.state == "ready" and is_free and not self.is_used_up()

    def is_used_up(self) -> bool:
        """Return whether it is to be replaced when it has finished the videos in hand."""
        age_s = time.monotonic() - self.started
        return self.spec.limits.is_used_up(self.videos + len(self.in_hand), age_s)

    def finish_video(self, video_id: str) -> None:
        """Note that a video is finished."""
        del self.in_hand[video_id]
        self.videos += 1
        self.active_since = time.monotonic()

    def stop(self) -> None:
        """Ask it to end after the units in progress."""
        if self.state != "stopping":
            self.state = "stopping"
            self.active_since = time.monotonic()
            self.send(stop=True)

    def limit_breach(self) -> Breach | None:
        """Find the limit it breaks.

        A unit's time counts from its start. A video between two units may wait for a stage
        that works for others; its time counts from the last news of any.
        """
        now, limits = time.monotonic(), self.spec.limits
        is_loading = self.state == "starting" or bool(self.setting_up)
        if is_loading and now - self.loading_since > limits.start_s:
            what = f"setting up {self.setting_up}" if self.setting_up else "starting"
            return Breach(f"still {what} after {limits.start_s:g} s")
        for one in sorted(self.in_hand.values(), key=lambda one: not one.stage):
            since = one.since if one.stage else self.active_since
            if now - since > limits.unit_s and not (is_loading and not one.stage):
                return Breach(f"no result within {limits.unit_s:g} s", one.video_id)
        return None

    def stderr_tail(self) -> str:
        """Return the last lines it printed in one line."""
        if self.tail_before_kill:
            return self.tail_before_kill
        log = self.spec.log
        try:
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return "its log cannot be read"
        return " | ".join([line.strip() for line in lines if line.strip()][-_TAIL_LINES:])


@dataclass(slots=True, kw_only=True)
class WorkerProcess(Worker):
    """A worker that is a child of this process.

    Its `process` is in a session of its own: it gets no Ctrl-C, and is killed with its
    children.
    """

    process: subprocess.Popen[bytes]

    def send(self, **message: object) -> None:  # noqa: D102
        with suppress(OSError):
            send_message(self.channel, message)

    def location(self) -> str:  # noqa: D102
        return f"pid {self.process.pid}{f', GPU {self.spec.gpu}' if self.spec.gpu else ''}"

    def limit_breach(self) -> Breach | None:  # noqa: D102
        too_much = self.memory_breach()
        return Breach(too_much) if too_much else Worker.limit_breach(self)

    def memory_breach(self) -> str:
        """Report in one line that it holds too much memory; empty when it does not."""
        most = self.spec.limits.memory_bytes
        if most is not None and (resident_bytes(self.process.pid) or 0) > most:
            return f"{OUT_OF_MEMORY}: more than {most / 1e9:.2f} GB used"
        return ""

    def kill(self, reason: str = "") -> None:  # noqa: D102
        if reason:
            self.kill_reason, self.tail_before_kill = reason, self.stderr_tail()
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGUSR1)
                time.sleep(0.1)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def reap(self) -> str:  # noqa: D102
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self.process.wait()
        self.kill()  # what it started and left behind
        self.channel.close()
        if self.kill_reason:
            return self.kill_reason
        if code >= 0:
            return f"the worker ended with exit code {code}"
        self.killed_by_other = -code == signal.SIGKILL
        hint = f" ({OUT_OF_MEMORY}?)" if self.killed_by_other else ""
        return f"the worker was killed by {signal.Signals(-code).name}{hint}"


StartWorker = Callable[[WorkerSpec], Worker]
"""What starts a worker: `start_worker`, or its like on another machine."""


def start_worker(spec: WorkerSpec) -> WorkerProcess:
    """Start a worker process.

    Raises
    ------
    EnvironmentProblem
        The process cannot be started, or its log not be written.
    """
    ours, theirs = multiprocessing.Pipe()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
        "PYTHONFAULTHANDLER": "1",
        **({"CUDA_VISIBLE_DEVICES": spec.gpu} if spec.gpu else {}),
    }
    try:
        with theirs, spec.log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  our own interpreter
                [sys.executable, "-P", "-m", WORKER_MODULE, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs.fileno(),),
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        raise EnvironmentProblem(
            f"worker {spec.number} cannot be started ({error.strerror or error})",
            where=str(spec.log),
            next_step="Free memory or space, or ask for fewer workers, then run again",
        ) from error
    worker = WorkerProcess(spec, ours, staging_prefix=staging_prefix(process.pid), process=process)
    worker.send(factory=asdict(spec.factory), work=str(spec.work), run_id=spec.run_id)
    return worker
