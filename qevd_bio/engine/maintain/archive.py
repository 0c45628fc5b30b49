"""Work folders as single files: exported where they were made, imported for the release.

An archive is a tar file of whole units, failures and records of runs, with a count at its end.
The units of two work folders are either different or the same, so importing them in any order,
or twice, gives the same folder.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from qevd_bio.engine.maintain.garbage import PUBLISHED_FOLDER
from qevd_bio.engine.record import UNIT_FILE, UnitRecord
from qevd_bio.engine.runs import RUNS_FOLDER
from qevd_bio.engine.stage import RESERVED_NAMES
from qevd_bio.engine.store import Store
from qevd_bio.engine.unit_files import (
    FAILED_SUFFIX,
    files_beside,
    read_record,
    read_whole_unit,
    subfolders,
    unit_folders,
)
from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.files.atomic import TEMPORARY_PREFIX, atomic_path
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.path_containment import is_plain_name
from qevd_bio.files.strict_json import dump_json
from qevd_bio.files.tar_reading import (
    BROKEN_TAR,
    MOST_READ_BYTES,
    broken_tar_cause,
    opened_tar,
)

END_FILE = "packed.json"

_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"
_MEMBER = re.compile(
    rf"{_NAME}/{_NAME}/[0-9a-f]{{16}}/(unit\.json|artifact\.parquet)"
    rf"|{_NAME}/{_NAME}/[0-9a-f]{{16}}{re.escape(FAILED_SUFFIX)}"
    rf"|{RUNS_FOLDER}/{_NAME}/{_NAME}|{PUBLISHED_FOLDER}/{_NAME}\.json|{END_FILE}"
)


@dataclass(slots=True)
class ArchiveCounts:
    """What an archive holds.

    Attributes
    ----------
    units : int
        Completed or skipped units.
    failures : int
        Failed units.
    added : int
        Of both, those that the work folder did not have; 0 for an export.
    problems : list of str
        Damaged units that were left out, one line each.
    """

    units: int = 0
    failures: int = 0
    added: int = 0
    problems: list[str] = field(default_factory=list)


def export_archive(work: Path, archive: Path) -> ArchiveCounts:
    """Write the finished units of a work folder, and the records of its runs, to one file.

    Parameters
    ----------
    work : Path
        The work folder; a run may work in it.
    archive : Path
        The tar file to write or replace, durably: it is there whole or not at all.

    Returns
    -------
    ArchiveCounts

    Raises
    ------
    DataError
        The work folder is absent.
    UsageError
        The archive would lie in the work folder.
    EnvironmentProblem
        A file cannot be read or written.
    """
    if not work.is_dir():
        raise DataError("is absent", where=str(work), next_step="Name the folder of a run")
    if archive.resolve().is_relative_to(work.resolve()):
        raise UsageError(
            "lies in the work folder", where=str(archive), next_step="Name a place outside of it"
        )
    # Units that were adopted share a file: each is written whole.
    with (
        _naming(archive),
        atomic_path(archive) as temporary,
        tarfile.open(temporary, "x", dereference=True) as tar,
    ):
        counts = _export_units(work, tar)
        for path in _run_and_release_files(work):
            name = path.relative_to(work).as_posix()
            if path.is_file() and _MEMBER.fullmatch(name):
                tar.add(path, name, recursive=False)
        text = _end_text(counts.units, counts.failures).encode()
        member = tarfile.TarInfo(END_FILE)
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return counts


def import_archive(archive: Path, work: Path) -> ArchiveCounts:
    """Bring the units and runs of an archive into a work folder.

    Parameters
    ----------
    archive : Path
        What `export_archive` wrote.
    work : Path
        The work folder; made if absent. What it has finished stays.

    Returns
    -------
    ArchiveCounts

    Raises
    ------
    DataError
        The file is no archive, or is cut short; nothing was imported.
    EnvironmentProblem
        A file cannot be read or written.

    Notes
    -----
    All bytes are on the disk before the first unit gets its name: one sync an archive, not
    four a unit.
    """
    staged = work / f"{TEMPORARY_PREFIX}import-{secrets.token_hex(8)}"
    with _naming(archive):
        try:
            staged.mkdir(parents=True)
            _extract(archive, staged)
            os.sync()
            counts = _import_units(staged, Store(work))
            _import_runs_and_releases(staged, work)
            os.sync()
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return counts


def _export_units(work: Path, tar: tarfile.TarFile) -> ArchiveCounts:
    counts = ArchiveCounts()
    for video in _video_folders(work):
        for folder in unit_folders(video):
            name = folder.relative_to(work).as_posix()
            record = read_whole_unit(folder)
            if not isinstance(record, UnitRecord):
                counts.problems.append(f"{name}: {record}")
                continue
            for file in (UNIT_FILE, *(output.name for output in record.outputs)):
                tar.add(folder / file, f"{name}/{file}", recursive=False)
            counts.units += 1
        for path in files_beside(video, FAILED_SUFFIX):
            tar.add(path, path.relative_to(work).as_posix(), recursive=False)
            counts.failures += 1
    return counts


def _extract(archive: Path, staged: Path) -> None:
    """Write the files of an archive below an empty folder; refuse anything else in it."""
    end = ""
    try:
        with open_regular(archive, follow_links=True) as packed, opened_tar(packed) as tar:
            for member in tar:
                is_plain = member.isreg() and not member.issparse()
                file = tar.extractfile(member) if is_plain else None
                if end or file is None or not _MEMBER.fullmatch(member.name):
                    cause = f"holds '{member.name}', which `archive export` does not write"
                    raise _no_archive(archive, cause)
                if member.name == END_FILE:
                    end = file.read().decode()
                else:
                    _write(file, staged / member.name)
    except BROKEN_TAR as error:
        cause = f"is cut short or no tar file ({broken_tar_cause(error)})"
        raise _no_archive(archive, cause) from error
    folders = list(_video_folders(staged))
    units = sum(len(unit_folders(video)) for video in folders)
    failures = sum(len(files_beside(video, FAILED_SUFFIX)) for video in folders)
    if end != _end_text(units, failures):
        raise _no_archive(archive, "is cut short: what its last entry counts is not there")


def _write(file: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        shutil.copyfileobj(file, target, MOST_READ_BYTES)


def _import_units(staged: Path, store: Store) -> ArchiveCounts:
    counts = ArchiveCounts()
    for video in _video_folders(staged):
        home = store.video_folder(video.parent.name, video.name)
        home.mkdir(parents=True, exist_ok=True)
        for folder in unit_folders(video):
            counts.units += 1
            record = read_whole_unit(folder)
            if not isinstance(record, UnitRecord):
                counts.problems.append(f"{folder.relative_to(staged)}: {record}")
            elif store.move_into_place(record, folder) is record:
                store.delete_failure(record)
                counts.added += 1
        for path in files_beside(video, FAILED_SUFFIX):
            counts.failures += 1
            record = read_record(path)
            problem = _failure_problem(path, record, Store(staged))
            if problem or not isinstance(record, UnitRecord):
                counts.problems.append(f"{path.relative_to(staged)}: {problem}")
                continue
            ours = store.find(record.stage, record.video_id, record.identity).record
            if ours is None or (ours.status == "failed" and ours.attempt < record.attempt):
                path.replace(home / path.name)
                counts.added += 1
    return counts


def _failure_problem(path: Path, record: UnitRecord | str, staged: Store) -> str:
    if not isinstance(record, UnitRecord):
        return record
    named = staged.failure_file(record.stage, record.video_id, record.identity)
    is_own = record.status == "failed" and path == named
    return "" if is_own else "belongs to another unit"


def _import_runs_and_releases(staged: Path, work: Path) -> None:
    """Bring records of runs and releases; those of a run only grow, so the longer one stays."""
    for path in _run_and_release_files(staged):
        target = work / path.relative_to(staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.stat().st_size < path.stat().st_size:
            path.replace(target)


def _run_and_release_files(work: Path) -> list[Path]:
    return sorted([*work.glob(f"{RUNS_FOLDER}/*/*"), *work.glob(f"{PUBLISHED_FOLDER}/*.json")])


def _video_folders(root: Path) -> Iterator[Path]:
    for stage in subfolders(root):
        if is_plain_name(stage.name) and stage.name not in RESERVED_NAMES:
            yield from (video for video in subfolders(stage) if is_plain_name(video.name))


def _end_text(units: int, failures: int) -> str:
    return dump_json({"units": units, "failures": failures}, where=END_FILE)


def _no_archive(archive: Path, cause: str) -> DataError:
    next_step = "Copy or export it again; nothing was imported"
    return DataError(cause, where=str(archive), next_step=next_step)


@contextmanager
def _naming(archive: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into an `EnvironmentProblem` that names the archive."""
    try:
        yield
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise EnvironmentProblem(
            f"cannot be exported or imported ({error.strerror or error}{place})",
            where=str(archive),
            next_step="Fix that and repeat the command: no unit is lost or imported twice",
        ) from error
