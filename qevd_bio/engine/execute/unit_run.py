"""Running the units of a video, stage after stage, with models loaded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.attempt import attempt
from qevd_bio.engine.plan import UPSTREAM_LOST, Action, PlannedUnit, plan_unit
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.frame_progress import frame_listener


@dataclass(slots=True)
class UnitRunner:
    """Runs units; sets a stage up before its first unit that must run, and keeps it.

    `before_setup` is called with the name of a stage before its `setup`, which may take minutes.
    """

    stages: Sequence[Stage]
    store: Store
    run_id: str = ""
    before_setup: Callable[[str], None] = lambda _stage: None
    _ready: set[str] = field(default_factory=set)
    _loaded: ExitStack = field(default_factory=ExitStack)

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
            if must_stop():
                return
            unit = plan_unit(stage, video_id, units, self.store)
            is_retry = unit.action == "retry" and stage.name not in failed_stages
            if unit.action == "run" or is_retry:
                unit = self._run(stage, unit, units, on_event)
            else:
                on_event(ending_without_work(unit))
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

    def _set_up(self, stage: Stage) -> None:
        if stage.name not in self._ready:
            self.before_setup(stage.name)
            stage.setup()
            self._loaded.callback(stage.teardown)
            self._ready.add(stage.name)


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
