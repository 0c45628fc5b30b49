"""OpenSim's .mot files: a header, then one row for each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic


@dataclass(frozen=True, slots=True)
class MotFile:
    """Times (T,) and columns (T,) of a .mot file as written; the unit is that of rotations."""

    time_s: FloatArray
    columns: Mapping[str, FloatArray]
    in_degrees: bool


def read_mot(path: Path) -> MotFile:
    """Read a .mot file.

    Raises
    ------
    DataError
        The file is absent or not UTF-8, its header does not end or lacks inDegrees, its first
        column is not an increasing time, or a row holds other than numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read ({' '.join(str(error).split())})") from error
    stripped = [line.strip() for line in lines]
    if "endheader" not in stripped:
        raise _bad(path, "has no line 'endheader'")
    end = stripped.index("endheader")
    header = dict(line.split("=", 1) for line in stripped[:end] if "=" in line)
    units = {"yes": True, "no": False}.get(header.get("inDegrees", "").strip().lower())
    if units is None:
        raise _bad(path, "has neither inDegrees=yes nor inDegrees=no")
    below = enumerate(stripped[end + 1 :], end + 2)
    rows = [(number, line.split()) for number, line in below if line]
    if len(rows) < 2:
        raise _bad(path, "has no rows")
    names = rows[0][1]
    if names[0] != "time" or len(set(names)) != len(names):
        raise _bad(path, "has no first column 'time', or a column twice")
    table = np.empty((len(rows) - 1, len(names)))
    for row, (number, cells) in zip(table, rows[1:], strict=True):
        try:
            row[:] = [float(cell) for cell in cells]
        except ValueError as error:
            raise _bad(path, f"line {number} does not hold {len(names)} numbers") from error
    if not np.isfinite(table).all() or np.any(np.diff(table[:, 0]) <= 0.0):
        raise _bad(path, "holds NaN, or its time does not increase")
    return MotFile(table[:, 0], dict(zip(names[1:], table.T[1:], strict=True)), units)


def write_mot(path: Path, time_s: FloatArray, columns: Mapping[str, FloatArray]) -> None:
    """Write a .mot file: times (T,) in seconds, columns (T,) in degrees or metres, 8 decimals."""
    table = np.column_stack([time_s, *columns.values()])
    header = [
        "Coordinates",
        "version=1",
        f"nRows={table.shape[0]}",
        f"nColumns={table.shape[1]}",
        "inDegrees=yes",
        "endheader",
        "\t".join(["time", *columns]),
    ]
    rows = ["\t".join(f"{value:.8f}" for value in row) for row in table]
    write_text_atomic(path, "\n".join([*header, *rows]) + "\n")


def _bad(path: Path, cause: str) -> DataError:
    return DataError(
        cause, where=str(path), next_step="Give a .mot file as OpenSim's inverse kinematics does"
    )
