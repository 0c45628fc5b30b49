"""Rows of a release without the whole of it in memory: row group by row group, video by video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.errors import DataError
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.path_containment import contained_path
from qevd_bio.released.contents import MANIFEST_FILE, RESTORE
from qevd_bio.tables.bounded_parquet import MOST_GROUP_BYTES, read_group
from qevd_bio.tables.left_out import full_schema, with_columns

MOST_RUNS = 16
"""Places of a split that one video's rows are gathered from; sorted tables have one a shard."""

_READ_ERRORS = (
    pa.ArrowException,
    OSError,
    ValueError,
    KeyError,
    OverflowError,
    MemoryError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One Parquet file of a release.

    Attributes
    ----------
    path, file : str, Path
        Its name in the release, and where it lies.
    schema : Schema
        Of its rows, with the columns left out.
    group_rows : tuple of int
        Rows of its row groups.
    left_out : tuple of str
        Columns that are null in the whole release, so not in the file.
    """

    path: str
    file: Path
    schema: pa.Schema
    group_rows: tuple[int, ...]
    left_out: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows the footer names."""
        return sum(self.group_rows)

    def group(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Read one row group; `DataError` when it cannot be read.

        Columns that were left out are null.
        """
        try:
            with open_regular(self.file) as file:
                table = read_group(file, index, columns)
            table.validate(full=True)
        except _READ_ERRORS as error:
            raise _unreadable(f"cannot be read in row group {index}", error, self.path) from error
        wanted = [n for n in self.left_out if columns is None or n in columns]
        return with_columns(table, self.schema, wanted)


def open_shard(folder: Path, path: str) -> ShardFile:
    """Read the footer of a shard; `DataError` where it or a row group is not readable."""
    try:
        with open_regular(folder / path) as file, pq.ParquetFile(file) as parquet:
            metadata = parquet.metadata
            groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
            schema, left_out = full_schema(parquet.schema_arrow)
    except _READ_ERRORS as error:
        raise _unreadable("cannot be read as Parquet", error, path) from error
    for index, group in enumerate(groups):
        if not 0 <= group.total_byte_size <= MOST_GROUP_BYTES or group.num_rows < 0:
            raise DataError(
                f"row group {index} claims {group.total_byte_size} bytes and {group.num_rows} "
                "rows, which is not read",
                where=path,
                next_step="Restore the release",
            )
    rows = tuple(group.num_rows for group in groups)
    return ShardFile(path, folder / path, schema, rows, left_out)


def open_split(folder: Path, shards: Sequence[Mapping[str, Any]]) -> SplitRows:
    """Open the shards of a table and split, which must lie in the release."""
    for shard in shards:
        contained_path(folder, shard["path"], where=MANIFEST_FILE)
    return SplitRows([open_shard(folder, shard["path"]) for shard in shards])


def runs_of(ids: pa.ChunkedArray) -> Iterator[tuple[str, int, int]]:
    """Yield each run of equal video ids: the id, its first row and its last row + 1."""
    if not len(ids):
        return
    coded = ids.combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False)
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    names = coded.dictionary.to_pylist()
    for start, stop in pairwise([0, *ends]):
        yield names[codes[start]], start, stop


class SplitRows:
    """The rows of one table and split, from all its shards in order."""

    def __init__(self, shards: Sequence[ShardFile]) -> None:
        self.shards = tuple(shards)
        self._runs: dict[str, list[tuple[int, int, int]]] | None = None
        self._held: tuple[tuple[int, int], pa.Table] | None = None

    def without_rows(self) -> SplitRows:
        """Keep shards and places of videos, and no row, for another process."""
        other = SplitRows(self.shards)
        other._runs = self._runs
        return other

    def groups(
        self, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[ShardFile, int, pa.Table]]:
        """Yield shard, first row within it and table of every row group."""
        for shard in self.shards:
            first = 0
            for index, rows in enumerate(shard.group_rows):
                yield shard, first, shard.group(index, columns)
                first += rows

    def videos(self) -> dict[str, list[tuple[int, int, int]]]:
        """Find the runs of rows of each video: shard, first and last row + 1."""
        if self._runs is None:
            self._runs = {}
            numbers = {shard.path: number for number, shard in enumerate(self.shards)}
            for shard, first, table in self.groups(["video_id"]):
                number = numbers[shard.path]
                for video, start, stop in runs_of(table["video_id"]):
                    runs = self._runs.setdefault(video, [])
                    if runs and runs[-1][0] == number and runs[-1][2] == first + start:
                        runs[-1] = (number, runs[-1][1], first + stop)
                    else:
                        runs.append((number, first + start, first + stop))
        return self._runs

    def of(self, video: str) -> pa.Table:
        """Read the rows of a video in the order of the table, or raise `DataError`."""
        runs = self.videos().get(video, [])
        if len(runs) > MOST_RUNS:
            raise DataError(
                f"rows of video {video} are in {len(runs)} places",
                where=self.shards[0].path,
                next_step="Restore the release: its rows are sorted by video",
            )
        parts = [part for run in runs for part in self._run(*run)]
        if not parts:
            return self.shards[0].schema.empty_table() if self.shards else pa.table({})
        return pa.concat_tables(parts)

    def place(self, video: str, row: int) -> str:
        """Name the file and row that row `row` of a video stands in."""
        for shard, start, stop in self.videos().get(video, []):
            if row < stop - start:
                return f"{self.shards[shard].path} row {start + row}"
            row -= stop - start
        return f"video {video}"

    def _run(self, shard: int, start: int, stop: int) -> Iterator[pa.Table]:
        first = 0
        for index, rows in enumerate(self.shards[shard].group_rows):
            if first < stop and start < first + rows:
                low, high = max(start - first, 0), min(stop - first, rows)
                yield self._group(shard, index).slice(low, high - low)
            first += rows

    def _group(self, shard: int, index: int) -> pa.Table:
        if self._held is None or self._held[0] != (shard, index):
            self._held = ((shard, index), self.shards[shard].group(index))
        return self._held[1]


def _unreadable(cause: str, error: Exception, path: str) -> DataError:
    return DataError(
        f"{cause} ({' '.join(str(error).split())[:200]})", where=path, next_step=RESTORE
    )
