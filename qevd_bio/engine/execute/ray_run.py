"""Running videos on the machines of a Ray cluster: one actor a worker, the same supervisor.

An actor only keeps an ordinary worker process on its machine and passes messages on.
So an error in a worker is found as on one machine, and the loss of an actor is the loss of its
machine.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from qevd_bio.engine.events import RunSummary
from qevd_bio.engine.execute.messages import Message, send_message
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.execute.worker_process import Worker, WorkerSpec, start_worker
from qevd_bio.engine.limits import Limits
from qevd_bio.engine.record import one_line
from qevd_bio.engine.runs import OpenRun
from qevd_bio.engine.stage import Resources, Stage
from qevd_bio.engine.store import Store
from qevd_bio.errors import EnvironmentProblem, QevdBioError

_TICK_S = 0.25
_LISTEN_S = 5.0
_SHUT_DOWN_S = 10.0
_MACHINE_LOSS_S = 1.0
_ERROR_CHARACTERS = 300
_SPACE = re.compile(r"\s+")


def run_on_ray(
    factory: StageFactory,
    stages: Sequence[Stage],
    video_ids: Sequence[str],
    store: Store,
    run: OpenRun,
    *,
    address: str | None,
    workers: int | None,
    limits: Limits,
) -> RunSummary:
    """Do what `run_supervised` does with workers on all machines of a Ray cluster.

    Parameters
    ----------
    store : Store
        In a folder that all machines have under the same path.
    address : str or None
        Of the cluster, ``auto`` for the one this machine belongs to; None also starts a Ray
        of this machine alone where there is none.
    workers : int or None
        Most workers at once; None: as many as the cluster has room for.

    Raises
    ------
    EnvironmentProblem
        Ray is not installed, or no cluster responds.

    Notes
    -----
    Failures of stages and workers are recorded as on one machine and not tried again by Ray.
    Videos on a lost machine are started again elsewhere. Units that took no machine are in
    the store; when this process is killed, a new run resumes.
    """
    needs = Resources(
        cpus=max([1, *(stage.resources.cpus for stage in stages)]),
        gpus=max([0, *(stage.resources.gpus for stage in stages)]),
    )
    with _connected(address) as ray:
        count = workers if workers is not None else _room(ray, needs)
        if count < 1:
            raise EnvironmentProblem(
                f"no machine has {needs.cpus} CPUs and {needs.gpus} GPUs",
                where=f"Ray at {address or 'this machine'}",
                next_step="Add a machine, or name --workers if one will join later",
            )
        actor = ray.remote(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            max_restarts=0,
            max_concurrency=4,
            scheduling_strategy="SPREAD",
        )(_WorkerActor)

        def start(spec: WorkerSpec) -> _RayWorker:
            # Ray gives each actor its own GPU.
            ours, theirs = Pipe()
            spec = replace(spec, gpu="", log=spec.log.absolute())
            worker = _RayWorker(spec, ours, ray=ray, actor=actor.remote())
            worker.relay_thread = threading.Thread(
                target=worker.relay, args=(theirs,), daemon=True
            )
            worker.relay_thread.start()
            return worker

        return run_supervised(
            factory, stages, video_ids, store, run, workers=count, limits=limits, start=start
        )


class _WorkerActor:
    """The actor: keeps one worker process and passes its messages on."""

    def start(self, spec: WorkerSpec) -> tuple[str, str, str]:
        """Start the worker; return where it runs, its staging prefix, and what went wrong."""
        self.sending = threading.Lock()
        try:
            self.worker = start_worker(spec)
        except QevdBioError as error:
            return platform.node(), "", f"{error} (on {platform.node()})"
        return f"{platform.node()}, {self.worker.location()}", self.worker.staging_prefix, ""

    def send(self, message: Message) -> None:
        """Send the worker a message; Ray may call this in several threads."""
        with self.sending:
            self.worker.send(**message)

    def receive(self) -> tuple[list[Message], str | None]:
        """Wait for the worker's next messages, and for its exit reason when it is gone."""
        messages: list[Message] = []
        deadline = time.monotonic() + _LISTEN_S
        while time.monotonic() < deadline:
            while self.worker.channel.poll(0.0 if messages else _TICK_S):
                message = self.worker.receive()
                if message is None and messages:
                    return messages, None
                if message is None:
                    return [], self._reap()
                messages.append(message)
            if messages:
                break
            # The time limits are kept where the messages are understood.
            breach = self.worker.memory_breach() if not self.worker.kill_reason else ""
            if breach:
                self.worker.kill(breach)
        return messages, None

    def kill(self, reason: str) -> None:
        """End the worker."""
        self.worker.kill(reason)

    def _reap(self) -> str:
        exit_reason = self.worker.reap()
        if self.worker.process.returncode < 0 and not self.worker.kill_reason:
            # An actor that Ray ends because its machine is lost kills its children first and
            # must not live to record them as failed.
            time.sleep(_MACHINE_LOSS_S)
        return exit_reason


