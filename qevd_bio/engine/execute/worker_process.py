"""A worker as the supervisor sees it: started, listened to, watched and ended."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Protocol

from qevd_bio.engine.execute.limits import Limits, resident_bytes
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.store import maker_of
from qevd_bio.errors import EnvironmentProblem

WORKER_MODULE = "qevd_bio.engine.execute.worker"

State = Literal["starting", "idle", "busy", "leaving"]

_TAIL_BYTES = 4000
_TAIL_LINES = 6


@dataclass(slots=True)
class Worker(ABC):
    """A worker, wherever its process runs.

    Attributes
    ----------
    number : int
        From 1 on; a worker that replaces another takes its number.
    line : Connection
        The supervisor's end of a pipe that brings what the worker says and ends with it.
    log : Path
        Takes its standard output and error.
    limits : Limits
        What it may take.
    state : str
        ``starting`` until it is ready, then ``idle`` or ``busy``; ``leaving`` once it was
        told that there is no more.
    video_id : str
        What it works on; empty when idle.
    stage : str
        Of the unit in hand; empty between two units.
    setting_up : str
        The stage that is being set up, if any.
    doom : str
        Why it was killed by the supervisor.
    said : str
        Its last words before it was made to tell where it stands.
    maker : str
        Begins the names of the temporary folders it works in; empty while not known.
    was_lost : bool
        The machine it ran on is gone: no unit of its is to blame.
    was_killed : bool
        Someone else killed it by SIGKILL, perhaps the system for want of memory.
    """

    number: int
    line: Connection
    log: Path
    limits: Limits
    state: State = "starting"
    video_id: str = ""
    stage: str = ""
    setting_up: str = ""
    videos: int = 0
    doom: str = ""
    said: str = ""
    maker: str = ""
    was_lost: bool = False
    was_killed: bool = False
    since: float = field(default_factory=time.monotonic)

    @abstractmethod
    def send(self, **message: object) -> None:
        """Tell the worker; one that is gone will be found dead soon enough."""

    @abstractmethod
    def kill(self, doom: str = "") -> None:
        """End it and its children at once; a hung one tells first where it stands."""

    @abstractmethod
    def bury(self) -> str:
        """Reap a worker that hung up, and say in one line what became of it."""

    @abstractmethod
    def place(self) -> str:
        """Say where it runs."""

    def receive(self) -> Mapping[str, Any] | None:
        """Take the next message; None when the worker is gone."""
        try:
            message: Mapping[str, Any] = json.loads(self.line.recv_bytes())
        except (EOFError, OSError):
            return None
        return message

    def give(self, video_id: str, passed: set[str]) -> None:
        """Hand over a video."""
        self.state, self.video_id, self.stage = "busy", video_id, ""
        self.since = time.monotonic()
        self.send(video=video_id, passed=sorted(passed))

    def rest(self) -> None:
        """Note that its video is finished."""
        if self.state == "busy":
            self.state = "idle"
        self.video_id, self.stage = "", ""
        self.videos += 1
        self.since = time.monotonic()

    def leave(self) -> None:
        """Ask it to end after the unit in hand."""
        if self.state != "leaving":
            self.state = "leaving"
            self.since = time.monotonic()
            self.send(stop=True)

    def fault(self) -> str:
        """Say in one line which limit it breaks; empty when none."""
        elapsed = time.monotonic() - self.since
        if self.state == "starting" or self.setting_up:
            if elapsed > self.limits.start_s:
                what = f"setting up {self.setting_up}" if self.setting_up else "starting"
                return f"still {what} after {self.limits.start_s:g} s"
        elif self.video_id and elapsed > self.limits.unit_s:
            return f"no result within {self.limits.unit_s:g} s"
        return ""

    def last_words(self) -> str:
        """Return the last lines it printed in one line."""
        if self.said:
            return self.said
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return "its log cannot be read"
        return " | ".join([line.strip() for line in lines if line.strip()][-_TAIL_LINES:])


@dataclass(slots=True, kw_only=True)
class WorkerProcess(Worker):
    """A worker that is a child of this process.

    Attributes
    ----------
    process : subprocess.Popen
        In a session of its own: it sees no Ctrl-C, and is killed with its children.
    """

    process: subprocess.Popen[bytes]
    gpu: str = ""

    def send(self, **message: object) -> None:  # noqa: D102
        with suppress(OSError):
            self.line.send_bytes(json.dumps(message).encode())

    def place(self) -> str:  # noqa: D102
        return f"pid {self.process.pid}{f', GPU {self.gpu}' if self.gpu else ''}"

    def fault(self) -> str:  # noqa: D102
        return self.memory_fault() or Worker.fault(self)

    def memory_fault(self) -> str:
        """Say in one line whether it holds too much memory; empty when not."""
        most = self.limits.memory_bytes
        if most is not None and (resident_bytes(self.process.pid) or 0) > most:
            return f"out of memory: more than {most / 1e9:.2f} GB used"
        return ""

    def kill(self, doom: str = "") -> None:  # noqa: D102
        if doom:
            self.doom, self.said = doom, self.last_words()
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGUSR1)
                time.sleep(0.1)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def bury(self) -> str:  # noqa: D102
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self.process.wait()
        self.kill()  # what it started and left behind
        self.line.close()
        if self.doom:
            return self.doom
        if code >= 0:
            return f"the worker ended with exit code {code}"
        self.was_killed = -code == signal.SIGKILL
        hint = " (out of memory?)" if self.was_killed else ""
        return f"the worker was killed by {signal.Signals(-code).name}{hint}"


class StartWorker(Protocol):
    """What starts a worker: `start_worker`, or its like on another machine."""

    def __call__(  # noqa: D102
        self,
        number: int,
        recipe: StageFactory,
        *,
        work: Path,
        run_id: str,
        log: Path,
        limits: Limits,
        gpu: str,
    ) -> Worker: ...


def start_worker(
    number: int,
    recipe: StageFactory,
    *,
    work: Path,
    run_id: str,
    log: Path,
    limits: Limits,
    gpu: str,
) -> WorkerProcess:
    """Start a worker process.

    Parameters
    ----------
    number : int
        Its number.
    recipe : StageFactory
        Makes the stages.
    work : Path
        The work folder.
    run_id : str
        Names the run.
    log : Path
        Takes its standard output and error.
    limits : Limits
        What it may take.
    gpu : str
        The only GPU it sees; empty leaves the environment as it is.

    Returns
    -------
    WorkerProcess

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
        **({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}),
    }
    try:
        with theirs, log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  our own interpreter
                [
                    sys.executable,
                    "-P",
                    "-m",
                    WORKER_MODULE,
                    str(theirs.fileno()),
                ],
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
            f"worker {number} cannot be started ({error.strerror or error})",
            where=str(log),
            next_step="Free memory or space, or ask for fewer workers, then run again",
        ) from error
    worker = WorkerProcess(
        number, ours, log, limits, maker=maker_of(process.pid), process=process, gpu=gpu
    )
    worker.send(recipe=asdict(recipe), work=str(work.absolute()), run_id=run_id)
    return worker
