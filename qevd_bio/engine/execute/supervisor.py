"""Running videos in supervised worker processes: one that dies costs one unit at most."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import Any

from qevd_bio.engine.events import ENDINGS, Event, RunSummary
from qevd_bio.engine.execute.attempt import record_lost_unit
from qevd_bio.engine.execute.interrupts import Interrupts, counted_interrupts
from qevd_bio.engine.execute.messages import Message
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.video_queue import VideoQueue
from qevd_bio.engine.execute.worker_process import (
    OUT_OF_MEMORY,
    StartWorker,
    VideoInHand,
    Worker,
    WorkerSpec,
    start_worker,
)
from qevd_bio.engine.limits import Limits, most_in_hand, visible_gpus
from qevd_bio.engine.plan import PlannedUnit, plan_video
from qevd_bio.engine.runs import OpenRun
from qevd_bio.engine.stage import Stage, check_stages, check_videos
from qevd_bio.engine.store import Store
from qevd_bio.errors import EnvironmentProblem

_TICK_S = 0.25
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
    recorded as failed by that cause; its video goes on with another worker. When the worker had
    several videos in hand and none of them is known to be the cause, none is recorded: each
    runs again alone, which shows the cause. A unit on a lost machine is started again, up to
    `MAX_LOSSES` times. Videos that another run seems to work on come last.
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
        VideoQueue(stages, store, iter(video_ids), limits.unit_s, run.tally.add),
        most_in_hand=min(most_in_hand(stages), limits.in_hand or sys.maxsize),
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
    queue: VideoQueue
    most_in_hand: int
    free_numbers: deque[int]
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
                self.queue.plan(self._wanted())
                self._assign_videos()
                if self.queue.is_planned and not self.queue and not self._busy():
                    return
            self._receive_messages()
            self._enforce_limits()

    def shut_down(self, *, at_once: bool) -> None:
        """End all workers; their units in progress are lost."""
        for worker in self.workers.values():
            if at_once or worker.in_hand or worker.state == "starting":
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

    def _wanted(self) -> int:
        """Return how many videos shall wait, so that no worker does."""
        return (len(self.workers) + len(self.free_numbers)) * self.most_in_hand + 1

    def _busy(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.in_hand]

    def _stop_workers(self) -> None:
        busy = self._busy()
        for worker in busy:
            worker.stop()
        units = sum(len(worker.in_hand) for worker in busy)
        if units:
            self.run.report(
                f"stopping: {units} units in progress are being finished; "
                "interrupt again to stop at once"
            )

    def _assign_videos(self) -> None:
        for worker in self.workers.values():
            if worker.state == "ready" and not worker.in_hand and worker.is_used_up():
                worker.stop()
        while (able := self._least_loaded()) is not None:
            alone = "" if able.in_hand else self.queue.take_alone()
            video_id = alone or self.queue.take()
            if not video_id:
                break
            failed = self.failed_stages.setdefault(video_id, set())
            able.assign(video_id, failed, alone=bool(alone))
        starting = sum(worker.state == "starting" for worker in self.workers.values())
        for _ in range(min(len(self.free_numbers), len(self.queue) - starting)):
            self._start(self.free_numbers.popleft())
        if self.queue and not self.workers:
            raise EnvironmentProblem(
                f"no worker can start: {self.start_problem}",
                where=str(self.run.log.folder),
                next_step="Fix the cause and run again; the worker's log has more",
            )

    def _least_loaded(self) -> Worker | None:
        """Choose the worker that takes the next video; near the end all have as many."""
        left = len(self.queue) + sum(len(worker.in_hand) for worker in self.workers.values())
        share = -(-left // max(1, len(self.workers) + len(self.free_numbers)))
        most = min(self.most_in_hand, share)
        able = [worker for worker in self.workers.values() if worker.may_take(most)]
        return min(able, key=lambda worker: len(worker.in_hand), default=None)

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
        is_planning = self.queue.is_short_of(self._wanted())
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
                worker.note_unit(event.video_id, event.stage if event.kind == "started" else "")
                self._add_event(replace(event, worker=worker.spec.number))
            case {"finished": video_id}:
                worker.finish_video(video_id)
            case {"location": location}:
                self.run.log.message("worker placed", location, worker=worker.spec.number)
            case {"setup": stage}:
                worker.note_setup(stage)
            case {"ready": stages}:
                self._check_stages(stages)
                worker.state = "ready"
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
            breach = worker.limit_breach() if not worker.kill_reason else None
            if breach is not None:
                worker.blamed = breach.video_id
                worker.kill(breach.reason)

    def _reap(self, worker: Worker) -> None:
        """Record and report the videos of a worker that is gone, and free its number."""
        number = worker.spec.number
        del self.workers[number]
        is_expected = worker.state == "stopping" and not worker.in_hand
        exit_reason = worker.reap()
        self._remove_staging(worker)
        is_no_fault = worker.lost_machine or (worker.never_worked and worker.killed_by_other)
        lost_too_often = self._count_losses(worker) if is_no_fault else []
        message = f"worker {number}: {exit_reason} (log: {worker.spec.log})"
        if not worker.never_worked:
            message += self._give_back(worker, exit_reason, lost_too_often)
        else:
            for video_id in reversed(worker.in_hand):
                self.queue.give_back(video_id, alone=False)
        if worker.never_worked and not is_expected and (lost_too_often or not is_no_fault):
            self.start_problem = f"{exit_reason}: {worker.stderr_tail()}"
            message = f"worker {number} is given up: {self.start_problem}"
        else:
            self.free_numbers.append(number)
        if not is_expected:
            self.run.log.message("worker lost", message, worker=number)
            self.run.report(message)

    def _count_losses(self, worker: Worker) -> list[str]:
        """Count a loss of its videos, or of a worker without one; list those lost too often."""
        lost = list(worker.in_hand) or [f"worker {worker.spec.number}"]
        self.losses.update(lost)
        return [one for one in lost if self.losses[one] > MAX_LOSSES]

    def _give_back(self, worker: Worker, reason: str, lost_too_often: Sequence[str]) -> str:
        """Record the unit that ended a worker, and queue its videos; return a note for the user.

        Of several videos without a known cause none is recorded; each runs again alone.
        """
        if worker.lost_machine:
            blamed = set(lost_too_often)
        else:
            blamed = {worker.blamed} if worker.blamed else set(worker.in_hand)
        is_clear = worker.lost_machine or len(blamed) <= 1
        for one in reversed(worker.in_hand.values()):
            if is_clear and one.video_id in blamed:
                self._fail_unit_in_hand(one, reason, worker.spec.number)
            self.queue.give_back(one.video_id, alone=not is_clear)
        if is_clear:
            return ""
        note = f"; its {len(worker.in_hand)} videos run again, each alone"
        if OUT_OF_MEMORY in reason:
            self.most_in_hand = max(1, min(self.most_in_hand, len(worker.in_hand)) // 2)
            note += f", the others at most {self.most_in_hand} at once"
        return note

    def _fail_unit_in_hand(self, video: VideoInHand, reason: str, worker: int) -> None:
        """Record the unit in progress as failed, unless it was finished after all."""
        units = plan_video(self.stages, video.video_id, self.store)
        unit = _unit_in_hand(units, video.stage)
        if unit is None:
            return
        self.failed_stages.setdefault(video.video_id, set()).add(unit.stage)
        seconds = time.monotonic() - video.since
        event = Event("failed", unit.stage, video.video_id, reason, seconds, worker)
        if unit.identity is not None:
            stage = next(stage for stage in self.stages if stage.name == unit.stage)
            result = record_lost_unit(
                stage, unit, self.store, reason=reason, seconds=seconds, run_id=self.run.run_id
            )
            event = replace(event, unrecorded=result.unrecorded)
        self._add_event(event)

    def _remove_staging(self, worker: Worker) -> None:
        if worker.staging_prefix and not worker.lost_machine:
            for video_id in worker.in_hand:
                for stage in self.stages:
                    self.store.remove_staging(stage.name, video_id, worker.staging_prefix)


def _unit_in_hand(units: Sequence[PlannedUnit], stage: str) -> PlannedUnit | None:
    """Find the unit a worker died on: the one it named, or else the first to be done."""
    for unit in units:
        if unit.action in ("run", "retry") and stage in (unit.stage, ""):
            return unit
    return None
