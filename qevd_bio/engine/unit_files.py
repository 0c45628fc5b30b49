"""Reading the files of a unit, and believing none of them unchecked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.engine.record import UNIT_FILE, UnitRecord, record_from_json
from qevd_bio.errors import DataError

FAILED_SUFFIX = ".failed.json"
RETRIED_SUFFIX = ".retried.json"
DAMAGED_MARK = ".damaged-"

_UNIT_FOLDER = re.compile(r"[0-9a-f]{16}")


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


def read_unit(folder: Path) -> Found:
    """Read a unit's folder: its record counts if its outputs are there in full length.

    Parameters
    ----------
    folder : Path
        What `Store.folder` names; it may be absent.

    Returns
    -------
    Found
        No record and no problem where there is no unit.
    """
    record = read_record(folder / UNIT_FILE)
    if not isinstance(record, UnitRecord):
        return Found(None, record)
    stage, video_id, identity = folder.parts[-3:]
    if (record.stage, record.video_id, record.identity[:16]) != (stage, video_id, identity):
        return Found(None, f"{UNIT_FILE} belongs to another unit")
    for output in record.outputs:
        try:
            size = (folder / output.name).stat().st_size
        except OSError:
            return Found(None, f"output {output.name} missing")
        if size != output.size:
            problem = f"output {output.name} has {size} bytes, {output.size} were written"
            return Found(None, problem)
    return Found(record, "")


def unit_folders(video_folder: Path) -> list[Path]:
    """List the unit folders of a stage and video, by identity."""
    return [f for f in subfolders(video_folder) if _UNIT_FOLDER.fullmatch(f.name)]


def read_record(path: Path) -> UnitRecord | str:
    """Read a record, or say in one line why it does not count; empty when there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            return record_from_json(file.read(), where=path.name)
    except FileNotFoundError:
        return ""
    except DataError as error:
        return f"{path.name} damaged: {error.message}"
    except (OSError, UnicodeDecodeError) as error:
        return f"{path.name} unreadable: {type(error).__name__}"


def set_aside_before(folder: Path) -> str:
    """Say why there is no unit where there was one."""
    retried = read_record(folder.with_name(f"{folder.name}{RETRIED_SUFFIX}"))
    if isinstance(retried, UnitRecord):
        return f"to be tried anew, failed before: {retried.reason}"
    if any(folder.parent.glob(f"{folder.name}{DAMAGED_MARK}*")):
        return "was found damaged and set aside"
    return ""


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name; none where it is absent."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.is_dir())
