"""How far the work is: counts by stage, the runs, their rate and the time left."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from qevd_bio.engine.log import LOG_FILE, read_log
from qevd_bio.engine.plan import PlannedUnit
from qevd_bio.engine.runs import RUN_FILE, RUNS_FOLDER, read_run
from qevd_bio.errors import DataError

RunState = Literal[
    "running", "silent", "killed", "finished", "interrupted", "broken", "unreadable"
]

SILENT_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run as its record and log have it.

    Attributes
    ----------
    run_id, host, started_utc : str
        As recorded.
    state : str
        ``running``; ``killed``: its process is gone and recorded no end; ``silent``: it runs on
        another machine and has logged nothing for an hour; ``unreadable``: its record is
        damaged, or of another version, and nothing else is known of it; else how it ended.
    counts : mapping of str to int
        Units by how they ended in this run.
    last_utc : str
        Time of the last line of its log.
    units_per_hour : float or None
        Units completed or failed, over the time from its start to the last of them.
    """

    run_id: str
    host: str
    started_utc: str
    state: RunState
    counts: Mapping[str, int]
    last_utc: str
    units_per_hour: float | None


def stage_counts(planned: Sequence[PlannedUnit]) -> dict[str, dict[str, int]]:
    """Count the planned units of each stage by their state.

    The states are ``completed``, ``skipped``, ``failed`` (to be tried again), ``given up``,
    ``blocked`` and ``open``.
    """
    states = ("completed", "skipped", "failed", "given up", "blocked", "open")
    counts = {unit.stage: dict.fromkeys(states, 0) for unit in planned}
    for unit in planned:
        counts[unit.stage][_unit_state(unit)] += 1
    return counts


def run_statuses(work: Path) -> list[RunStatus]:
    """Read the records and logs of all runs of a work folder, the newest first."""
    folders = sorted((work / RUNS_FOLDER).glob(f"*/{RUN_FILE}"), reverse=True)
    return [_run_status(path.parent) for path in folders]


def time_left_s(planned: Sequence[PlannedUnit], runs: Sequence[RunStatus]) -> float | None:
    """Estimate how many seconds the running runs still need; units of all stages count alike.

    None while nothing runs, or no unit has ended yet.
    """
    rate = sum(run.units_per_hour or 0.0 for run in runs if run.state == "running")
    left = sum(unit.action in ("run", "retry") for unit in planned)
    return 3600.0 * left / rate if rate else None


def _unit_state(unit: PlannedUnit) -> str:
    match unit.action:
        case "done":
            return "completed" if unit.completed else "skipped"
        case "retry":
            return "failed"
        case "run":
            return "open"
        case _:
            return unit.action


def _run_status(folder: Path) -> RunStatus:
    try:
        record = read_run(folder)
    except DataError:
        return RunStatus(folder.name, "", "", "unreadable", {}, "", None)
    counts: Counter[str] = Counter()
    started, last, last_end = str(record["started_utc"]), "", ""
    for line in read_log(folder):
        last = str(line["utc"])
        if line["stage"] and line["kind"] != "started":
            counts[str(line["kind"])] += 1
            if line["kind"] in ("completed", "failed"):
                last_end = last
    last = last or started
    worked = counts["completed"] + counts["failed"]
    hours = _hours(started, last_end) if last_end else 0.0
    return RunStatus(
        run_id=folder.name,
        host=str(record["host"]),
        started_utc=started,
        state=_run_state(record, folder),
        counts=dict(counts),
        last_utc=last,
        units_per_hour=worked / hours if hours > 0 else None,
    )


def _run_state(record: Mapping[str, object], folder: Path) -> RunState:
    if record["outcome"] is not None:
        return cast("RunState", record["outcome"])
    if record["host"] == platform.node():
        return "running" if _is_alive(cast("int", record["pid"])) else "killed"
    log = folder / LOG_FILE
    newest = log if log.is_file() else folder / RUN_FILE
    age_s = datetime.now(UTC).timestamp() - newest.stat().st_mtime
    return "running" if age_s < SILENT_AFTER_S else "silent"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _hours(first_utc: str, last_utc: str) -> float:
    span = datetime.fromisoformat(last_utc) - datetime.fromisoformat(first_utc)
    return span.total_seconds() / 3600.0
