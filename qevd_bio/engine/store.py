"""The store: artifacts and unit records in folders named by identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.engine.record import (
    ARTIFACT_FILE,
    UNIT_FILE,
    UnitRecord,
    record_from_json,
    record_to_json,
)
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.contain import plain_name


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows of a unit.

    Attributes
    ----------
    record : UnitRecord or None
        A valid record whose outputs are present; None: there is nothing to rely on.
    problem : str
        Why the files that are there do not count; empty when nothing is wrong.
    """

    record: UnitRecord | None
    problem: str


@dataclass(frozen=True, slots=True)
class Store:
    """Results on disk: ``<root>/<stage>/<video_id>/<identity16>/``.

    Parameters
    ----------
    root : Path
        The work folder; made with the first result.

    Notes
    -----
    The files are the only state. ``unit.json`` is written last, so a folder without it
    holds nothing that counts.
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
        return self._videos(stage) / plain_name(video_id, where="video id") / identity[:16]

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
        found = _read(self.folder(stage, video_id, identity))
        record = found.record
        if record is not None and (record.stage, record.video_id, record.identity) != (
            stage,
            video_id,
            identity,
        ):
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
        folder = self._videos(stage) / plain_name(video_id, where="video id")
        records = [_read_record(unit) for unit in _subfolders(folder)]
        return max(
            (record for record in records if isinstance(record, UnitRecord)),
            key=lambda record: (record.timings.finished_utc, record.identity),
            default=None,
        )

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
        for video in _subfolders(self._videos(stage)):
            for unit in _subfolders(video):
                record = _read(unit).record
                if record is not None and record.status == "completed":
                    yield record

    def write(self, record: UnitRecord) -> None:
        """Record durably what came of a unit; its artifact must be in place before.

        Parameters
        ----------
        record : UnitRecord
            A record without outputs removes an artifact left from an earlier attempt.

        Raises
        ------
        EnvironmentProblem
            The work folder cannot be written; no run can go on then.
        """
        folder = self.folder(record.stage, record.video_id, record.identity)
        try:
            if not record.outputs:
                (folder / ARTIFACT_FILE).unlink(missing_ok=True)
            write_text_atomic(folder / UNIT_FILE, record_to_json(record))
        except OSError as error:
            raise EnvironmentProblem(
                f"the work folder cannot be written ({error.strerror or error})",
                where=str(folder),
                next_step="Free space or make it writable, then run again: finished units stay",
            ) from error

    def _videos(self, stage: str) -> Path:
        return self.root / plain_name(stage, where="stage name")


def _read(folder: Path) -> Found:
    record = _read_record(folder)
    if not isinstance(record, UnitRecord):
        return Found(None, record)
    for output in record.outputs:
        try:
            size = (folder / output.name).stat().st_size
        except OSError:
            return Found(None, f"output {output.name} missing")
        if size != output.size:
            problem = f"output {output.name} has {size} bytes, {output.size} were written"
            return Found(None, problem)
    return Found(record, "")


def _read_record(folder: Path) -> UnitRecord | str:
    """Read the record in a folder, or say in one line why it does not count."""
    path = folder / UNIT_FILE
    try:
        return record_from_json(path.read_text(encoding="utf-8"), where=UNIT_FILE)
    except FileNotFoundError:
        return ""
    except DataError as error:
        return f"{UNIT_FILE} damaged: {error.message}"
    except (OSError, UnicodeDecodeError) as error:
        return f"{UNIT_FILE} unreadable: {type(error).__name__}"


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.is_dir())
