"""Running videos in supervised worker processes: one that dies costs one unit."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import Any, cast

from qevd_bio.engine.events import ENDINGS, Event, RunSummary
from qevd_bio.engine.execute.attempt import record_lost_unit
from qevd_bio.engine.execute.interrupts import Interrupts, counted_interrupts
from qevd_bio.engine.execute.messages import Message
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.unit_run import ending_without_work
from qevd_bio.engine.execute.worker_process import StartWorker, Worker, WorkerSpec, start_worker
from qevd_bio.engine.limits import Limits, visible_gpus
from qevd_bio.engine.plan import PlannedUnit, plan_video
from qevd_bio.engine.runs import OpenRun
from qevd_bio.engine.stage import Stage, check_stages, check_videos
from qevd_bio.engine.store import Store
from qevd_bio.errors import EnvironmentProblem

_TICK_S = 0.25
_PLANNING_S = 0.1
_SHUT_DOWN_S = 10.0

MAX_LOSSES = 3
"""So often a unit may lose its machine before it is held to be the cause."""


def run_supervised(
    factory: StageFactory,
    stages: Sequence[Stage],
    video_ids: Sequence[str],
    store: Store,
    run: OpenRun,
    *,
    workers: int,
    limits: Limits,
    start: StartWorker = start_worker,
) -> RunSummary:
    """Bring every unit up to date with several workers at once.

    Parameters
    ----------
    factory : StageFactory
        Makes the stages in each worker.
    stages : sequence of Stage
        The same stages in this process, which plans and never sets one up.
    video_ids : sequence of str
        The videos, in the order they are begun.
    store : Store
        Where results lie and go.
    run : OpenRun
        Takes each unit's start and end, and messages about the workers.
    workers : int
        Most workers at once; none is started when there is nothing to do.
    limits : Limits
        What each may take.
    start : callable
        Starts a worker, here or on another machine.

    Returns
    -------
    RunSummary
        Counts over all units, and the failures.

    Raises
    ------
    DataError, UsageError
        The stages do not fit together, or video ids cannot be used.
    EnvironmentProblem
        A stage cannot be set up, no worker can start, or the store takes no records.
    KeyboardInterrupt
        The user interrupted once and the units in progress are finished, or twice.

    Notes
    -----
    The bytes are those of `run_local`: a worker runs a video as that does, and nothing
    passes between videos. A unit with a worker that is killed or exceeds time or memory is
    recorded as failed by that cause; its video goes on with another worker. A unit on a
    lost machine is started again, up to `MAX_LOSSES` times. Videos that another run seems to
    work on come last.
    """
    check_stages(stages)
    check_videos(video_ids)
    supervisor = _Supervisor(
        factory,
        stages,
        store,
        run,
        limits,
        start,
        unplanned=iter(video_ids),
        free_numbers=deque(range(1, workers + 1)),
    )
    with counted_interrupts() as interrupts:
        try:
            supervisor.run_videos(interrupts)
        finally:
            supervisor.shut_down(at_once=interrupts.count > 1)
    if interrupts.count:
        raise KeyboardInterrupt
    return run.tally.summary()


@dataclass(slots=True)
class _Supervisor:
    factory: StageFactory
    stages: Sequence[Stage]
    store: Store
    run: OpenRun
    limits: Limits
    start_worker: StartWorker
    unplanned: Iterator[str]
    free_numbers: deque[int]
    is_planned: bool = False
    waiting: deque[str] = field(default_factory=deque)
    in_progress_elsewhere: deque[str] = field(default_factory=deque)
    failed_stages: dict[str, set[str]] = field(default_factory=dict)
    ended_stages: dict[str, set[str]] = field(default_factory=dict)
    losses: Counter[str] = field(default_factory=Counter)
    workers: dict[int, Worker] = field(default_factory=dict)
    start_problem: str = ""
    next_check: float = 0.0

    def run_videos(self, interrupts: Interrupts) -> None:
        is_stopping = False
        while interrupts.count < 2:
            if interrupts.count:
                if not is_stopping:
                    is_stopping = True
                    self._stop_workers()
                if not self._busy():
                    return
            else:
                self._plan_videos()
                self._assign_videos()
                if self.is_planned and not self._open_videos() and not self._busy():
                    return
            self._receive_messages()
            self._enforce_limits()

    def shut_down(self, *, at_once: bool) -> None:
        """End all workers; their units in progress are lost."""
        for worker in self.workers.values():
            if at_once or worker.video_id or worker.state == "starting":
                worker.kill()
            else:
                worker.stop()
        deadline = time.monotonic() + _SHUT_DOWN_S
        for worker in self.workers.values():
            with suppress(OSError):
                while worker.channel.poll(max(0.0, deadline - time.monotonic())):
                    if worker.receive() is None:
                        break
            worker.kill()
            worker.reap()
            self._remove_staging(worker)
        self.workers.clear()

    def _open_videos(self) -> int:
        return len(self.waiting) + len(self.in_progress_elsewhere)

    def _busy(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.video_id]

    def _stop_workers(self) -> None:
        busy = self._busy()
        for worker in busy:
            worker.stop()
        if busy:
            self.run.report(
                f"stopping: {len(busy)} units in progress are being finished; "
                "interrupt again to stop at once"
            )

    def _plan_videos(self) -> None:
        """Find videos with work to do, for a moment; report the units of those that need none."""
        deadline = time.monotonic() + _PLANNING_S
        wanted = len(self.workers) + len(self.free_numbers) + 1
        while not self.is_planned and len(self.waiting) < wanted:
            video_id = next(self.unplanned, None)
            if video_id is None:
                self.is_planned = True
                return
            units = plan_video(self.stages, video_id, self.store)
            if any(unit.action in ("run", "retry") for unit in units):
                self.waiting.append(video_id)
            else:
                for unit in units:
                    self._add_event(ending_without_work(unit))
            if time.monotonic() > deadline:
                return

    def _assign_videos(self) -> None:
        for worker in [one for one in self.workers.values() if one.state == "idle"]:
            if worker.videos >= self.limits.recycle_after:
                worker.stop()
            elif video_id := self._next_video():
                worker.assign(video_id, self.failed_stages.setdefault(video_id, set()))
        starting = sum(worker.state == "starting" for worker in self.workers.values())
        for _ in range(min(len(self.free_numbers), self._open_videos() - starting)):
            self._start(self.free_numbers.popleft())
        if self._open_videos() and not self.workers:
            raise EnvironmentProblem(
                f"no worker can start: {self.start_problem}",
                where=str(self.run.log.folder),
                next_step="Fix the cause and run again; the worker's log has more",
            )

    def _next_video(self) -> str:
        """Take a video; empty where another run seems to work on all those at hand.

        Two runs on one folder would else begin the same videos at the same time and throw
        half of the work away. Nothing rests on the hint: when only such videos are left they
        are begun, and the first success stands.
        """
        while self.waiting:
            video_id = self.waiting.popleft()
            since = time.time() - self.limits.unit_s
            if video_id in self.failed_stages or not any(
                self.store.is_in_progress(stage.name, video_id, since=since)
                for stage in self.stages
            ):
                return video_id
            self.in_progress_elsewhere.append(video_id)
        if self.is_planned and self.in_progress_elsewhere:
            return self.in_progress_elsewhere.popleft()
        return ""

    def _start(self, number: int) -> None:
        needs_gpu = any(stage.resources.gpus for stage in self.stages)
        gpus = visible_gpus() if needs_gpu else ()
        log = self.run.log
        spec = WorkerSpec(
            number,
            self.factory,
            self.store.root.absolute(),
            self.run.run_id,
            log.worker_file(number),
            self.limits,
            gpus[(number - 1) % len(gpus)] if gpus else "",
        )
        self.workers[number] = self.start_worker(spec)
        log.message("worker started", self.workers[number].location(), worker=number)

    def _receive_messages(self) -> None:
        by_channel: dict[Any, Worker] = {w.channel: w for w in self.workers.values()}
        is_planning = not self.is_planned and len(self.waiting) <= len(self.workers)
        if not by_channel:
            if not is_planning:
                time.sleep(_TICK_S)
            return
        for channel in wait(list(by_channel), timeout=0.0 if is_planning else _TICK_S):
            worker = by_channel[channel]
            message = worker.receive()
            if message is None:
                self._reap(worker)
            else:
                self._handle(message, worker)

    def _handle(self, message: Message, worker: Worker) -> None:
        match message:
            case {"event": fields}:
                event = Event(**fields)
                if event.kind == "progress":  # the limits are those of a whole unit
                    self.run.tally.add(replace(event, worker=worker.spec.number))
                    return
                worker.active_since = time.monotonic()
                worker.setting_up = ""
                worker.stage = event.stage if event.kind == "started" else ""
                self._add_event(replace(event, worker=worker.spec.number))
            case {"finished": _}:
                worker.finish_video()
            case {"location": location}:
                self.run.log.message("worker placed", location, worker=worker.spec.number)
            case {"setup": stage}:
                worker.setting_up = cast("str", stage)
                worker.active_since = time.monotonic()
            case {"ready": stages}:
                self._check_stages(stages)
                worker.state = "idle"
            case {"broken": [cause, where, next_step]}:
                raise EnvironmentProblem(
                    f"{cause} (log: {worker.spec.log})", where=where, next_step=next_step
                )

    def _check_stages(self, stages: Mapping[str, object]) -> None:
        if stages != {one.name: [one.version, one.schema_digest] for one in self.stages}:
            raise EnvironmentProblem(
                "a worker started with other stages than the run: the code has changed meanwhile",
                where=str(self.run.log.folder),
                next_step="Run again; finished units stay",
            )

    def _add_event(self, event: Event) -> None:
        """Pass an event on, each unit's end once, however often its video is begun."""
        if event.kind in ENDINGS:
            ended = self.ended_stages.setdefault(event.video_id, set())
            if event.stage in ended:
                return
            ended.add(event.stage)
        self.run.tally.add(event)

    def _enforce_limits(self) -> None:
        if time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + _TICK_S
        for worker in self.workers.values():
            breach = worker.limit_breach() if not worker.kill_reason else ""
            if breach:
                worker.kill(breach)

    def _reap(self, worker: Worker) -> None:
        """Record and report the unit of a worker that is gone, and free its number."""
        number = worker.spec.number
        del self.workers[number]
        is_expected = worker.state == "stopping" and not worker.video_id
        never_worked = worker.state == "starting" or worker.setting_up
        exit_reason = worker.reap()
        self._remove_staging(worker)
        is_no_fault = worker.lost_machine or (never_worked and worker.killed_by_other)
        may_try_again = is_no_fault and self._count_loss(worker)
        if worker.video_id and not never_worked and not may_try_again:
            self._fail_unit_in_hand(worker, exit_reason)
        if worker.video_id and worker.state == "busy":
            self.waiting.appendleft(worker.video_id)
        if is_expected:
            self.free_numbers.append(number)
            return
        message = f"worker {number}: {exit_reason} (log: {worker.spec.log})"
        if never_worked and not may_try_again:
            self.start_problem = f"{exit_reason}: {worker.stderr_tail()}"
            message = f"worker {number} is given up: {self.start_problem}"
        else:
            self.free_numbers.append(number)
        self.run.log.message("worker lost", message, worker=number)
        self.run.report(message)

    def _count_loss(self, worker: Worker) -> bool:
        """Count a loss of a video, or of a worker without one; return whether it may go on."""
        who = worker.video_id or f"worker {worker.spec.number}"
        self.losses[who] += 1
        return self.losses[who] <= MAX_LOSSES

    def _fail_unit_in_hand(self, worker: Worker, reason: str) -> None:
        """Record the unit in progress as failed, unless it was finished after all."""
        video_id = worker.video_id
        unit = _unit_in_hand(plan_video(self.stages, video_id, self.store), worker.stage)
        if unit is None:
            return
        self.failed_stages.setdefault(video_id, set()).add(unit.stage)
        seconds = time.monotonic() - worker.active_since
        event = Event("failed", unit.stage, video_id, reason, seconds, worker.spec.number)
        if unit.identity is not None:
            stage = next(stage for stage in self.stages if stage.name == unit.stage)
            result = record_lost_unit(
                stage, unit, self.store, reason=reason, seconds=seconds, run_id=self.run.run_id
            )
            event = replace(event, unrecorded=result.unrecorded)
        self._add_event(event)

    def _remove_staging(self, worker: Worker) -> None:
        if worker.video_id and worker.staging_prefix and not worker.lost_machine:
            for stage in self.stages:
                self.store.remove_staging(stage.name, worker.video_id, worker.staging_prefix)


def _unit_in_hand(units: Sequence[PlannedUnit], stage: str) -> PlannedUnit | None:
    """Find the unit a worker died on: the one it named, or else the first to be done."""
    for unit in units:
        if unit.action in ("run", "retry") and stage in (unit.stage, ""):
            return unit
    return None
