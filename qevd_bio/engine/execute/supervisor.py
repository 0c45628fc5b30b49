"""Running videos in supervised worker processes: one that dies costs one unit."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any, cast

from qevd_bio.engine.events import ENDINGS, Event, RunSummary, Tally
from qevd_bio.engine.execute.attempt import lost
from qevd_bio.engine.execute.interrupts import Interrupts, counted_interrupts
from qevd_bio.engine.execute.limits import Limits, visible_gpus
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.unit_run import standing
from qevd_bio.engine.execute.worker_process import StartWorker, Worker, start_worker
from qevd_bio.engine.log import RunLog
from qevd_bio.engine.plan import PlannedUnit, plan_video
from qevd_bio.engine.stage import Stage, check_stages, check_videos
from qevd_bio.engine.store import Store
from qevd_bio.errors import EnvironmentProblem

_TICK_S = 0.25
_PLANNING_S = 0.1
_FAREWELL_S = 10.0

# So often a unit may lose its machine before it is held to be the cause.
LOSSES = 3


def run_supervised(
    recipe: StageFactory,
    stages: Sequence[Stage],
    video_ids: Sequence[str],
    store: Store,
    *,
    workers: int,
    limits: Limits,
    log: RunLog,
    on_event: Callable[[Event], None],
    notice: Callable[[str], None],
    start: StartWorker = start_worker,
) -> RunSummary:
    """Bring every unit up to date with several workers at once.

    Parameters
    ----------
    recipe : StageFactory
        Makes the stages in each worker.
    stages : sequence of Stage
        The same stages in this process, which plans and never sets one up.
    video_ids : sequence of str
        The videos, in the order they are begun.
    store : Store
        Where results lie and go.
    workers : int
        Most workers at once; none is started when there is nothing to do.
    limits : Limits
        What each may take.
    log : RunLog
        The log of the run; its folder names the run.
    on_event : callable
        Told of each unit's start and end.
    notice : callable
        Told in one line what the user should know of the workers.
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
        The user interrupted once and the units in hand are finished, or twice.

    Notes
    -----
    The bytes are those of `run_local`: a worker settles a video as that does, and nothing
    passes between videos. A unit whose worker is killed, runs out of time or of memory is
    recorded as failed by that cause; its video goes on with another worker. A unit whose
    machine is gone is begun anew, up to `LOSSES` times. Videos that another run seems to have
    in hand come last.
    """
    check_stages(stages)
    check_videos(video_ids)
    supervisor = _Supervisor(
        recipe, stages, video_ids, store, workers, limits, log, Tally(on_event), notice, start
    )
    with counted_interrupts() as interrupts:
        try:
            supervisor.run(interrupts)
        finally:
            supervisor.dismiss(at_once=interrupts.count > 1)
    if interrupts.count:
        raise KeyboardInterrupt
    return supervisor.tally.summary()


class _Supervisor:
    def __init__(
        self,
        recipe: StageFactory,
        stages: Sequence[Stage],
        video_ids: Sequence[str],
        store: Store,
        workers: int,
        limits: Limits,
        log: RunLog,
        tally: Tally,
        notice: Callable[[str], None],
        start: StartWorker,
    ) -> None:
        self.recipe, self.stages, self.store = recipe, stages, store
        self.limits, self.log, self.tally, self.notice = limits, log, tally, notice
        self.start_worker = start
        self.unplanned = iter(video_ids)
        self.is_planned = False
        self.waiting: deque[str] = deque()
        self.others: deque[str] = deque()
        self.passed: dict[str, set[str]] = {}
        self.reported: dict[str, set[str]] = {}
        self.losses: Counter[str] = Counter()
        self.workers: dict[int, Worker] = {}
        self.free = deque(range(1, workers + 1))
        self.start_problem = ""
        self.next_look = 0.0
        needs_gpu = any(stage.resources.gpus for stage in stages)
        self.gpus = visible_gpus() if needs_gpu else ()

    def run(self, interrupts: Interrupts) -> None:
        told = False
        while interrupts.count < 2:
            if interrupts.count:
                if not told:
                    told = True
                    self._ask_to_leave()
                if not any(worker.video_id for worker in self.workers.values()):
                    return
            else:
                self._plan_ahead()
                self._hand_out()
                if self.is_planned and not self._is_open() and not self._is_busy():
                    return
            self._listen()
            self._watch()

    def dismiss(self, *, at_once: bool) -> None:
        """End all workers; those with a unit in hand lose it."""
        for worker in self.workers.values():
            if at_once or worker.video_id or worker.state == "starting":
                worker.kill()
            else:
                worker.leave()
        deadline = time.monotonic() + _FAREWELL_S
        for worker in self.workers.values():
            with suppress(OSError):
                while worker.line.poll(max(0.0, deadline - time.monotonic())):
                    if worker.receive() is None:
                        break
            worker.kill()
            worker.bury()
            self._sweep(worker)
        self.workers.clear()

    def _is_open(self) -> bool:
        return bool(self.waiting or self.others)

    def _is_busy(self) -> bool:
        return any(worker.video_id for worker in self.workers.values())

    def _ask_to_leave(self) -> None:
        in_hand = [worker for worker in self.workers.values() if worker.video_id]
        for worker in in_hand:
            worker.leave()
        if in_hand:
            self.notice(
                f"stopping: {len(in_hand)} units in hand are being finished; "
                "interrupt again to stop at once"
            )

    def _plan_ahead(self) -> None:
        """Find videos with work to do, for a moment; tell of those that need none."""
        deadline = time.monotonic() + _PLANNING_S
        wanted = len(self.workers) + len(self.free) + 1
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
                    self._tell(standing(unit))
            if time.monotonic() > deadline:
                return

    def _hand_out(self) -> None:
        idle = [worker for worker in self.workers.values() if worker.state == "idle"]
        for worker in idle:
            if worker.videos >= self.limits.recycle_after:
                worker.leave()
            elif video_id := self._next_video():
                worker.give(video_id, self.passed.setdefault(video_id, set()))
        starting = sum(worker.state == "starting" for worker in self.workers.values())
        for _ in range(min(len(self.free), len(self.waiting) + len(self.others) - starting)):
            self._start(self.free.popleft())
        if self._is_open() and not self.workers:
            raise EnvironmentProblem(
                f"no worker can start: {self.start_problem}",
                where=str(self.log.folder),
                next_step="Mend the cause and run again; the worker's log has more",
            )

    def _next_video(self) -> str:
        """Take a video; empty where another run seems to have all those at hand in hand.

        Two runs on one folder would else begin the same videos at the same time and throw
        half of the work away. Nothing rests on the hint: when only such videos are left they
        are begun, and the first success stands.
        """
        while self.waiting:
            video_id = self.waiting.popleft()
            begun = time.time() - self.limits.unit_s
            if video_id in self.passed or not any(
                self.store.is_making(stage.name, video_id, since=begun) for stage in self.stages
            ):
                return video_id
            self.others.append(video_id)
        if self.is_planned and self.others:
            return self.others.popleft()
        return ""

    def _start(self, number: int) -> None:
        gpu = self.gpus[(number - 1) % len(self.gpus)] if self.gpus else ""
        self.workers[number] = self.start_worker(
            number,
            self.recipe,
            work=self.store.root,
            run_id=self.log.folder.name,
            log=self.log.worker_file(number),
            limits=self.limits,
            gpu=gpu,
        )
        self.log.note("worker started", self.workers[number].place(), worker=number)

    def _listen(self) -> None:
        by_line: dict[Any, Worker] = {w.line: w for w in self.workers.values()}
        is_planning = not self.is_planned and len(self.waiting) <= len(self.workers)
        if not by_line:
            if not is_planning:
                time.sleep(_TICK_S)
            return
        for line in wait(list(by_line), timeout=0.0 if is_planning else _TICK_S):
            worker = by_line[line]
            message = worker.receive()
            if message is None:
                self._bury(worker)
            else:
                self._hear(worker, message)

    def _hear(self, worker: Worker, message: Mapping[str, Any]) -> None:
        match message:
            case {"event": event}:
                self._hear_event(worker, replace(Event(**event), worker=worker.number))
            case {"finished": _}:
                worker.rest()
            case {"place": place}:
                self.log.note("worker placed", cast("str", place), worker=worker.number)
            case {"setup": stage}:
                worker.setting_up = cast("str", stage)
                worker.since = time.monotonic()
            case {"ready": versions}:
                self._check_versions(versions)
                worker.state = "idle"
            case {"broken": [cause, where, next_step]}:
                raise EnvironmentProblem(
                    f"{cause} (log: {worker.log})", where=where, next_step=next_step
                )

    def _hear_event(self, worker: Worker, event: Event) -> None:
        worker.since = time.monotonic()
        worker.setting_up = ""
        worker.stage = event.stage if event.kind == "started" else ""
        self._tell(event)

    def _check_versions(self, versions: Mapping[str, object]) -> None:
        if versions != {one.name: [one.version, one.schema_digest] for one in self.stages}:
            raise EnvironmentProblem(
                "a worker started with other stages than the run: the code has changed meanwhile",
                where=str(self.log.folder),
                next_step="Run again; finished units stay",
            )

    def _tell(self, event: Event) -> None:
        """Pass an event on, each unit's end once, however often its video is begun."""
        if event.kind in ENDINGS:
            ended = self.reported.setdefault(event.video_id, set())
            if event.stage in ended:
                return
            ended.add(event.stage)
        self.tally.add(event)

    def _watch(self) -> None:
        if time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + _TICK_S
        for worker in list(self.workers.values()):
            fault = worker.fault() if not worker.doom else ""
            if fault:
                worker.kill(fault)

    def _bury(self, worker: Worker) -> None:
        """Draw the consequences of a worker that is gone."""
        del self.workers[worker.number]
        left_as_told = worker.state == "leaving" and not worker.video_id
        never_worked = worker.state == "starting" or worker.setting_up
        fate = worker.bury()
        self._sweep(worker)
        is_no_fault = worker.was_lost or (never_worked and worker.was_killed)
        is_forgiven = is_no_fault and self._is_forgiven(worker)
        if worker.video_id and not never_worked and not is_forgiven:
            self._blame(worker, fate)
        if worker.video_id and worker.state == "busy":
            self.waiting.appendleft(worker.video_id)
        if left_as_told:
            self.free.append(worker.number)
            return
        words = f"worker {worker.number}: {fate} (log: {worker.log})"
        if never_worked and not is_forgiven:
            self.start_problem = f"{fate}: {worker.last_words()}"
            words = f"worker {worker.number} is given up: {self.start_problem}"
        else:
            self.free.append(worker.number)
        self.log.note("worker lost", words, worker=worker.number)
        self.notice(words)

    def _is_forgiven(self, worker: Worker) -> bool:
        """Count what befell a video, or a worker without one, in this run from outside."""
        who = worker.video_id or f"worker {worker.number}"
        self.losses[who] += 1
        return self.losses[who] <= LOSSES

    def _blame(self, worker: Worker, fate: str) -> None:
        """Record the unit that was in hand as failed, unless it was finished after all."""
        video_id = worker.video_id
        unit = _unit_in_hand(plan_video(self.stages, video_id, self.store), worker.stage)
        if unit is None:
            return
        stage = next(stage for stage in self.stages if stage.name == unit.stage)
        self.passed.setdefault(video_id, set()).add(unit.stage)
        seconds = time.monotonic() - worker.since
        event = Event("failed", unit.stage, video_id, fate, seconds, worker.number)
        if unit.identity is not None:
            made = lost(
                stage,
                unit,
                self.store,
                reason=fate,
                seconds=seconds,
                run_id=self.log.folder.name,
            )
            event = replace(event, unrecorded=made.unrecorded)
        self._tell(event)

    def _sweep(self, worker: Worker) -> None:
        if worker.video_id and worker.maker and not worker.was_lost:
            for stage in self.stages:
                self.store.sweep(stage.name, worker.video_id, worker.maker)


def _unit_in_hand(units: Sequence[PlannedUnit], stage: str) -> PlannedUnit | None:
    """Find the unit a worker died on: the one it named, or else the first to be done."""
    for unit in units:
        if unit.action in ("run", "retry") and stage in (unit.stage, ""):
            return unit
    return None
