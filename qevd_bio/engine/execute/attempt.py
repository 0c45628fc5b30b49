"""One attempt at one unit: from inputs to an artifact and a record."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from qevd_bio.engine.events import Event
from qevd_bio.engine.plan import OUTPUT_SCHEMA, UPSTREAM, PlannedUnit
from qevd_bio.engine.record import ARTIFACT_FILE, Output, Timings, UnitRecord, one_line
from qevd_bio.engine.stage import Skip, Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.versions import package_versions
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.digest import sha256_file, sha256_file_once
from qevd_bio.files.input_file import AGAIN, NotedReads, noted_reads
from qevd_bio.files.strict_json import JsonValue, dump_json


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The record of an attempt, and why the store could not take it; empty when it did."""

    record: UnitRecord
    unrecorded: str = ""

    def event(self, worker: int = 0) -> Event:
        """Return the end of the unit."""
        record = self.record
        return Event(
            record.status,
            record.stage,
            record.video_id,
            record.reason,
            record.timings.seconds,
            worker,
            self.unrecorded,
        )


def attempt(
    stage: Stage,
    unit: PlannedUnit,
    inputs: Mapping[str, Path],
    store: Store,
    *,
    run_id: str = "",
) -> AttemptResult:
    """Work on one unit with a stage that is set up, and record the result.

    `inputs` has the artifacts the stage reads, by name. A failure, of the stage or of the disk,
    is returned and not raised. KeyboardInterrupt and its like pass through, leaving neither
    artifact nor record.
    """
    opened = _open_record(stage, unit, run_id)
    clock = time.perf_counter()
    try:
        if unit.cause is not None:
            raise unit.cause
        _check_inputs(unit, inputs, store)
        with store.staging_folder(unit.stage, unit.video_id) as folder:
            record = _process(stage, opened, inputs, folder)
            return AttemptResult(store.commit(_close_record(record, clock), folder))
    except Exception as error:  # noqa: BLE001  one unit's failure costs one unit
        reason, trace = one_line(error), "".join(traceback.format_exception(error))
    failed = replace(opened, reason=reason, traceback=trace)
    return _record_failure(store, _close_record(failed, clock))


def record_lost_unit(
    stage: Stage, unit: PlannedUnit, store: Store, *, reason: str, seconds: float, run_id: str
) -> AttemptResult:
    """Record the failure of a unit, with its identity, that lost its process after `seconds`."""
    failed = replace(_open_record(stage, unit, run_id), reason=reason)
    return _record_failure(store, _close_record(failed, time.perf_counter() - seconds))


def _open_record(stage: Stage, unit: PlannedUnit, run_id: str) -> UnitRecord:
    """Begin the record of an attempt: a failure until the stage has succeeded."""
    if unit.identity is None:
        raise AssertionError(f"{unit.stage}/{unit.video_id} waits for its inputs")
    now = _now_utc()
    return UnitRecord(
        status="failed",
        reason="",
        stage=unit.stage,
        version=stage.version,
        video_id=unit.video_id,
        identity=unit.identity,
        depends=unit.depends,
        outputs=(),
        notes={},
        traceback=None,
        timings=Timings(now, now, 0.0),
        versions=package_versions(),
        host=platform.node(),
        run_id=run_id,
        attempt=unit.record.attempt + 1 if unit.record else 1,
        adopted=None,
    )


def _check_inputs(unit: PlannedUnit, inputs: Mapping[str, Path], store: Store) -> None:
    """Refuse bytes that differ from the identity: the error could not be found afterwards."""
    for name, path in inputs.items():
        if sha256_file(path) != unit.depends[f"{UPSTREAM}{name}"]:
            store.set_aside(path.parent)
            raise DataError(
                "has other bytes than were written and was set aside",
                where=f"{name} of {unit.video_id}",
                next_step="Run again: it is computed again",
            )


def _process(
    stage: Stage, opened: UnitRecord, inputs: Mapping[str, Path], folder: Path
) -> UnitRecord:
    where = f"{stage.name}/{opened.video_id}"
    out = folder / ARTIFACT_FILE
    skipped = ""
    with noted_reads() as noted:
        try:
            notes: Mapping[str, JsonValue] = dict(stage.process(opened.video_id, inputs, out))
        except Skip as skip:
            skipped = " ".join(skip.reason.split()) or "no reason given"
    _check_identity(stage, opened, inputs, noted)
    if skipped:
        out.unlink(missing_ok=True)
        return replace(opened, status="skipped", reason=skipped)
    dump_json(notes, where=f"notes of {where}")
    if not out.is_file() or out.stat().st_size == 0:
        raise DataError("the stage wrote no artifact", where=where, next_step="Report this error")
    output = Output(ARTIFACT_FILE, out.stat().st_size, sha256_file(out))
    return replace(opened, status="completed", outputs=(output,), notes=notes)


def _check_identity(
    stage: Stage, opened: UnitRecord, inputs: Mapping[str, Path], noted: NotedReads
) -> None:
    """Refuse an artifact that was made from other bytes than its identity names."""
    upstream = {path: opened.depends[f"{UPSTREAM}{name}"] for name, path in inputs.items()}
    named = set(opened.depends.values())
    exchanged = [
        path.name
        for path, digest in noted.digests
        if digest not in named or upstream.get(path, digest) != digest or _digest(path) != digest
    ]
    exchanged += [path.name for path in noted.changed]
    exchanged += [
        name for name, digest in stage.loaded().items() if opened.depends.get(name, "") != digest
    ]
    now = stage.depends(opened.video_id)
    exchanged += [name for name, digest in now.items() if opened.depends.get(name) != digest]
    exchanged += [
        name
        for name in opened.depends
        if name not in now and name != OUTPUT_SCHEMA and not name.startswith(UPSTREAM)
    ]
    if exchanged:
        raise DataError(
            f"was exchanged while the unit was made, which is not kept: {exchanged[0]}",
            where=f"input of {stage.name}/{opened.video_id}",
            next_step=AGAIN,
        )


def _digest(path: Path) -> str:
    """Hash an input as it is now; empty where it cannot be read any more."""
    try:
        return sha256_file_once(path, follow_links=True)
    except DataError:
        return ""


def _close_record(record: UnitRecord, clock: float) -> UnitRecord:
    started = record.timings.started_utc
    return replace(record, timings=Timings(started, _now_utc(), time.perf_counter() - clock))


def _record_failure(store: Store, record: UnitRecord) -> AttemptResult:
    try:
        store.record_failure(record)
    except EnvironmentProblem as error:
        return AttemptResult(record, str(error))
    return AttemptResult(record)


def _now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
