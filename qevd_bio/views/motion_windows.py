"""The motion of a span of frames, read from the row groups that hold it.

T frames
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.errors import DataError
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables.kinematics import ANGLE_COLUMNS, ROOT_COLUMNS, motion_from_table
from qevd_bio.tables.left_out import full_schema, with_columns

SEGMENTS = frozenset(segment_lengths_for_height(1.7))
_MOST_WINDOWS = 24
_READ_ERRORS = (
    pa.ArrowException,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
)
"""What bytes raise that are no longer those that were written, and notes of another shape."""

_NEXT = "Restore the release, or run the stages again"
_COLUMNS = ("frame", "time_s", "confidence", "valid", *ANGLE_COLUMNS, *ROOT_COLUMNS)


@dataclass(frozen=True, slots=True)
class FrameRows:
    """Where the frames of a video stand: rows `start` to `stop` of a Parquet file, frame by frame.

    `notes` are those of its motion, see `tables.kinematics.motion_table`.
    """

    file: Path
    start: int
    stop: int
    notes: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class MotionWindow:
    """A span of frames of a video.

    Attributes
    ----------
    first_frame : int
        Number in the video of the first one.
    motion : Motion
        Of these frames; without noise and shape. Angles of DoFs that are not stored are 0.
    clock_start_s : float
        Time of the first frame of the video, on the data set's clock.
    turn_deg : int
        Clockwise turn of the displayed picture that puts the person upright.
    assumed : tuple of str
        DoFs that are not stored.
    """

    first_frame: int
    motion: Motion
    clock_start_s: float
    turn_deg: int
    assumed: tuple[str, ...]

    @property
    def has_body(self) -> bool:
        """Whether the lengths of all segments are known, without which no joint has a place."""
        return set(self.motion.segment_lengths_m) >= SEGMENTS

    def index_of(self, frame: int) -> int:
        """Find the nearest place in the window of a frame of the video."""
        return min(max(frame - self.first_frame, 0), len(self.motion.time_s) - 1)

    def nearest(self, time_s: float) -> int:
        """Find the place of the frame nearest to a time on the data set's clock."""
        return int(np.argmin(np.abs(self.motion.time_s - time_s)))


class MotionWindows:
    """Reads windows of motion, for several threads; the last ones are kept.

    Parameters
    ----------
    rows_of : callable
        Gives where the frames of a video stand, or None.
    """

    def __init__(self, rows_of: Callable[[str], FrameRows | None]) -> None:
        self._rows_of = rows_of
        self._held: OrderedDict[tuple[str, int, int], MotionWindow] = OrderedDict()
        self._lock = Lock()

    def read(self, video: str, first: int, stop: int) -> MotionWindow | None:
        """Read frames `first` to `stop` of a video, cut to those there are; None without any.

        Raises
        ------
        DataError
            The file or its notes cannot be read, or its frames are not numbered one by one.
        """
        rows = self._rows_of(video)
        if rows is None:
            return None
        count = rows.stop - rows.start
        first, stop = max(0, min(first, count - 1)), min(max(stop, first + 1), count)
        if not 0 <= first < stop:
            return None
        key = video, first, stop
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        window = _read_window(rows, video, first, stop)
        with self._lock:
            self._held[key] = window
            while len(self._held) > _MOST_WINDOWS:
                self._held.popitem(last=False)
        return window


def _read_window(rows: FrameRows, video: str, first: int, stop: int) -> MotionWindow:
    try:
        notes = rows.notes()
        with pq.ParquetFile(rows.file) as parquet:
            schema, left_out = full_schema(parquet.schema_arrow)
            stored = set(parquet.schema_arrow.names)
            present = [name for name in _COLUMNS if name in stored]
            table = _read_rows(parquet, rows.start + first, rows.start + stop, present)
            start = _read_rows(parquet, rows.start, rows.start + 1, ["time_s"])
        if not np.array_equal(table["frame"].to_numpy(), np.arange(first, stop)):
            raise DataError(
                f"does not hold frames {first} to {stop - 1} of video {video} one by one",
                where=str(rows.file),
                next_step=_NEXT,
            )
        table = with_columns(table, schema, [name for name in left_out if name in ANGLE_COLUMNS])
        complete, assumed = _with_rest(table)
        return MotionWindow(
            first_frame=first,
            motion=motion_from_table(complete, notes),
            clock_start_s=float(start["time_s"][0].as_py()),
            turn_deg=int(notes.get("capture", {}).get("turn_deg", 0)),
            assumed=assumed,
        )
    except _READ_ERRORS as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DataError(
            f"cannot be read as Parquet with the motion of video {video} ({cause})",
            where=str(rows.file),
            next_step=_NEXT,
        ) from error


def _with_rest(table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """Put DoFs without a value at rest, and name them."""
    assumed = []
    for name in DOF_NAMES:
        column = table[f"{name}_rad"]
        if column.null_count == len(column):
            assumed.append(name)
            at_rest = pa.array(np.zeros(len(column)), pa.float32())
            table = table.set_column(
                table.column_names.index(f"{name}_rad"), f"{name}_rad", at_rest
            )
    return table, tuple(assumed)


def _read_rows(parquet: pq.ParquetFile, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
    """Read rows `start` to `stop` from the row groups in which they stand."""
    wanted: list[int] = []
    skipped = first = 0
    for index in range(parquet.metadata.num_row_groups):
        rows = parquet.metadata.row_group(index).num_rows
        if first < stop and start < first + rows:
            skipped = first if not wanted else skipped
            wanted.append(index)
        first += rows
    table = parquet.read_row_groups(wanted, columns=list(columns))
    return table.slice(start - skipped, stop - start)
