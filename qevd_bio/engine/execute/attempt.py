"""One attempt at one unit: from inputs to an artifact and a record."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from qevd_bio.engine.plan import UPSTREAM, PlannedUnit, one_line
from qevd_bio.engine.record import ARTIFACT_FILE, Output, Timings, UnitRecord
from qevd_bio.engine.stage import Skip, Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.versions import package_versions
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue, dump_json


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of an attempt.

    Attributes
    ----------
    record : UnitRecord
        As it stands in the store, unless `unrecorded` says otherwise.
    unrecorded : str
        Why the store could not take the record of a failure; empty when it did.
    """

    record: UnitRecord
    unrecorded: str = ""


def attempt(
    stage: Stage,
    planned: PlannedUnit,
    inputs: Mapping[str, Path],
    store: Store,
    *,
    run_id: str = "",
) -> Attempted:
    """Work on one unit and record what came of it.

    Parameters
    ----------
    stage : Stage
        Set up already.
    planned : PlannedUnit
        The unit with its identity.
    inputs : mapping of str to Path
        The artifacts the stage reads, by name.
    store : Store
        Where artifact and record go.
    run_id : str
        The run on whose behalf it is done.

    Returns
    -------
    Attempted
        A failure, of the stage or of the disk, is told and not raised.

    Raises
    ------
    BaseException
        KeyboardInterrupt and its like pass through, leaving neither artifact nor record.
    """
    begun = _open_record(stage, planned, run_id)
    clock = time.perf_counter()
    try:
        if planned.cause is not None:
            raise planned.cause
        _check_inputs(planned, inputs, store)
        with store.making(planned.stage, planned.video_id) as folder:
            made = _process(stage, begun, inputs, folder)
            return Attempted(store.put(_close(made, clock), folder))
    except Exception as error:  # noqa: BLE001  one unit's failure costs one unit
        reason, trace = one_line(error), "".join(traceback.format_exception(error))
    return _tell(store, _close(replace(begun, reason=reason, traceback=trace), clock))


def lost(
    stage: Stage, planned: PlannedUnit, store: Store, *, reason: str, seconds: float, run_id: str
) -> Attempted:
    """Record the failure of a unit whose process is gone and can tell nothing itself.

    Parameters
    ----------
    stage : Stage
        The stage.
    planned : PlannedUnit
        The unit with its identity.
    store : Store
        Where the record goes.
    reason : str
        One line.
    seconds : float
        How long it had been worked on.
    run_id : str
        The run on whose behalf it was done.

    Returns
    -------
    Attempted
        The failure.
    """
    begun = _open_record(stage, planned, run_id)
    failed = _close(replace(begun, reason=reason), time.perf_counter() - seconds)
    return _tell(store, failed)


def _open_record(stage: Stage, planned: PlannedUnit, run_id: str) -> UnitRecord:
    """Begin the record of an attempt, as the failure it is until something comes of it."""
    if planned.identity is None:
        raise AssertionError(f"{planned.stage}/{planned.video_id} waits for its inputs")
    now = _now_utc()
    return UnitRecord(
        status="failed",
        reason="",
        stage=planned.stage,
        version=stage.version,
        video_id=planned.video_id,
        identity=planned.identity,
        depends=planned.depends,
        outputs=(),
        notes={},
        traceback=None,
        timings=Timings(now, now, 0.0),
        versions=package_versions(),
        host=platform.node(),
        run_id=run_id,
        attempt=planned.record.attempt + 1 if planned.record else 1,
        adopted=None,
    )


def _check_inputs(planned: PlannedUnit, inputs: Mapping[str, Path], store: Store) -> None:
    """Refuse bytes that are not those the identity names: no one could tell afterwards."""
    for name, path in inputs.items():
        if sha256_file(path) != planned.depends[f"{UPSTREAM}{name}"]:
            store.set_aside(path.parent)
            raise DataError(
                "has other bytes than were written and was set aside",
                where=f"{name} of {planned.video_id}",
                next_step="Run again: it is made anew",
            )


def _process(
    stage: Stage, begun: UnitRecord, inputs: Mapping[str, Path], folder: Path
) -> UnitRecord:
    where = f"{stage.name}/{begun.video_id}"
    out = folder / ARTIFACT_FILE
    try:
        notes: Mapping[str, JsonValue] = dict(stage.process(begun.video_id, inputs, out))
    except Skip as skip:
        out.unlink(missing_ok=True)
        reason = " ".join(skip.reason.split()) or "no reason given"
        return replace(begun, status="skipped", reason=reason)
    dump_json(notes, where=f"notes of {where}")
    if not out.is_file() or out.stat().st_size == 0:
        raise DataError("the stage wrote no artifact", where=where, next_step="Report this fault")
    output = Output(ARTIFACT_FILE, out.stat().st_size, sha256_file(out))
    return replace(begun, status="completed", outputs=(output,), notes=notes)


def _close(record: UnitRecord, clock: float) -> UnitRecord:
    started = record.timings.started_utc
    return replace(record, timings=Timings(started, _now_utc(), time.perf_counter() - clock))


def _tell(store: Store, record: UnitRecord) -> Attempted:
    try:
        store.put_failure(record)
    except EnvironmentProblem as error:
        return Attempted(record, str(error))
    return Attempted(record)


def _now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
