"""Accepting old outputs on purpose: the inputs changed, the bytes stay valid."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from qevd_bio.engine.plan import OUTPUT_SCHEMA, UPSTREAM, PlannedUnit
from qevd_bio.engine.record import ARTIFACT_FILE, Adopted, UnitRecord
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.unit_files import units_of_video
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.digest import sha256_file


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that would have to run, and the newest completed one that could stand for it.

    `version` is that of the stage now; `obstacle` says why `old` cannot be adopted.
    """

    unit: PlannedUnit
    version: int
    old: UnitRecord | None
    obstacle: str


def candidates(stage: Stage, planned: Sequence[PlannedUnit], store: Store) -> list[Candidate]:
    """List the planned units of a stage that are not done, each with its older output if any."""
    return [
        _candidate(unit, stage.version, store)
        for unit in planned
        if unit.stage == stage.name and unit.action != "done"
    ]


def adopt(candidate: Candidate, store: Store, *, reason: str) -> UnitRecord:
    """Let the old output stand for the current inputs.

    Parameters
    ----------
    candidate : Candidate
        One without an obstacle.
    store : Store
        Where results lie and go.
    reason : str
        Why the bytes are those that the current inputs would give; kept in the record.

    Returns
    -------
    UnitRecord
        The unit under the current identity.

    Raises
    ------
    UsageError
        No reason is given, or the candidate has an obstacle.
    DataError
        The old output is damaged.
    EnvironmentProblem
        The work folder cannot be written.
    """
    unit, old, line = candidate.unit, candidate.old, " ".join(reason.split())
    where = f"{unit.stage}/{unit.video_id}"
    if not line:
        raise UsageError("adopted without a reason", where=where, next_step="Give --reason")
    if old is None or candidate.obstacle or unit.identity is None:
        raise UsageError(candidate.obstacle, where=where, next_step="Run it instead")
    source = store.artifact_path(old)
    if sha256_file(source) != old.outputs[0].sha256:
        raise DataError(
            "has other bytes than were written", where=str(source), next_step="Run it instead"
        )
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    record = replace(
        old,
        version=candidate.version,
        identity=unit.identity,
        depends=unit.depends,
        adopted=Adopted(old.identity, line, now),
    )
    with store.staging_folder(unit.stage, unit.video_id) as staged:
        _link_or_copy(source, staged / ARTIFACT_FILE)
        return store.commit(record, staged)


def _candidate(unit: PlannedUnit, version: int, store: Store) -> Candidate:
    records = units_of_video(store.video_folder(unit.stage, unit.video_id))
    completed = [record for record in records if record.status == "completed"]
    old = max(completed, key=lambda record: record.timings.finished_utc, default=None)
    return Candidate(unit, version, old, _obstacle(unit, old))


def _obstacle(unit: PlannedUnit, old: UnitRecord | None) -> str:
    if old is None:
        return "there is no older output"
    if unit.cause is not None:
        return "its inputs cannot be read"
    if unit.identity is None:
        return "; ".join(unit.why)
    changed = {
        name
        for name in unit.depends.keys() | old.depends.keys()
        if unit.depends.get(name) != old.depends.get(name)
    }
    upstream = sorted(name for name in changed if name.startswith(UPSTREAM))
    if upstream:
        return f"{', '.join(upstream)} changed: it was made from other bytes"
    # Units of older versions of this program have no schema: whoever adopts them knows it.
    if OUTPUT_SCHEMA in changed and OUTPUT_SCHEMA in old.depends:
        return f"{OUTPUT_SCHEMA} changed: its columns are not those of the table"
    return ""


def _link_or_copy(source: Path, target: Path) -> None:
    """Let two units share one file, or copy it where the file system shares none."""
    with suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
