"""What a run would do with each unit, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qevd_bio.engine.record import UnitRecord, one_line, unit_identity
from qevd_bio.engine.stage import Stage, check_stages, check_videos
from qevd_bio.engine.store import Store
from qevd_bio.errors import QevdBioError

Action = Literal["run", "done", "blocked", "retry", "given up"]

MAX_ATTEMPTS = 3
"""A unit that failed this often with the same inputs is left alone until someone asks."""

UPSTREAM = "upstream:"
OUTPUT_SCHEMA = "schema of what it writes"
"""Keys of `UnitRecord.depends` that the engine sets: the artifacts read, and the columns."""

UNREADABLE = "unreadable"
UPSTREAM_LOST = "upstream "


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """One unit as the store and the inputs have it now.

    Attributes
    ----------
    stage, video_id : str
        The unit.
    action : str
        ``done`` (completed, or skipped on purpose, or in want of an artifact that was),
        ``run``, ``retry`` (failed before with the same inputs), ``given up`` (failed
        `MAX_ATTEMPTS` times with the same inputs), ``blocked`` (an artifact it reads failed).
    identity : str or None
        None while an artifact it reads is still to be made, or never will be.
    why : tuple of str
        The reasons for the action, one line each; empty for a completed unit.
    depends : mapping of str to str
        Digests known now; all of them once `identity` is set.
    record : UnitRecord or None
        The unit's record under this identity, if it counts.
    cause : Exception or None
        What kept the stage from naming its inputs.
    """

    stage: str
    video_id: str
    action: Action
    identity: str | None
    why: tuple[str, ...]
    depends: Mapping[str, str]
    record: UnitRecord | None
    cause: Exception | None = None

    @property
    def completed(self) -> UnitRecord | None:
        """The record, if the unit has an artifact."""
        return self.record if self.record and self.record.status == "completed" else None


def plan(stages: Sequence[Stage], video_ids: Sequence[str], store: Store) -> list[PlannedUnit]:
    """Plan a run without doing it.

    Parameters
    ----------
    stages : sequence of Stage
        Every stage after the ones it reads from.
    video_ids : sequence of str
        The videos, in the order they would be worked on.
    store : Store
        Where results lie; nothing is written.

    Returns
    -------
    list of PlannedUnit
        Video by video, in the order of `stages`.

    Raises
    ------
    DataError, UsageError
        The stages do not fit together, or video ids cannot be used.

    Notes
    -----
    A unit that waits for an upstream artifact is planned to ``run``; if the artifact turns out
    with the same bytes as before, the run finds the unit done and keeps it.
    """
    check_stages(stages)
    check_videos(video_ids)
    return [unit for video_id in video_ids for unit in plan_video(stages, video_id, store)]


def plan_video(stages: Sequence[Stage], video_id: str, store: Store) -> list[PlannedUnit]:
    """Plan the units of one video, in the order of `stages`."""
    upstream: dict[str, PlannedUnit] = {}
    for stage in stages:
        upstream[stage.writes] = plan_unit(stage, video_id, upstream, store)
    return list(upstream.values())


def plan_unit(
    stage: Stage, video_id: str, upstream: Mapping[str, PlannedUnit], store: Store
) -> PlannedUnit:
    """Plan one unit from the units that make what it reads, by the name of the artifact."""
    reads = [upstream[name] for name in stage.reads]
    obstacles = sorted(filter(None, map(_obstacle, reads)), key=lambda found: found[0])
    if obstacles:
        action, why = obstacles[0]
        return PlannedUnit(stage.name, video_id, action, None, (why,), {}, None)
    own, cause = _own_dependencies(stage, video_id)
    pending = [f"waits for {unit.stage}" for unit in reads if unit.action != "done"]
    if pending:
        changes = _changes(stage, video_id, own, cause, store)
        lines = (*(line for line in changes if not line.startswith(UPSTREAM)), *pending)
        return PlannedUnit(stage.name, video_id, "run", None, lines, own, None, cause)

    depends = own | {f"{UPSTREAM}{name}": _artifact_digest(upstream[name]) for name in stage.reads}
    identity = unit_identity(stage.name, stage.version, video_id, depends)
    found = store.find(stage.name, video_id, identity)
    record = found.record
    if record is None:
        problem = (found.problem,) if found.problem else ()
        why_run = problem or _changes(stage, video_id, depends, cause, store)
        return PlannedUnit(stage.name, video_id, "run", identity, why_run, depends, None, cause)
    action, lines = _action_of_recorded(record)
    return PlannedUnit(stage.name, video_id, action, identity, lines, depends, record, cause)


def current_artifacts(planned: Sequence[PlannedUnit], store: Store) -> dict[str, dict[str, Path]]:
    """Find the artifacts of the current inputs, rules and configuration.

    They are by video id, then stage name. Every planned video has an entry; a stage that has
    still to run, failed or was skipped is absent from it.
    """
    found: dict[str, dict[str, Path]] = {unit.video_id: {} for unit in planned}
    for unit in planned:
        if unit.completed is not None:
            found[unit.video_id][unit.stage] = store.artifact_path(unit.completed)
    return found


def _own_dependencies(stage: Stage, video_id: str) -> tuple[dict[str, str], Exception | None]:
    """Ask the stage for its dependencies; an error becomes the failure of this one unit."""
    try:
        own = dict(stage.depends(video_id))
        for name, digest in own.items():
            if not isinstance(digest, str):
                raise TypeError(f"digest of '{name}' is no text")
            if name in (UNREADABLE, OUTPUT_SCHEMA) or name.startswith(UPSTREAM):
                raise ValueError(f"dependency name '{name}' is the engine's own")
    except Exception as error:  # noqa: BLE001  recorded as the failure of this unit
        return {UNREADABLE: one_line(error)}, error
    return own | {OUTPUT_SCHEMA: stage.schema_digest}, None


def _obstacle(unit: PlannedUnit) -> tuple[Action, str] | None:
    """Return why an artifact will not be there, by the first cause in the chain, if so."""
    if unit.action == "blocked":
        return "blocked", unit.why[0]
    if unit.record is None:
        if unit.action == "done":
            return "done", unit.why[0]
        if unit.cause is not None:
            return "blocked", f"{UPSTREAM_LOST}{unit.stage} failed: {one_line(unit.cause)}"
        return None
    if unit.completed is not None:
        return None
    action: Action = "done" if unit.record.status == "skipped" else "blocked"
    return action, f"{UPSTREAM_LOST}{unit.stage} {unit.record.status}: {unit.record.reason}"


def _artifact_digest(unit: PlannedUnit) -> str:
    if unit.record is None:
        raise AssertionError(f"{unit.stage}/{unit.video_id} is done without a record")
    return unit.record.outputs[0].sha256


def _action_of_recorded(record: UnitRecord) -> tuple[Action, tuple[str, ...]]:
    if record.status == "failed":
        if record.attempt >= MAX_ATTEMPTS:
            return "given up", (f"failed {record.attempt} times: {record.reason}",)
        return "retry", (f"failed before: {record.reason}",)
    if record.status == "skipped":
        return "done", (f"skipped: {record.reason}",)
    return "done", ()


def _changes(
    stage: Stage,
    video_id: str,
    depends: Mapping[str, str],
    cause: Exception | None,
    store: Store,
) -> tuple[str, ...]:
    """Name what differs from the newest earlier unit."""
    if cause is not None:
        text = str(cause) if isinstance(cause, QevdBioError) else one_line(cause)
        return (f"inputs unreadable: {text}",)
    earlier = store.newest(stage.name, video_id)
    if earlier is None:
        return ("never run",)
    if UNREADABLE in earlier.depends:
        return ("inputs were unreadable before",)
    lines = []
    if earlier.version != stage.version:
        lines.append(f"stage version {earlier.version} -> {stage.version}")
    for name in sorted(depends.keys() | earlier.depends.keys()):
        if name not in earlier.depends:
            lines.append(f"{name} is new")
        elif name not in depends:
            lines.append(f"{name} no longer read")
        elif depends[name] != earlier.depends[name]:
            lines.append(f"{name} changed")
    return tuple(lines)
