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
    set_aside_before,
    subfolders,
    unit_folders,
)
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import (
    TEMPORARY_PREFIX,
    make_folder,
    sync_file,
    sync_folder,
    write_text_atomic,
)
from qevd_bio.files.contain import plain_name
from qevd_bio.files.digest import sha256_json

_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


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
    told beside it, in ``<identity16>.failed.json``: it can never take a success's place.
    """

    root: Path

    def folder(self, stage: str, video_id: str, identity: str) -> Path:
        """Name the folder of a unit.

        Parameters
        ----------
        stage, video_id, identity : str
            The unit and its full identity.

        Returns
        -------
        Path
            It need not exist.

        Raises
        ------
        DataError
            A name cannot name a folder.
        """
        return self.root.joinpath(
            plain_name(stage, where="stage name"),
            plain_name(video_id, where="video id"),
            identity[:16],
        )

    def failure_file(self, stage: str, video_id: str, identity: str) -> Path:
        """Name the file that tells the last failure of a unit; it need not exist."""
        return self.video_folder(stage, video_id) / f"{identity[:16]}{FAILED_SUFFIX}"

    def video_folder(self, stage: str, video_id: str) -> Path:
        """Name the folder of all units of a stage and video; it need not exist."""
        return self._videos(stage) / plain_name(video_id, where="video id")

    def artifact_path(self, record: UnitRecord) -> Path:
        """Name the artifact file of a completed unit.

        Parameters
        ----------
        record : UnitRecord
            A completed unit of this store.

        Returns
        -------
        Path
            The artifact file.

        Raises
        ------
        DataError
            The unit did not complete.
        """
        if record.status != "completed":
            raise DataError(
                f"has no artifact: {record.status}, {record.reason}",
                where=f"{record.stage}/{record.video_id}",
                next_step="Mend the cause and run again",
            )
        return self.folder(record.stage, record.video_id, record.identity) / ARTIFACT_FILE

    def find(self, stage: str, video_id: str, identity: str) -> Found:
        """Look a unit up by its identity.

        Parameters
        ----------
        stage, video_id, identity : str
            The unit and its full identity.

        Returns
        -------
        Found
            The record of any status, or why there is none.
        """
        folder = self.folder(stage, video_id, identity)
        found = read_unit(folder)
        if found.record is None:
            failure = read_record(folder.with_name(f"{folder.name}{FAILED_SUFFIX}"))
            if isinstance(failure, UnitRecord):
                found = Found(failure, "")
            elif not found.problem:
                return Found(None, failure or set_aside_before(folder))
        if found.record is not None and found.record.identity != identity:
            return Found(None, f"{UNIT_FILE} belongs to another unit")
        return found

    def newest(self, stage: str, video_id: str) -> UnitRecord | None:
        """Find the unit of a stage and video that finished last, whatever its identity.

        Parameters
        ----------
        stage, video_id : str
            The unit.

        Returns
        -------
        UnitRecord or None
            A record of any status whose outputs need not be present; None if there never
            was one that can be read.

        Notes
        -----
        It tells what changed since; it need not be the unit of the current inputs.
        """
        folder = self.video_folder(stage, video_id)
        records = [read_record(unit / UNIT_FILE) for unit in unit_folders(folder)]
        records += [read_record(path) for path in folder.glob(f"*{FAILED_SUFFIX}")]
        return max(
            (record for record in records if isinstance(record, UnitRecord)),
            key=_came_to_be,
            default=None,
        )

    def units(self, stage: str) -> Iterator[Path]:
        """Walk through the unit folders of a stage, superseded ones too.

        Parameters
        ----------
        stage : str
            Name of the stage.

        Yields
        ------
        Path
            A folder whose content may be damaged; ordered by video id, then identity.
        """
        for video in subfolders(self._videos(stage)):
            yield from unit_folders(video)

    def completed_units(self, stage: str) -> Iterator[UnitRecord]:
        """Walk through the finished units of a stage, superseded ones too.

        Parameters
        ----------
        stage : str
            Name of the stage.

        Yields
        ------
        UnitRecord
            Completed, outputs present; ordered by video id, then identity.
        """
        for unit in self.units(stage):
            record = read_unit(unit).record
            if record is not None and record.status == "completed":
                yield record

    @contextmanager
    def making(self, stage: str, video_id: str) -> Iterator[Path]:
        """Lend a temporary folder in which a unit is made.

        Parameters
        ----------
        stage, video_id : str
            The unit.

        Yields
        ------
        Path
            An empty folder; give it to `put`. What is left of it at the end is removed.

        Raises
        ------
        EnvironmentProblem
            The work folder cannot be written.
        """
        home = self.video_folder(stage, video_id)
        folder = home / f"{maker_of(os.getpid())}{secrets.token_hex(4)}"
        with _writing(folder):
            make_folder(home)
            folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put(self, record: UnitRecord, made: Path) -> UnitRecord:
        """Let a unit that completed or was skipped appear, durably and whole.

        Parameters
        ----------
        record : UnitRecord
            Completed or skipped.
        made : Path
            What `making` lent; holds the artifact if the record lists one.

        Returns
        -------
        UnitRecord
            `record`, or the record of another machine that was first.

        Raises
        ------
        EnvironmentProblem
            The work folder cannot be written.
        """
        folder = self.folder(record.stage, record.video_id, record.identity)
        with _writing(folder):
            (made / UNIT_FILE).write_text(record_to_json(record), encoding="utf-8")
            for name in (UNIT_FILE, *(output.name for output in record.outputs)):
                sync_file(made / name)
            sync_folder(made)
            stands = self.take(record, made)
            if stands is record:
                sync_folder(folder.parent)
                self.forget_failure(record)
        return stands

    def take(self, record: UnitRecord, made: Path) -> UnitRecord:
        """Let a whole unit appear; what brings it to the disk is left to the caller.

        Parameters
        ----------
        record : UnitRecord
            Completed or skipped.
        made : Path
            A folder of the same file system with record and artifact.

        Returns
        -------
        UnitRecord
            `record`, or the record of another machine that was first.

        Raises
        ------
        OSError
            The work folder cannot be written.
        """
        folder = self.folder(record.stage, record.video_id, record.identity)
        while not _appears(made, folder):
            found = read_unit(folder)
            if found.record is not None and found.record.identity == record.identity:
                return found.record
            self.set_aside(folder)
        return record

    def forget_failure(self, record: UnitRecord) -> None:
        """Delete what told of an earlier failure of a unit that stands now."""
        self.failure_file(record.stage, record.video_id, record.identity).unlink(missing_ok=True)

    def put_failure(self, record: UnitRecord) -> None:
        """Tell durably why a unit failed; a unit that completed meanwhile stays completed.

        Raises
        ------
        EnvironmentProblem
            The work folder cannot be written.
        """
        path = self.failure_file(record.stage, record.video_id, record.identity)
        with _writing(path):
            write_text_atomic(path, record_to_json(record))

    def reopen(self, record: UnitRecord) -> None:
        """Let a failed unit run again as if for the first time.

        Raises
        ------
        EnvironmentProblem
            The work folder cannot be written.
        """
        path = self.failure_file(record.stage, record.video_id, record.identity)
        retried = path.with_name(f"{record.identity[:16]}{RETRIED_SUFFIX}")
        with _writing(path):
            path.replace(retried)
            sync_folder(path.parent)

    def set_aside(self, folder: Path) -> None:
        """Move a damaged unit out of the way, keeping it for a look.

        Raises
        ------
        EnvironmentProblem
            The work folder cannot be written.
        """
        with _writing(folder):
            aside = folder.with_name(f"{folder.name}{DAMAGED_MARK}{secrets.token_hex(4)}")
            try:
                folder.rename(aside)
            except FileNotFoundError:
                return
            sync_folder(folder.parent)

    def sweep(self, stage: str, video_id: str, maker: str) -> None:
        """Remove what a process that is dead left of a unit in the making."""
        for left in self.video_folder(stage, video_id).glob(f"{maker}*"):
            shutil.rmtree(left, ignore_errors=True)

    def is_making(self, stage: str, video_id: str, *, since: float) -> bool:
        """Say whether someone seems to make a unit, on whatever machine.

        Parameters
        ----------
        stage, video_id : str
            The unit.
        since : float
            What was begun earlier, in seconds of `time.time`, was left by a dead process.

        Returns
        -------
        bool
            A hint that a file server may tell late: good for the order of work, not more.
        """
        for path in self.video_folder(stage, video_id).glob(f"{TEMPORARY_PREFIX}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime > since:
                    return True
        return False

    def _videos(self, stage: str) -> Path:
        return self.root / plain_name(stage, where="stage name")


def _came_to_be(record: UnitRecord) -> tuple[str, str]:
    adopted = record.adopted.adopted_utc if record.adopted else ""
    return max(adopted, record.timings.finished_utc), record.identity


def _appears(made: Path, folder: Path) -> bool:
    """Put a folder in its place by one rename; False where another one stands there."""
    try:
        os.rename(made, folder)  # noqa: PTH104  one name for tests to break
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def maker_of(pid: int) -> str:
    """Begin the names of the temporary folders that a process of this machine makes."""
    return f"{TEMPORARY_PREFIX}{sha256_json(platform.node())[:8]}-{pid}-"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"the work folder cannot be written ({error.strerror or error})",
            where=str(path),
            next_step="Free space or make it writable, then run again: finished units stay",
        ) from error
