"""Work folders as single files: packed where they were made, joined where a release is made.

A part is a tar file of whole units, failures and records of runs, with a note at its end. The
units of two work folders are either different or the same, so joining them in any order, or
twice, gives the same folder.
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
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qevd_bio.engine.maintain.collect import PUBLISHED_FOLDER
from qevd_bio.engine.maintain.failures import unit_problem
from qevd_bio.engine.record import UNIT_FILE, UnitRecord
from qevd_bio.engine.runs import RUNS_FOLDER
from qevd_bio.engine.stage import RESERVED_NAMES
from qevd_bio.engine.store import Store
from qevd_bio.engine.unit_files import (
    FAILED_SUFFIX,
    read_record,
    read_unit,
    subfolders,
    unit_folders,
)
from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.files.atomic import TEMPORARY_PREFIX, atomic_path
from qevd_bio.files.contain import is_plain_name
from qevd_bio.files.strict_json import dump_json

END_FILE = "packed.json"

_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"
_MEMBER = re.compile(
    rf"{_NAME}/{_NAME}/[0-9a-f]{{16}}/(unit\.json|artifact\.parquet)"
    rf"|{_NAME}/{_NAME}/[0-9a-f]{{16}}{re.escape(FAILED_SUFFIX)}"
    rf"|{RUNS_FOLDER}/{_NAME}/{_NAME}|{PUBLISHED_FOLDER}/{_NAME}\.json|{END_FILE}"
)


@dataclass(frozen=True, slots=True)
class Packed:
    """What went into a part, or came out of one.

    Attributes
    ----------
    units : int
        Completed or skipped units it holds.
    failures : int
        Failed units it tells of.
    added : int
        Of both, those that the work folder did not have; 0 when packing.
    problems : tuple of str
        Damaged units that were left out, one line each.
    """

    units: int
    failures: int
    added: int
    problems: tuple[str, ...]


def pack(work: Path, part: Path) -> Packed:
    """Write the finished units of a work folder, and the records of its runs, to one file.

    Parameters
    ----------
    work : Path
        The work folder; a run may be at it.
    part : Path
        The tar file to write or replace, durably: it is there whole or not at all.

    Returns
    -------
    Packed

    Raises
    ------
    DataError
        The work folder is absent.
    UsageError
        The part would lie in the work folder.
    EnvironmentProblem
        A file cannot be read or written.
    """
    if not work.is_dir():
        raise DataError("is absent", where=str(work), next_step="Name the folder of a run")
    if part.resolve().is_relative_to(work.resolve()):
        raise UsageError(
            "lies in the work folder", where=str(part), next_step="Name a place outside of it"
        )
    with _telling(part), atomic_path(part) as temporary, _new_tar(temporary) as archive:
        packed = _pack_units(Store(work), archive)
        for pattern in (f"{RUNS_FOLDER}/*/*", f"{PUBLISHED_FOLDER}/*.json"):
            for path in sorted(work.glob(pattern)):
                name = path.relative_to(work).as_posix()
                if path.is_file() and _MEMBER.fullmatch(name):
                    archive.add(path, name, recursive=False)
        note = {"units": packed.units, "failures": packed.failures}
        text = dump_json(note, where=END_FILE).encode()
        member = tarfile.TarInfo(END_FILE)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return packed


def join(part: Path, work: Path) -> Packed:
    """Bring the units and runs of a part into a work folder.

    Parameters
    ----------
    part : Path
        What `pack` wrote.
    work : Path
        The work folder; made if absent. What it has finished stands.

    Returns
    -------
    Packed

    Raises
    ------
    DataError
        The file is no part, or is cut short; nothing was joined.
    EnvironmentProblem
        A file cannot be read or written.

    Notes
    -----
    All bytes are on the disk before the first unit gets its name: one sync a part, not four a
    unit.
    """
    store = Store(work)
    staged = work / f"{TEMPORARY_PREFIX}join-{secrets.token_hex(8)}"
    with _telling(part):
        try:
            staged.mkdir(parents=True)
            _unpack(part, staged)
            os.sync()
            joined = _join_units(Store(staged), store)
            _join_others(staged, work)
            os.sync()
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return joined


def _new_tar(path: Path) -> tarfile.TarFile:
    # Units that were adopted share a file: each is written whole.
    return tarfile.open(path, "x", dereference=True)


def _pack_units(store: Store, archive: tarfile.TarFile) -> Packed:
    units, failures, problems = 0, 0, []
    for video in _video_folders(store.root):
        for folder in unit_folders(video):
            name = folder.relative_to(store.root).as_posix()
            found = read_unit(folder)
            problem = found.problem or unit_problem(folder, found.record)
            if problem or found.record is None:
                problems.append(f"{name}: {problem}")
                continue
            for file in (UNIT_FILE, *(output.name for output in found.record.outputs)):
                archive.add(folder / file, f"{name}/{file}", recursive=False)
            units += 1
        for path in _failure_files(video):
            archive.add(path, path.relative_to(store.root).as_posix(), recursive=False)
            failures += 1
    return Packed(units, failures, 0, tuple(problems))


def _unpack(part: Path, staged: Path) -> None:
    """Write the files of a part below an empty folder, or nothing that counts."""
    end = ""
    try:
        with tarfile.open(part, "r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if end or file is None or not _MEMBER.fullmatch(member.name):
                    raise _no_part(part, f"holds '{member.name}', which `pack` does not write")
                if member.name == END_FILE:
                    end = file.read().decode()
                else:
                    _write(file, staged / member.name)
    except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise _no_part(part, f"is cut short or no tar file ({error})") from error
    folders = list(_video_folders(staged))
    note = {
        "units": sum(len(unit_folders(video)) for video in folders),
        "failures": sum(len(_failure_files(video)) for video in folders),
    }
    if end != dump_json(note, where=END_FILE):
        raise _no_part(part, "is cut short: what its last entry counts is not there")


def _write(file: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        shutil.copyfileobj(file, target)


def _join_units(staged: Store, store: Store) -> Packed:
    units, failures, added, problems = 0, 0, 0, []
    for video in _video_folders(staged.root):
        home = store.video_folder(video.parent.name, video.name)
        home.mkdir(parents=True, exist_ok=True)
        for folder in unit_folders(video):
            units += 1
            found = read_unit(folder)
            problem = found.problem or unit_problem(folder, found.record)
            if problem or found.record is None:
                problems.append(f"{folder.relative_to(staged.root)}: {problem}")
            elif store.take(found.record, folder) is found.record:
                store.forget_failure(found.record)
                added += 1
        for path in _failure_files(video):
            failures += 1
            record = read_record(path)
            if not isinstance(record, UnitRecord):
                problems.append(f"{path.relative_to(staged.root)}: {record}")
                continue
            named = staged.failure_file(record.stage, record.video_id, record.identity)
            if record.status != "failed" or path != named:
                problems.append(f"{path.relative_to(staged.root)}: belongs to another unit")
                continue
            ours = store.find(record.stage, record.video_id, record.identity).record
            if ours is None or (ours.status == "failed" and ours.attempt < record.attempt):
                path.replace(home / path.name)
                added += 1
    return Packed(units, failures, added, tuple(problems))


def _join_others(staged: Path, work: Path) -> None:
    """Bring records of runs and releases; those of a run only grow, so the longer one stands."""
    for pattern in (f"{RUNS_FOLDER}/*/*", f"{PUBLISHED_FOLDER}/*"):
        for path in sorted(staged.glob(pattern)):
            target = work / path.relative_to(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.stat().st_size < path.stat().st_size:
                path.replace(target)


def _video_folders(root: Path) -> Iterator[Path]:
    for stage in subfolders(root):
        if is_plain_name(stage.name) and stage.name not in RESERVED_NAMES:
            yield from (video for video in subfolders(stage) if is_plain_name(video.name))


def _failure_files(video: Path) -> list[Path]:
    names = (f"{video.parent.name}/{video.name}/{path.name}" for path in video.iterdir())
    return sorted(
        video / Path(name).name
        for name in names
        if name.endswith(FAILED_SUFFIX) and _MEMBER.fullmatch(name)
    )


def _no_part(part: Path, cause: str) -> DataError:
    return DataError(cause, where=str(part), next_step="Copy or pack it again; nothing was joined")


@contextmanager
def _telling(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise EnvironmentProblem(
            f"cannot be packed or joined ({error.strerror or error}{place})",
            where=str(part),
            next_step="Mend that and do it again: nothing is lost and nothing done twice",
        ) from error
