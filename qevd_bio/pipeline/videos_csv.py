"""What the user knows of each video: `videos.csv` with height, sex and view."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from qevd_bio.capture.body_size import LEAST_HEIGHT_M, MOST_HEIGHT_M
from qevd_bio.choices import CameraView, Sex
from qevd_bio.errors import DataError
from qevd_bio.files.open_regular import read_text_regular

VIDEOS_FILE = "videos.csv"
COLUMNS = ("video_id", "height_m", "sex", "view")
_KNOWN = {"sex": get_args(Sex), "view": get_args(CameraView)}
_NEXT_STEPS = {
    "video_id": "Give each video one line",
    "height_m": f"Give {LEAST_HEIGHT_M} to {MOST_HEIGHT_M}, such as 1.78, or leave it empty",
    **{
        name: f"Use one of {', '.join(known)}, or leave it empty" for name, known in _KNOWN.items()
    },
}


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of one video; empty cells are not known.

    Attributes
    ----------
    height_m : float or None
        Height of the person, in metres.
    sex, view : str
        One of `choices.Sex` and `choices.CameraView`, or empty.
    """

    height_m: float | None = None
    sex: str = ""
    view: str = ""


def load_videos_csv(path: Path | None, data_root: Path) -> dict[str, VideoFacts]:
    """Read the table of videos.

    Parameters
    ----------
    path : Path or None
        The file; None: ``videos.csv`` of the data root, where it exists.

    Raises
    ------
    DataError
        The file cannot be read, or a cell holds what its column cannot; it names line and column.
    """
    file = path or data_root / VIDEOS_FILE
    if path is None and not file.is_file():
        return {}
    try:
        with io.StringIO(read_text_regular(file, follow_links=path is not None)) as lines:
            reader = csv.DictReader(lines, strict=True)
            _check_header(reader.fieldnames or (), file)
            return _facts_by_video(reader, file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(
            f"cannot be read ({cause})", where=str(file), next_step="Write a CSV file in UTF-8"
        ) from error


def _check_header(names: object, file: Path) -> None:
    found = list(names) if isinstance(names, list | tuple) else []
    wrong = [name for name in found if name not in COLUMNS]
    if wrong or "video_id" not in found or len(set(found)) < len(found):
        cause = f"unknown column '{wrong[0]}'" if wrong else "needs video_id and each column once"
        raise DataError(
            cause, where=f"{file}, line 1", next_step=f"Name columns of {', '.join(COLUMNS)}"
        )


def _facts_by_video(reader: csv.DictReader[str], file: Path) -> dict[str, VideoFacts]:
    facts: dict[str, VideoFacts] = {}
    for row in reader:
        is_whole = None not in row and None not in row.values()
        cells = {name: str(row.get(name) or "").strip() for name in COLUMNS}
        if not is_whole:
            column, cause = "", "has another number of cells than the header"
        elif cells["video_id"] in facts:
            column, cause = "video_id", f"'{cells['video_id']}' stands in the file twice"
        else:
            column, cause = _wrong_cell(cells)
        if cause:
            place = f"{file}, line {reader.line_num}{column and f', column {column}'}"
            next_step = _NEXT_STEPS.get(column, "Correct the line")
            raise DataError(cause, where=place, next_step=next_step)
        height = cells["height_m"]
        facts[cells["video_id"]] = VideoFacts(
            float(height) if height else None, cells["sex"], cells["view"]
        )
    return facts


def _wrong_cell(cells: Mapping[str, str]) -> tuple[str, str]:
    """Name the column that holds what it cannot, and the cause; both empty where none does."""
    if not cells["video_id"]:
        return "video_id", "is empty"
    if cells["height_m"] and not LEAST_HEIGHT_M <= _number(cells["height_m"]) <= MOST_HEIGHT_M:
        return "height_m", f"'{cells['height_m']}' is not the height of a person in metres"
    for name, known in _KNOWN.items():
        if cells[name] and cells[name] not in known:
            return name, f"'{cells[name]}' is not known"
    return "", ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
