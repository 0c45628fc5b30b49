"""Running videos on the machines of a Ray cluster: one actor a worker, the same supervisor.

An actor does nothing but keep an ordinary worker process on its machine and pass messages on.
So what happens in a worker is told apart as on one machine, and the loss of an actor is the
loss of its machine.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from qevd_bio.engine.events import Event, RunSummary
from qevd_bio.engine.execute.limits import Limits
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.execute.worker_process import Worker, start_worker
from qevd_bio.engine.log import RunLog
from qevd_bio.engine.plan import one_line
from qevd_bio.engine.stage import Resources, Stage
from qevd_bio.engine.store import Store
from qevd_bio.errors import EnvironmentProblem, QevdBioError

_TICK_S = 0.25
_LISTEN_S = 5.0
_FAREWELL_S = 10.0
_LAST_BREATH_S = 1.0
_TOLD_CHARACTERS = 300
_SPACE = re.compile(r"\s+")


def run_on_ray(
    recipe: StageFactory,
    stages: Sequence[Stage],
    video_ids: Sequence[str],
    store: Store,
    *,
    address: str | None,
    workers: int | None,
    limits: Limits,
    log: RunLog,
    on_event: Callable[[Event], None],
    notice: Callable[[str], None],
) -> RunSummary:
    """Bring every unit up to date with workers on all machines of a Ray cluster.

    Parameters
    ----------
    recipe, stages, video_ids, limits, log, on_event, notice
        As `run_supervised` takes them.
    store : Store
        In a folder that all machines see under the same path.
    address : str or None
        Of the cluster, ``auto`` for the one this machine belongs to; None also starts a Ray
        of this machine alone where there is none.
    workers : int or None
        Most workers at once; None: as many as the cluster has room for.

    Returns
    -------
    RunSummary
        Counts over all units, and the failures.

    Raises
    ------
    DataError, UsageError, EnvironmentProblem, KeyboardInterrupt
        As `run_supervised` raises them; Ray is not installed, or no cluster answers.

    Notes
    -----
    Failures of stages and workers are recorded as on one machine and not tried again by Ray.
    A video whose machine is lost is begun anew elsewhere. Units that took no machine are in
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
        )(_Host)

        def start(
            number: int,
            recipe: StageFactory,
            *,
            work: Path,
            run_id: str,
            log: Path,
            limits: Limits,
            gpu: str,
        ) -> _RayWorker:
            del gpu  # Ray gives each actor its own
            ours, theirs = Pipe()
            worker = _RayWorker(number, ours, log.absolute(), limits, ray=ray, host=actor.remote())
            arguments = (number, recipe, work.absolute(), run_id, log.absolute(), limits)
            worker.carrier = threading.Thread(
                target=worker.carry, args=(theirs, arguments), daemon=True
            )
            worker.carrier.start()
            return worker

        return run_supervised(
            recipe,
            stages,
            video_ids,
            store,
            workers=count,
            limits=limits,
            log=log,
            on_event=on_event,
            notice=notice,
            start=start,
        )


class _Host:
    """The actor: keeps one worker process and passes on what is said."""

    def start(
        self, number: int, recipe: StageFactory, work: Path, run_id: str, log: Path, limits: Limits
    ) -> tuple[str, str, str]:
        """Start the worker; return where it runs, its `maker`, and what went wrong."""
        try:
            self.worker = start_worker(
                number, recipe, work=work, run_id=run_id, log=log, limits=limits, gpu=""
            )
        except QevdBioError as error:
            return platform.node(), "", f"{error} (on {platform.node()})"
        return f"{platform.node()}, {self.worker.place()}", self.worker.maker, ""

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell the worker something."""
        self.worker.send(**message)

    def listen(self) -> tuple[list[Mapping[str, Any]], str | None]:
        """Wait for what the worker says next, and for what became of it when it is gone."""
        heard: list[Mapping[str, Any]] = []
        deadline = time.monotonic() + _LISTEN_S
        while time.monotonic() < deadline:
            while self.worker.line.poll(0.0 if heard else _TICK_S):
                message = self.worker.receive()
                if message is None and heard:
                    return heard, None
                if message is None:
                    return [], self._fate()
                heard.append(message)
            if heard:
                break
            # The time limits are kept where the messages are understood.
            fault = self.worker.memory_fault() if not self.worker.doom else ""
            if fault:
                self.worker.kill(fault)
        return heard, None

    def kill(self, doom: str) -> None:
        """End the worker."""
        self.worker.kill(doom)

    def _fate(self) -> str:
        fate = self.worker.bury()
        if self.worker.process.returncode < 0 and not self.worker.doom:
            # An actor that Ray ends because its machine is lost kills its children first and
            # must not live to blame them.
            time.sleep(_LAST_BREATH_S)
        return fate


@dataclass(slots=True, kw_only=True)
class _RayWorker(Worker):
    """A worker whose process an actor keeps, seen through a thread that talks with it.

    Attributes
    ----------
    ray : module
        Ray.
    host : actor handle
        Of a `_Host`.
    carrier : threading.Thread
        Brings what the worker says to `line`.
    fate : str
        What became of it.
    """

    ray: Any
    host: Any
    carrier: threading.Thread = field(default_factory=threading.Thread)
    fate: str = ""

    def carry(self, line: Connection, arguments: tuple[Any, ...]) -> None:
        """Pass on what the worker says until it is gone, then hang up."""
        errors = self.ray.exceptions
        try:
            place, self.maker, self.fate = self.ray.get(self.host.start.remote(*arguments))
            _pass_on(line, {"place": place})
            while not self.fate:
                heard, fate = self.ray.get(self.host.listen.remote())
                for message in heard:
                    _pass_on(line, message)
                self.fate = fate or ""
        except errors.RayTaskError as error:
            self.fate = one_line(error.cause)
        except errors.RayError as error:
            # An actor whose class cannot be imported has no machine to lose.
            self.was_lost = not getattr(error, "actor_init_failed", False)
            words = "its machine was lost" if self.was_lost else "its actor could not be made"
            self.fate = f"{words} ({_SPACE.sub(' ', str(error))[-_TOLD_CHARACTERS:]})"
        except OSError:
            self.fate = "the run listens no more"
        finally:
            line.close()

    def send(self, **message: object) -> None:
        self.host.send.remote(message)

    def place(self) -> str:
        return "asked of Ray"

    def kill(self, doom: str = "") -> None:
        if doom:
            self.doom, self.said = doom, self.last_words()
        if self.maker:
            self.host.kill.remote(doom)
        else:
            self.ray.kill(self.host)

    def bury(self) -> str:
        self.carrier.join(_FAREWELL_S)
        with suppress(self.ray.exceptions.RayError):
            self.ray.kill(self.host)
        self.line.close()
        if self.doom:
            self.was_lost = False
        return self.doom or self.fate


def _pass_on(line: Connection, message: Mapping[str, Any]) -> None:
    line.send_bytes(json.dumps(message).encode())


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