@dataclass(slots=True, kw_only=True)
class _RayWorker(Worker):
    """A worker with its process in an actor, which `relay_thread` passes on to `channel`.

    `exit_reason` is empty while it runs.
    """

    ray: Any
    actor: Any
    relay_thread: threading.Thread = field(default_factory=threading.Thread)
    exit_reason: str = ""

    def relay(self, channel: Connection) -> None:
        """Pass the worker's messages on until it is gone, then hang up."""
        errors = self.ray.exceptions
        try:
            start = self.actor.start.remote(self.spec)
            location, self.staging_prefix, self.exit_reason = self.ray.get(start)
            send_message(channel, {"location": location})
            while not self.exit_reason:
                messages, exit_reason = self.ray.get(self.actor.receive.remote())
                for message in messages:
                    send_message(channel, message)
                self.exit_reason = exit_reason or ""
        except errors.RayTaskError as error:
            self.exit_reason = one_line(error.cause)
        except errors.RayError as error:
            # If the actor's class cannot be imported, no machine was lost.
            self.lost_machine = not getattr(error, "actor_init_failed", False)
            cause = "its machine was lost" if self.lost_machine else "its actor could not be made"
            self.exit_reason = f"{cause} ({_SPACE.sub(' ', str(error))[-_ERROR_CHARACTERS:]})"
        except OSError:
            self.exit_reason = "the run no longer listens"
        finally:
            channel.close()

    def send(self, **message: object) -> None:
        self.actor.send.remote(message)

    def location(self) -> str:
        return "asked of Ray"

    def kill(self, reason: str = "") -> None:
        if reason:
            self.kill_reason, self.tail_before_kill = reason, self.stderr_tail()
        if self.staging_prefix:
            self.actor.kill.remote(reason)
        else:
            self.ray.kill(self.actor)

    def reap(self) -> str:
        self.relay_thread.join(_SHUT_DOWN_S)
        with suppress(self.ray.exceptions.RayError):
            self.ray.kill(self.actor)
        self.channel.close()
        if self.kill_reason:
            self.lost_machine = False
        return self.kill_reason or self.exit_reason


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Connect with a cluster; a connection that is there already is used and left."""
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise EnvironmentProblem(
            f"Ray is not installed ({error})",
            where="run on Ray",
            next_step="Install it with `pip install 'qevd-bio[ray]'`, here and on every machine",
        ) from error
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(
            address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise EnvironmentProblem(
            f"no cluster answers ({one_line(error)})",
            where=f"Ray at {address or 'this machine'}",
            next_step="Start it with `ray start --head`, or name its --address",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _room(ray: Any, needs: Resources) -> int:  # noqa: ANN401  a module
    """Count the workers that the machines of a cluster have room for."""
    room = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            by_cpus = has.get("CPU", 0) // needs.cpus
            by_gpus = has.get("GPU", 0) // needs.gpus if needs.gpus else by_cpus
            room += int(min(by_cpus, by_gpus))
    return room
