"""Reading the files of a unit, none of them believed unchecked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.engine.record import UNIT_FILE, UnitRecord, record_from_json
from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.open_regular import read_text_regular

FAILED_SUFFIX = ".failed.json"
RETRIED_SUFFIX = ".retried.json"
DAMAGED_MARK = ".damaged-"

_UNIT_FOLDER = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Found:
    """What the store holds of a unit.

    Attributes
    ----------
    record : UnitRecord or None
        A valid record with its outputs present; None: there is no usable record.
    problem : str
        Why the files that are there do not count; empty when nothing is wrong.
    """

    record: UnitRecord | None
    problem: str


def read_unit(folder: Path) -> Found:
    """Read a unit's folder: its record counts if its outputs are there in full length.

    There is neither record nor problem where there is no unit.
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


def read_whole_unit(folder: Path) -> UnitRecord | str:
    """Read every byte of a unit: its record, or in one line what is wrong with it."""
    found = read_unit(folder)
    if found.record is None:
        return found.problem or f"{UNIT_FILE} missing"
    for output in found.record.outputs:
        if sha256_file(folder / output.name) != output.sha256:
            return f"output {output.name} has other bytes than were written"
    return found.record


def units_of_video(video_folder: Path) -> list[UnitRecord]:
    """Read the units of a stage and video that count, by identity."""
    records = (read_unit(folder).record for folder in unit_folders(video_folder))
    return [record for record in records if record is not None]


def unit_folders(video_folder: Path) -> list[Path]:
    """List the unit folders of a stage and video, by identity."""
    return [f for f in subfolders(video_folder) if _UNIT_FOLDER.fullmatch(f.name)]


def files_beside(video_folder: Path, suffix: str) -> list[Path]:
    """List the files with a suffix beside the unit folders, by identity; no foreign files."""
    found = video_folder.glob(f"*{suffix}")
    return sorted(f for f in found if _UNIT_FOLDER.fullmatch(f.name.removesuffix(suffix)))


def read_record(path: Path) -> UnitRecord | str:
    """Read a record, or return why it does not count; empty when there is none."""
    try:
        return record_from_json(read_text_regular(path), where=path.name)
    except FileNotFoundError:
        return ""
    except DataError as error:
        return f"{path.name} damaged: {error.message}"
    except (OSError, UnicodeDecodeError) as error:
        return f"{path.name} unreadable: {type(error).__name__}"


def why_removed(folder: Path) -> str:
    """Return why a unit is not there any more; empty if it never was."""
    retried = read_record(folder.with_name(f"{folder.name}{RETRIED_SUFFIX}"))
    if isinstance(retried, UnitRecord):
        return f"to be tried again, failed before: {retried.reason}"
    if any(folder.parent.glob(f"{folder.name}{DAMAGED_MARK}*")):
        return "was found damaged and set aside"
    return ""


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name; none where it is absent."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.is_dir())
