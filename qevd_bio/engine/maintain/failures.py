"""Failed and damaged units of a work folder, and their new attempts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.engine.plan import PlannedUnit
from qevd_bio.engine.record import UnitRecord
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.unit_files import read_whole_unit


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Units that failed for one cause.

    Attributes
    ----------
    cause : str
        The reason with the video's id replaced by VIDEO.
    units : tuple of PlannedUnit
        At least one.
    records : tuple of Path
        The files with each unit's reason and traceback.
    runs : tuple of str
        The runs that made the last attempts; their folders hold the logs.
    """

    cause: str
    units: tuple[PlannedUnit, ...]
    records: tuple[Path, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Damage:
    """A unit that does not match its record: its folder, and the problem in one line."""

    stage: str
    video_id: str
    folder: Path
    problem: str


def failure_groups(planned: Sequence[PlannedUnit], store: Store) -> list[FailureGroup]:
    """Group the failed units of a plan by cause, the most frequent cause first."""
    by_cause: dict[tuple[str, str], list[tuple[PlannedUnit, UnitRecord]]] = {}
    for unit, record in _failed(planned):
        cause = record.reason.replace(unit.video_id, "VIDEO")
        by_cause.setdefault((unit.stage, cause), []).append((unit, record))
    groups = [
        FailureGroup(
            cause,
            tuple(unit for unit, _ in members),
            tuple(store.failure_file(r.stage, r.video_id, r.identity) for _, r in members),
            tuple(sorted({record.run_id for _, record in members if record.run_id})),
        )
        for (_, cause), members in by_cause.items()
    ]
    return sorted(groups, key=lambda group: (-len(group.units), group.cause))


def reopen_failed(
    planned: Sequence[PlannedUnit], store: Store, *, stages: Sequence[str], videos: Sequence[str]
) -> list[PlannedUnit]:
    """Let the next run try failed units as if for the first time, also those given up.

    Only units of the named stages and videos are reopened; none named means all.

    Raises
    ------
    EnvironmentProblem
        The work folder cannot be written.
    """
    reopened = []
    for unit, record in _failed(planned):
        if (not stages or unit.stage in stages) and (not videos or unit.video_id in videos):
            store.reopen(record)
            reopened.append(unit)
    return reopened


def verify(stages: Sequence[Stage], store: Store) -> Iterator[Damage | UnitRecord]:
    """Read every byte of every unit, superseded ones too; yield the record of each sound one."""
    for stage in stages:
        for folder in store.units(stage.name):
            record = read_whole_unit(folder)
            if isinstance(record, UnitRecord):
                yield record
            else:
                yield Damage(stage.name, folder.parent.name, folder, record)


def _failed(planned: Sequence[PlannedUnit]) -> Iterator[tuple[PlannedUnit, UnitRecord]]:
    for unit in planned:
        if unit.record is not None and unit.record.status == "failed":
            yield unit, unit.record
