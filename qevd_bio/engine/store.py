"""The store: artifacts and unit records in folders named by identity."""

from __future__ import annotations

import errno
import os
import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE, UnitRecord, record_to_json
from qevd_bio.engine.unit_files import (
    DAMAGED_MARK,
    FAILED_SUFFIX,
    RETRIED_SUFFIX,
    Found,
    read_record,
    read_unit,
    subfolders,
    unit_folders,
    why_removed,
)
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import (
    TEMPORARY_PREFIX,
    make_folder,
    sync_file,
    sync_folder,
    write_text_atomic,
)
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.path_containment import plain_name

_PLACE_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


@dataclass(frozen=True, slots=True)
class Store:
    """Results on disk: ``<root>/<stage>/<video_id>/<identity16>/``.

    Parameters
    ----------
    root : Path
        The work folder; made with the first result.

    Notes
    -----
    The files are the only state. A unit that completed or was skipped is one folder that
    holds its artifact and ``unit.json`` and appears by one rename, so it is there whole or
    not at all, and the first of two machines that finish the same unit wins. A failure is
    recorded beside it, in ``<identity16>.failed.json``: it can never take a success's place.
    Methods that write raise `EnvironmentProblem` if the work folder cannot be written, and
    names that cannot name a folder raise `DataError`.
    """

    root: Path

    def folder(self, stage: str, video_id: str, identity: str) -> Path:
        """Return the folder of a unit; it need not exist."""
        return self.video_folder(stage, video_id) / identity[:16]

    def failure_file(self, stage: str, video_id: str, identity: str) -> Path:
        """Return the file with the last failure of a unit; it need not exist."""
        return self.video_folder(stage, video_id) / f"{identity[:16]}{FAILED_SUFFIX}"

    def video_folder(self, stage: str, video_id: str) -> Path:
        """Return the folder of all units of a stage and video; it need not exist."""
        return self._stage_folder(stage) / plain_name(video_id, where="video id")

    def artifact_path(self, record: UnitRecord) -> Path:
        """Return the artifact file of a completed unit of this store.

        Raises
        ------
        DataError
            The unit did not complete.
        """
        if record.status != "completed":
            raise DataError(
                f"has no artifact: {record.status}, {record.reason}",
                where=f"{record.stage}/{record.video_id}",
                next_step="Fix the cause and run again",
            )
        return self.folder(record.stage, record.video_id, record.identity) / ARTIFACT_FILE

    def find(self, stage: str, video_id: str, identity: str) -> Found:
        """Look a unit up by its full identity, whatever its status."""
        folder = self.folder(stage, video_id, identity)
        found = read_unit(folder)
        if found.record is None:
            failure = read_record(folder.with_name(f"{folder.name}{FAILED_SUFFIX}"))
            if isinstance(failure, UnitRecord):
                found = Found(failure, "")
            elif not found.problem:
                return Found(None, failure or why_removed(folder))
        if found.record is not None and found.record.identity != identity:
            return Found(None, f"{UNIT_FILE} belongs to another unit")
        return found

    def newest(self, stage: str, video_id: str) -> UnitRecord | None:
        """Find the unit of a stage and video that finished last, whatever its identity.

        It need not be the unit of the current inputs, and its outputs need not be present.
        """
        folder = self.video_folder(stage, video_id)
        records = [read_record(unit / UNIT_FILE) for unit in unit_folders(folder)]
        records += [read_record(path) for path in folder.glob(f"*{FAILED_SUFFIX}")]
        return max(
            (record for record in records if isinstance(record, UnitRecord)),
            key=_finished_or_adopted,
            default=None,
        )

    def units(self, stage: str) -> Iterator[Path]:
        """Walk through the unit folders of a stage by video id and identity.

        Superseded units are among them, and the content may be damaged.
        """
        for video in subfolders(self._stage_folder(stage)):
            yield from unit_folders(video)

    @contextmanager
    def staging_folder(self, stage: str, video_id: str) -> Iterator[Path]:
        """Lend an empty folder to make a unit in, for `commit`; what is left is removed."""
        home = self.video_folder(stage, video_id)
        folder = home / f"{staging_prefix(os.getpid())}{secrets.token_hex(4)}"
        with writing_to(folder):
            make_folder(home)
            folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(self, record: UnitRecord, staged: Path) -> UnitRecord:
        """Write the record of a unit that completed or was skipped, and make it appear durably.

        `staged` is from `staging_folder` and holds the artifact if the record lists one. What
        is returned is `record`, or the record of another machine that was first.
        """
        folder = self.folder(record.stage, record.video_id, record.identity)
        with writing_to(folder):
            (staged / UNIT_FILE).write_text(record_to_json(record), encoding="utf-8")
            for name in (UNIT_FILE, *(output.name for output in record.outputs)):
                sync_file(staged / name)
            sync_folder(staged)
            current = self.move_into_place(record, staged)
            if current is record:
                sync_folder(folder.parent)
                self.delete_failure(record)
        return current

    def move_into_place(self, record: UnitRecord, staged: Path) -> UnitRecord:
        """Make a unit appear by one rename; as `commit`, but nothing is written or synced.

        `staged` is of the same file system and holds record and artifact.
        """
        folder = self.folder(record.stage, record.video_id, record.identity)
        with writing_to(folder):
            while not _renamed(staged, folder):
                found = read_unit(folder)
                if found.record is not None and found.record.identity == record.identity:
                    return found.record
                self.set_aside(folder)
        return record

    def delete_failure(self, record: UnitRecord) -> None:
        """Delete the earlier failure of a unit that is there now."""
        self.failure_file(record.stage, record.video_id, record.identity).unlink(missing_ok=True)

    def record_failure(self, record: UnitRecord) -> None:
        """Record a failure durably; a unit that completed meanwhile stays completed."""
        path = self.failure_file(record.stage, record.video_id, record.identity)
        with writing_to(path):
            write_text_atomic(path, record_to_json(record))

    def reopen(self, record: UnitRecord) -> None:
        """Let a failed unit run again as if for the first time."""
        path = self.failure_file(record.stage, record.video_id, record.identity)
        retried = path.with_name(f"{record.identity[:16]}{RETRIED_SUFFIX}")
        with writing_to(path):
            path.replace(retried)
            sync_folder(path.parent)

    def set_aside(self, folder: Path) -> None:
        """Rename the folder of a damaged unit, so that it is kept for a look but not used."""
        with writing_to(folder):
            aside = folder.with_name(f"{folder.name}{DAMAGED_MARK}{secrets.token_hex(4)}")
            try:
                folder.rename(aside)
            except FileNotFoundError:
                return
            sync_folder(folder.parent)

    def remove_staging(self, stage: str, video_id: str, prefix: str) -> None:
        """Remove the staging folders that a dead process left, by its `staging_prefix`."""
        for left in self.video_folder(stage, video_id).glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)

    def is_in_progress(self, stage: str, video_id: str, *, since: float) -> bool:
        """Return whether some process, on any machine, seems to work on a unit.

        A staging folder from before `since` (seconds, `time.time`) is one of a dead process.
        The answer is a hint that may come late from a file server: it may order the work, not
        more.
        """
        for path in self.video_folder(stage, video_id).glob(f"{TEMPORARY_PREFIX}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime > since:
                    return True
        return False

    def _stage_folder(self, stage: str) -> Path:
        return self.root / plain_name(stage, where="stage name")


def _finished_or_adopted(record: UnitRecord) -> tuple[str, str]:
    adopted = record.adopted.adopted_utc if record.adopted else ""
    return max(adopted, record.timings.finished_utc), record.identity


def _renamed(staged: Path, folder: Path) -> bool:
    """Rename a folder; False where another one has its name."""
    try:
        os.rename(staged, folder)  # noqa: PTH104  one name for tests to break
    except OSError as error:
        if error.errno in _PLACE_TAKEN:
            return False
        raise
    return True


def staging_prefix(pid: int) -> str:
    """Return the start of the names of the staging folders of a process of this machine."""
    return f"{TEMPORARY_PREFIX}{sha256_json(platform.node())[:8]}-{pid}-"


@contextmanager
def writing_to(
    path: Path,
    next_step: str = "Free space or make it writable, then run again: finished units stay",
) -> Iterator[None]:
    """Turn an `OSError` of the block into an `EnvironmentProblem` that names the work folder."""
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"the work folder cannot be written ({error.strerror or error})",
            where=str(path),
            next_step=next_step,
        ) from error
