"""Looking after a work folder: what failed, what is damaged, what may be tried anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.engine.plan import PlannedUnit
from qevd_bio.engine.record import UNIT_FILE, UnitRecord
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.unit_files import read_unit
from qevd_bio.files.digest import sha256_file


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
        Where each unit's reason and traceback stand.
    runs : tuple of str
        The runs that made the last attempts; their folders hold the logs.
    """

    cause: str
    units: tuple[PlannedUnit, ...]
    records: tuple[Path, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Damage:
    """A unit that is not what its record says.

    Attributes
    ----------
    stage, video_id : str
        The unit.
    folder : Path
        Where it lies, or lay.
    problem : str
        One line.
    """

    stage: str
    video_id: str
    folder: Path
    problem: str


def failed_units(planned: Sequence[PlannedUnit]) -> list[PlannedUnit]:
    """Pick the units that failed with their current inputs."""
    return [unit for unit in planned if unit.record and unit.record.status == "failed"]


def failure_groups(planned: Sequence[PlannedUnit], store: Store) -> list[FailureGroup]:
    """Group failed units by cause.

    Parameters
    ----------
    planned : sequence of PlannedUnit
        What `plan` returned for this store.
    store : Store
        Where results lie.

    Returns
    -------
    list of FailureGroup
        The most frequent cause first.
    """
    by_cause: dict[tuple[str, str], list[tuple[PlannedUnit, UnitRecord]]] = {}
    for unit in planned:
        record = unit.record
        if record is not None and record.status == "failed":
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
    """Let failed units run again, also those that were given up.

    Parameters
    ----------
    planned : sequence of PlannedUnit
        What `plan` returned for this store.
    store : Store
        Where results lie.
    stages, videos : sequence of str
        Only these; none named means all.

    Returns
    -------
    list of PlannedUnit
        The units that the next run tries as if for the first time.

    Raises
    ------
    EnvironmentProblem
        The work folder cannot be written.
    """
    chosen = [
        unit
        for unit in failed_units(planned)
        if unit.stage in (stages or (unit.stage,))
        and unit.video_id in (videos or (unit.video_id,))
    ]
    for unit in chosen:
        if unit.record is not None:
            store.reopen(unit.record)
    return chosen


def verify(stages: Sequence[Stage], store: Store) -> Iterator[Damage | UnitRecord]:
    """Read every byte of every unit again and hold it against its record.

    Parameters
    ----------
    stages : sequence of Stage
        Whose units are looked at, superseded ones too.
    store : Store
        Where results lie.

    Yields
    ------
    Damage or UnitRecord
        One for each unit; a record is that of a sound unit.
    """
    for stage in stages:
        for folder in store.units(stage.name):
            found = read_unit(folder)
            problem = found.problem or unit_problem(folder, found.record)
            if problem or found.record is None:
                yield Damage(stage.name, folder.parent.name, folder, problem)
            else:
                yield found.record


def unit_problem(folder: Path, record: UnitRecord | None) -> str:
    """Read every byte of a unit and say in one line what is wrong; empty when it is sound."""
    if record is None:
        return f"{UNIT_FILE} missing"
    for output in record.outputs:
        if sha256_file(folder / output.name) != output.sha256:
            return f"output {output.name} has other bytes than were written"
    return ""
