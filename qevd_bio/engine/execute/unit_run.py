"""Running the units of videos, stage after stage, with models loaded once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.attempt import AttemptResult, attempt
from qevd_bio.engine.plan import UPSTREAM_LOST, Action, PlannedUnit, plan_unit
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.frame_progress import frame_listener


@dataclass(slots=True)
class UnitRunner:
    """Runs units; sets a stage up before its first unit that must run, and keeps it.

    `run_video` may be called in several threads, each with a video of its own. A stage then
    works on no more than its `units_in_hand` at once. `on_setup` is called with the name of a
    stage before its `setup`, which may take minutes, and with an empty name afterwards.
    """

    stages: Sequence[Stage]
    store: Store
    run_id: str = ""
    on_setup: Callable[[str], None] = lambda _stage: None
    _ready: set[str] = field(default_factory=set)
    _loaded: ExitStack = field(default_factory=ExitStack)
    _setting_up: threading.Lock = field(default_factory=threading.Lock)
    _places: dict[str, threading.Semaphore] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {one.name: threading.Semaphore(one.units_in_hand) for one in self.stages}

    def run_video(
        self,
        video_id: str,
        on_event: Callable[[Event], None],
        *,
        failed_stages: AbstractSet[str] = frozenset(),
        must_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Bring every unit of a video up to date.

        Stages in `failed_stages` failed in this run already and are not tried again; `must_stop`
        is asked before each unit. A failed unit is recorded, and units that read its artifact are
        reported as skipped. Whatever a stage's `setup` raises passes through: no unit of it
        could run.
        """
        units: dict[str, PlannedUnit] = {}
        for stage in self.stages:
            with self._places[stage.name]:
                if must_stop():
                    return
                unit = plan_unit(stage, video_id, units, self.store)
                is_retry = unit.action == "retry" and stage.name not in failed_stages
                if unit.action == "run" or is_retry:
                    unit = self._run(stage, unit, units, on_event)
                else:
                    on_event(self._ending_without_work(unit))
                units[stage.writes] = unit

    def close(self) -> None:
        """Tear down what was set up, in reverse order."""
        self._loaded.close()

    def _run(
        self,
        stage: Stage,
        unit: PlannedUnit,
        upstream: Mapping[str, PlannedUnit],
        on_event: Callable[[Event], None],
    ) -> PlannedUnit:
        if unit.cause is None:
            self._set_up(stage)
            on_event(Event("started", stage.name, unit.video_id, "; ".join(unit.why)))
        inputs = _inputs(stage, upstream, self.store)

        def on_frames(done: int, total: int) -> None:
            progress = Event("progress", stage.name, unit.video_id)
            on_event(replace(progress, frames=done, frames_total=total))

        with frame_listener(on_frames):
            result = attempt(stage, unit, inputs, self.store, run_id=self.run_id)
        on_event(result.event())
        action: Action = "retry" if result.record.status == "failed" else "done"
        return replace(unit, action=action, record=result.record)

    def _ending_without_work(self, unit: PlannedUnit) -> Event:
        """Return the end; that of this run where a worker died before it could report it."""
        if self.run_id and unit.completed is not None and unit.completed.run_id == self.run_id:
            return AttemptResult(unit.completed).event()
        return ending_without_work(unit)

    def _set_up(self, stage: Stage) -> None:
        with self._setting_up:
            if stage.name not in self._ready:
                self.on_setup(stage.name)
                stage.setup()
                self._loaded.callback(stage.teardown)
                self._ready.add(stage.name)
                self.on_setup("")


def ending_without_work(unit: PlannedUnit) -> Event:
    """Return the end of a unit that needs no work, or gets none.

    The unit is done, blocked, given up, or failed and not to be tried again.
    """
    reason = unit.why[0] if unit.why else ""
    if unit.action in ("retry", "given up"):
        if unit.action == "given up":
            reason = f"not tried again, {reason}"
        return Event("failed", unit.stage, unit.video_id, reason)
    if unit.completed is not None:
        return Event("done", unit.stage, unit.video_id)
    if unit.record is not None:
        reason = unit.record.reason
    return Event("skipped", unit.stage, unit.video_id, reason)


def follows_another(event: Event) -> bool:
    """Return whether an ending only repeats that of an earlier stage of the video."""
    return event.kind == "skipped" and event.reason.startswith(UPSTREAM_LOST)


def _inputs(stage: Stage, units: Mapping[str, PlannedUnit], store: Store) -> dict[str, Path]:
    records = {name: units[name].record for name in stage.reads}
    return {name: store.artifact_path(record) for name, record in records.items() if record}
