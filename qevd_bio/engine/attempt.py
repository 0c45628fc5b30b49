"""One attempt at one unit: from inputs to an artifact and a record."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from qevd_bio.engine.plan import PlannedUnit, one_line
from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE, Output, Status, Timings, UnitRecord
from qevd_bio.engine.stage import Skip, Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.versions import package_versions
from qevd_bio.errors import DataError
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue, dump_json


def attempt(
    stage: Stage, planned: PlannedUnit, inputs: Mapping[str, Path], store: Store
) -> UnitRecord:
    """Work on one unit and record what came of it.

    Parameters
    ----------
    stage : Stage
        Set up already, unless the unit is blocked.
    planned : PlannedUnit
        The unit with its identity.
    inputs : mapping of str to Path
        The artifacts the stage reads, by name.
    store : Store
        Where artifact and record go.

    Returns
    -------
    UnitRecord
        As written; a failure of the stage is recorded, not raised.

    Raises
    ------
    EnvironmentProblem
        The store cannot be written.
    BaseException
        KeyboardInterrupt and its like pass through, leaving neither artifact nor record.
    """
    if planned.identity is None:
        raise AssertionError(f"{planned.stage}/{planned.video_id} waits for its inputs")
    started, clock = _now_utc(), time.perf_counter()
    status: Status = "completed"
    reason, trace = "", None
    outputs: tuple[Output, ...] = ()
    notes: Mapping[str, JsonValue] = {}
    try:
        if planned.action == "blocked":
            raise Skip(planned.why[0])
        if planned.cause is not None:
            raise planned.cause
        folder = store.folder(planned.stage, planned.video_id, planned.identity)
        output, notes = _produce(stage, planned.video_id, inputs, folder)
        outputs = (output,)
    except Skip as skip:
        status, reason = "skipped", " ".join(skip.reason.split()) or "no reason given"
    except Exception as error:  # noqa: BLE001  one unit's failure costs one unit
        status, reason = "failed", one_line(error)
        trace = "".join(traceback.format_exception(error))
    record = UnitRecord(
        status=status,
        reason=reason,
        stage=planned.stage,
        version=stage.version,
        video_id=planned.video_id,
        identity=planned.identity,
        depends=planned.depends,
        outputs=outputs,
        notes=notes,
        traceback=trace,
        timings=Timings(started, _now_utc(), time.perf_counter() - clock),
        versions=package_versions(),
        host=platform.node(),
    )
    store.write(record)
    return record


def _produce(
    stage: Stage, video_id: str, inputs: Mapping[str, Path], folder: Path
) -> tuple[Output, Mapping[str, JsonValue]]:
    where = f"{stage.name}/{video_id}"
    with atomic_path(folder / ARTIFACT_FILE) as out:
        notes = dict(stage.process(video_id, inputs, out))
        dump_json(notes, where=f"notes of {where}")
        if not out.is_file() or out.stat().st_size == 0:
            raise DataError(
                "the stage wrote no artifact", where=where, next_step="Report this fault"
            )
        output = Output(ARTIFACT_FILE, out.stat().st_size, sha256_file(out))
        # An old record must not vouch for the new bytes, not even for a moment.
        (folder / UNIT_FILE).unlink(missing_ok=True)
    return output, notes


def _now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
