"""Bringing one video up to date, stage after stage, with models loaded once."""

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


@dataclass(slots=True)
class Workshop:
    """Stages that are set up before their first unit that must run, and kept.

    Parameters
    ----------
    stages : sequence of Stage
        Every stage after the ones it reads from.
    store : Store
        Where results lie and go.
    run_id : str
        The run on whose behalf units are made.
    before_setup : callable
        Told the name of a stage before its `setup`, which may take minutes.
    """

    stages: Sequence[Stage]
    store: Store
    run_id: str = ""
    before_setup: Callable[[str], None] = lambda _stage: None
    _ready: set[str] = field(default_factory=set)
    _loaded: ExitStack = field(default_factory=ExitStack)

    def settle(
        self,
        video_id: str,
        tell: Callable[[Event], None],
        *,
        passed: AbstractSet[str] = frozenset(),
        must_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Bring every unit of a video up to date.

        Parameters
        ----------
        video_id : str
            The video.
        tell : callable
            Told of each unit's start and end.
        passed : set of str
            Stages that failed in this run already and are not tried again.
        must_stop : callable
            Asked before each unit.

        Raises
        ------
        Exception
            Whatever a stage's `setup` raises: no unit of it could run.

        Notes
        -----
        A failed unit is recorded and what reads it is told as skipped.
        """
        settled: dict[str, PlannedUnit] = {}
        for stage in self.stages:
            if must_stop():
                return
            planned = plan_unit(stage, video_id, settled, self.store)
            if planned.action == "run" or (planned.action == "retry" and stage.name not in passed):
                planned = self._work(stage, planned, settled, tell)
            else:
                tell(standing(planned))
            settled[stage.writes] = planned

    def close(self) -> None:
        """Tear down what was set up, in reverse order."""
        self._loaded.close()

    def _work(
        self,
        stage: Stage,
        planned: PlannedUnit,
        settled: Mapping[str, PlannedUnit],
        tell: Callable[[Event], None],
    ) -> PlannedUnit:
        if planned.cause is None:
            self._set_up(stage)
            tell(Event("started", stage.name, planned.video_id, "; ".join(planned.why)))
        made = attempt(
            stage, planned, _inputs(stage, settled, self.store), self.store, run_id=self.run_id
        )
        record = made.record
        tell(
            Event(
                record.status,
                stage.name,
                planned.video_id,
                record.reason,
                record.timings.seconds,
                unrecorded=made.unrecorded,
            )
        )
        action: Action = "retry" if record.status == "failed" else "done"
        return replace(planned, action=action, record=record)

    def _set_up(self, stage: Stage) -> None:
        if stage.name not in self._ready:
            self.before_setup(stage.name)
            stage.setup()
            self._loaded.callback(stage.teardown)
            self._ready.add(stage.name)


def standing(planned: PlannedUnit) -> Event:
    """Tell of a unit that needs no work, or gets none.

    Parameters
    ----------
    planned : PlannedUnit
        Done, blocked, given up, or failed and not to be tried again.

    Returns
    -------
    Event
        Its end.
    """
    reason = planned.why[0] if planned.why else ""
    if planned.action in ("retry", "given up"):
        if planned.action == "given up":
            reason = f"not tried again, {reason}"
        return Event("failed", planned.stage, planned.video_id, reason)
    if planned.record is not None and planned.record.status == "completed":
        return Event("done", planned.stage, planned.video_id)
    if planned.record is not None:
        reason = planned.record.reason
    return Event("skipped", planned.stage, planned.video_id, reason)


def follows_another(event: Event) -> bool:
    """Say whether an ending only repeats what an earlier stage of the video told."""
    return event.kind == "skipped" and event.reason.startswith(UPSTREAM_LOST)


def _inputs(stage: Stage, settled: Mapping[str, PlannedUnit], store: Store) -> dict[str, Path]:
    records = {name: settled[name].record for name in stage.reads}
    return {name: store.artifact_path(record) for name, record in records.items() if record}
