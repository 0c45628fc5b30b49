"""OpenSim's .mot and .sto files: a header, then one row for each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.input_file import read_input

FILLED = "filled_gap_s"
"""Key in the header of the times between which nothing was measured."""


@dataclass(frozen=True, slots=True)
class MotFile:
    """Times (T,) and columns (T,) of a file as written, NaN in gaps; the unit is of rotations.

    `filled_s` are the first and the last times of gaps that the writer has filled and says so.
    """

    time_s: FloatArray
    columns: Mapping[str, FloatArray]
    in_degrees: bool
    filled_s: tuple[tuple[float, float], ...] = ()


def read_mot(path: Path) -> MotFile:
    """Read a .mot or .sto file.

    The columns of a states file, as ``/jointset/knee_r/knee_angle_r/value``, get the names of
    their coordinates; its speeds, activations and other states are left out.

    Raises
    ------
    DataError
        The file is absent or not UTF-8, its header does not end or lacks inDegrees, its first
        column is not an increasing time, or a row holds other than numbers.
    """
    try:
        lines = read_input(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read ({' '.join(str(error).split())})") from error
    stripped = [line.strip() for line in lines]
    if "endheader" not in stripped:
        raise _bad(path, "has no line 'endheader'")
    end = stripped.index("endheader")
    below = enumerate(stripped[end + 1 :], end + 2)
    rows = [(number, line.split()) for number, line in below if line]
    if len(rows) < 2:
        raise _bad(path, "has no rows")
    names = [_coordinate(name) for name in rows[0][1]]
    kept = [name for name in names if name]
    if names[0] != "time" or len(set(kept)) != len(kept):
        raise _bad(path, "has no first column 'time', or a column twice")
    table = np.empty((len(rows) - 1, len(names)))
    for row, (number, cells) in zip(table, rows[1:], strict=True):
        try:
            row[:] = [float(cell) for cell in cells]
        except ValueError as error:
            raise _bad(path, f"line {number} does not hold {len(names)} numbers") from error
    time_s = table[:, 0]
    if not np.isfinite(time_s).all() or np.any(np.diff(time_s) <= 0.0):
        raise _bad(path, "its time does not increase")
    columns = {name: values for name, values in zip(names, table.T, strict=True) if name}
    del columns["time"]
    header = stripped[:end]
    return MotFile(time_s, columns, _in_degrees(path, header), _filled_s(path, header))


def _in_degrees(path: Path, header: list[str]) -> bool:
    """Read the unit of rotations, with or without spaces around the sign of equality."""
    pairs = (line.split("=", 1) for line in header if "=" in line)
    values = {key.strip().lower(): value.strip().lower() for key, value in pairs}
    unit = {"yes": True, "no": False}.get(values.get("indegrees", ""))
    if unit is None:
        raise _bad(path, "has neither inDegrees=yes nor inDegrees=no")
    return unit


def _filled_s(path: Path, header: list[str]) -> tuple[tuple[float, float], ...]:
    """Read the gaps that `write_mot` marks."""
    gaps = []
    for line in header:
        key, _, value = line.partition("=")
        if key.strip() == FILLED:
            try:
                first, last = (float(part) for part in value.split())
            except ValueError as error:
                raise _bad(path, f"its {FILLED} does not hold two times") from error
            gaps.append((first, last))
    return tuple(gaps)


def _coordinate(column: str) -> str:
    """Name the coordinate of a column; empty for the other states of a states file."""
    *above, last = column.split("/")
    if not above:
        return column
    return above[-1] if last == "value" else ""


def write_mot(
    path: Path,
    time_s: FloatArray,
    columns: Mapping[str, FloatArray],
    filled_s: Sequence[tuple[float, float]] = (),
) -> None:
    """Write a .mot file: times (T,) in seconds, columns (T,) in degrees or metres, 8 decimals.

    `filled_s` are the first and the last times of gaps that are filled; the header marks them.
    """
    table = np.column_stack([time_s, *columns.values()])
    header = [
        "Coordinates",
        "version=1",
        f"nRows={table.shape[0]}",
        f"nColumns={table.shape[1]}",
        "inDegrees=yes",
        *(f"{FILLED}={first:.8f} {last:.8f}" for first, last in filled_s),
        "endheader",
        "\t".join(["time", *columns]),
    ]
    rows = ["\t".join(f"{value:.8f}" for value in row) for row in table]
    write_text_atomic(path, "\n".join([*header, *rows]) + "\n")


def _bad(path: Path, cause: str) -> DataError:
    return DataError(
        cause, where=str(path), next_step="Give a .mot file as OpenSim's inverse kinematics does"
    )
