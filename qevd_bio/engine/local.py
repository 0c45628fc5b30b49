"""Running units one after the other in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal

from qevd_bio.engine.attempt import attempt
from qevd_bio.engine.plan import PlannedUnit, plan_unit
from qevd_bio.engine.record import UnitRecord
from qevd_bio.engine.stage import Stage, check_stages, check_videos
from qevd_bio.engine.store import Store

EventKind = Literal["started", "completed", "failed", "skipped", "done"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something a progress display may want to show.

    Attributes
    ----------
    kind : str
        Every unit ends with exactly one of ``completed``, ``failed``, ``skipped`` (on
        purpose or for want of an artifact) and ``done`` (completed by an earlier run);
        ``started`` comes before when the stage is called.
    stage, video_id : str
        The unit.
    reason : str
        Why it failed or was skipped; when it starts, why it runs.
    seconds : float
        What this run spent on it.
    """

    kind: EventKind
    stage: str
    video_id: str
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What came of a run.

    Attributes
    ----------
    counts : mapping of str to int
        Units ``completed`` by this run, ``done`` before, ``failed``, ``skipped``.
    failures : tuple of UnitRecord
        The failed units, in the order they ran.
    """

    counts: Mapping[str, int]
    failures: tuple[UnitRecord, ...]


def run_local(
    stages: Sequence[Stage],
    video_ids: Sequence[str],
    store: Store,
    *,
    on_event: Callable[[Event], None],
) -> RunSummary:
    """Bring every unit up to date, video by video.

    Parameters
    ----------
    stages : sequence of Stage
        Every stage after the ones it reads from. One is set up before its first unit that
        must run, and torn down at the end.
    video_ids : sequence of str
        The videos, in the order they are worked on.
    store : Store
        Where results lie and go.
    on_event : callable
        Told of each unit's start and end.

    Returns
    -------
    RunSummary
        Counts over all units, and the failures.

    Raises
    ------
    DataError, UsageError
        The stages do not fit together, or video ids cannot be used.
    EnvironmentProblem
        The store cannot be written.
    Exception
        Whatever a stage's `setup` raises: no unit of it could run.

    Notes
    -----
    A failed unit is recorded and the others go on; what reads it is recorded as skipped.
    Failed units run again with the next call.
    """
    check_stages(stages)
    check_videos(video_ids)
    counts: Counter[str] = Counter({"completed": 0, "done": 0, "failed": 0, "skipped": 0})
    failures: list[UnitRecord] = []
    ready: set[str] = set()
    with ExitStack() as loaded:
        for video_id in video_ids:
            settled: dict[str, PlannedUnit] = {}
            for stage in stages:
                planned = plan_unit(stage, video_id, settled, store)
                record = planned.record if planned.action == "done" else None
                if record is None:
                    if planned.action != "blocked" and planned.cause is None:
                        why = "; ".join(planned.why)
                        on_event(Event("started", stage.name, video_id, why))
                        if stage.name not in ready:
                            stage.setup()
                            loaded.callback(stage.teardown)
                            ready.add(stage.name)
                    record = _attempt(stage, planned, settled, store)
                    event = _end(record.status, record, record.timings.seconds)
                    if record.status == "failed":
                        failures.append(record)
                else:
                    event = _end("done" if record.status == "completed" else "skipped", record)
                counts[event.kind] += 1
                settled[stage.writes] = replace(planned, action="done", record=record)
                on_event(event)
    return RunSummary(dict(counts), tuple(failures))


def _attempt(
    stage: Stage, planned: PlannedUnit, settled: Mapping[str, PlannedUnit], store: Store
) -> UnitRecord:
    records = {name: settled[name].record for name in stage.reads}
    inputs = {
        name: store.artifact_path(record)
        for name, record in records.items()
        if record is not None and record.status == "completed"
    }
    return attempt(stage, planned, inputs, store)


def _end(kind: EventKind, record: UnitRecord, seconds: float = 0.0) -> Event:
    return Event(kind, record.stage, record.video_id, record.reason, seconds)
