"""Garbage collection: deleting from a work folder what nothing needs any more."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qevd_bio.engine.maintain.status import run_statuses
from qevd_bio.engine.plan import UPSTREAM, PlannedUnit
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store, writing_to
from qevd_bio.engine.unit_files import (
    DAMAGED_MARK,
    FAILED_SUFFIX,
    RETRIED_SUFFIX,
    files_beside,
    read_unit,
    subfolders,
    unit_folders,
)
from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.files.atomic import TEMPORARY_PREFIX, write_text_atomic
from qevd_bio.files.strict_json import dump_json, read_json

PUBLISHED_FOLDER = "published"
LEFTOVER_AGE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Waste:
    """A file or folder that nothing needs any more, what it is, and its size in bytes."""

    path: Path
    why: str
    size: int


def note_published(work: Path, name: str, artifacts: Iterable[str]) -> None:
    """Note that a release was made from the artifacts with these sha256, so that they are kept.

    `name` differs from those of other releases.
    """
    path = work / PUBLISHED_FOLDER / f"{name}.json"
    text = dump_json({"artifacts": sorted(set(artifacts))}, where=str(path), indent=1)
    next_step = "Make it writable and publish again: gc must know what a release needs"
    with writing_to(path, next_step):
        write_text_atomic(path, text + "\n")


def holds_any(stages: Sequence[Stage], store: Store, artifacts: Container[str]) -> bool:
    """Return whether a unit of the folder wrote one of the artifacts with these sha256."""
    folders = (folder for stage in stages for folder in store.units(stage.name))
    records = (read_unit(folder).record for folder in folders)
    return any(
        output.sha256 in artifacts
        for record in records
        if record is not None
        for output in record.outputs
    )


def noted_releases(work: Path) -> list[str]:
    """Name the releases that are on record in a work folder."""
    return sorted(path.stem for path in (work / PUBLISHED_FOLDER).glob("*.json"))


def waste(
    stages: Sequence[Stage],
    planned: Sequence[PlannedUnit],
    store: Store,
    *,
    others: Sequence[Sequence[PlannedUnit]] = (),
    leftover_age_s: float = LEFTOVER_AGE_S,
) -> list[Waste]:
    """Find what no plan and no published release needs, by path; nothing is changed.

    `planned` is the plan of all videos, `others` those of other configurations that the folder
    serves. Temporary files younger than `leftover_age_s` may belong to a run that goes on.

    Notes
    -----
    A unit is superseded once the units of the current inputs have completed, by every plan that
    names its video, and not before: until then it may be adopted, or become current again. Units
    of videos that the source does not name are kept.
    """
    needed = _published_units(stages, store)
    finished: set[tuple[str, str]] = set()
    unfinished: set[tuple[str, str]] = set()
    for unit in (unit for units in (planned, *others) for unit in units):
        if unit.record is None or unit.record.status == "failed":
            unfinished.add((unit.stage, unit.video_id))
        else:
            finished.add((unit.stage, unit.video_id))
            needed.add(store.folder(unit.stage, unit.video_id, unit.record.identity))
    found: list[Waste] = []
    for stage_name, video_id in sorted(finished - unfinished):
        home = store.video_folder(stage_name, video_id)
        found += [_waste(f, "superseded") for f in unit_folders(home) if f not in needed]
        failures = files_beside(home, FAILED_SUFFIX)
        found += [_waste(path, "failure of superseded inputs") for path in failures]
    for home in (home for stage in stages for home in subfolders(store.root / stage.name)):
        found += [_waste(path, "damaged") for path in home.glob(f"*{DAMAGED_MARK}*")]
        retried = files_beside(home, RETRIED_SUFFIX)
        found += [_waste(path, "failure tried again") for path in retried]
    newest = time.time() - leftover_age_s
    for path in store.root.rglob(f"{TEMPORARY_PREFIX}*"):
        if not _inside_another(path, store.root) and path.stat().st_mtime <= newest:
            found.append(_waste(path, "left by a process that was killed"))
    return sorted(found, key=lambda one: one.path)


def check_no_run_goes_on(work: Path) -> None:
    """Refuse to clear a folder that a run works in: only the run knows what it needs.

    Raises
    ------
    UsageError
        A run that has not ended logged something within the last day.
    """
    since = datetime.now(UTC) - timedelta(seconds=LEFTOVER_AGE_S)
    for run in run_statuses(work):
        if run.state in ("running", "silent") and datetime.fromisoformat(run.last_utc) > since:
            raise UsageError(
                f"run {run.run_id} on {run.host} is {run.state}",
                where=str(work),
                next_step="Wait until it ends, or has logged nothing for a day; then clear",
            )


def remove(found: Sequence[Waste]) -> None:
    """Delete waste.

    Raises
    ------
    EnvironmentProblem
        Something cannot be deleted.
    """
    for one in found:
        try:
            if one.path.is_dir():
                # Renamed first: a unit is never there in part.
                gone = one.path.with_name(f"{TEMPORARY_PREFIX}gone-{secrets.token_hex(8)}")
                with suppress(FileNotFoundError):
                    shutil.rmtree(one.path.rename(gone))
            else:
                one.path.unlink(missing_ok=True)
        except OSError as error:
            raise EnvironmentProblem(
                f"cannot be deleted ({error.strerror or error})",
                where=str(one.path),
                next_step="Make the work folder writable",
            ) from error


def _published_units(stages: Sequence[Stage], store: Store) -> set[Path]:
    """Find the units that releases were made from, and those that these were made from."""
    wanted: set[str] = set()
    for path in sorted((store.root / PUBLISHED_FOLDER).glob("*.json")):
        content = read_json(path)
        artifacts = content.get("artifacts") if isinstance(content, Mapping) else None
        if not isinstance(artifacts, list):
            raise DataError(
                "does not list what was published",
                where=str(path),
                next_step="Publish that release again, or delete the file to give it up",
            )
        wanted.update(str(digest) for digest in artifacts)
    kept: set[Path] = set()
    for stage in reversed(stages):
        for folder in store.units(stage.name) if wanted else ():
            record = read_unit(folder).record
            if record is not None and any(o.sha256 in wanted for o in record.outputs):
                kept.add(folder)
                wanted.update(d for n, d in record.depends.items() if n.startswith(UPSTREAM))
    return kept


def _waste(path: Path, why: str) -> Waste:
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return Waste(path, why, sum(file.stat().st_size for file in files))


def _inside_another(path: Path, root: Path) -> bool:
    parents = path.relative_to(root).parts[:-1]
    return any(part.startswith(TEMPORARY_PREFIX) or DAMAGED_MARK in part for part in parents)
