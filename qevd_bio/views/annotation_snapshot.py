"""Annotation rows as they were when they were read, without all of them in memory."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError

_ROWS_PER_BATCH = 64

Place = tuple[str, int]
"""Video and number of the utterance."""


class AnnotationSnapshot:
    """The annotation rows of many videos, in the order given.

    They lie uncompressed in a temporary file without a name, of which the system keeps in memory
    what is looked at. So a row takes well under a millisecond, whatever their number, and stays
    the same while the work folder is run again.

    Parameters
    ----------
    tables : iterable of (str, Table)
        Split, and annotation rows of one or more of its videos. All tables have the same columns.

    Raises
    ------
    DataError
        There is no row, or two rows are of one utterance.
    """

    def __init__(self, tables: Iterable[tuple[str, pa.Table]]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  held as long as the rows
        self._numbers: dict[Place, tuple[int, int]] = {}
        writer: pa.RecordBatchFileWriter | None = None
        count = 0
        for split, table in tables:
            rows = _with_split(table, split)
            writer = writer or pa.ipc.new_file(self._file, rows.schema)
            for batch in rows.to_batches(max_chunksize=_ROWS_PER_BATCH):
                self._number(batch, count)
                writer.write_batch(batch)
                count += 1
        if writer is None or not self._numbers:
            raise DataError(
                "there is no annotation row",
                where="annotations",
                next_step="Run the stages first; `qevd-bio plan --why` lists what is open",
            )
        writer.close()
        self._file.flush()
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self._lock = Lock()
        self._reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(self._map)))

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, place: Place) -> bool:
        return place in self._numbers

    def places(self) -> Iterator[Place]:
        """Yield video and number of every utterance."""
        return iter(self._numbers)

    def row(self, place: Place) -> dict[str, Any]:
        """Return one row as plain values, with its `split`; `KeyError` where there is none."""
        batch, row = self._numbers[place]
        found: dict[str, Any] = self._batch(batch).slice(row, 1).to_pylist()[0]
        return found

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield every row as plain values, with its `split`; only these columns where named."""
        for index in range(self._reader.num_record_batches):
            batch = self._batch(index)
            yield from (batch if columns is None else batch.select(list(columns))).to_pylist()

    def close(self) -> None:
        """Give the space back; the rows cannot be read any more."""
        del self._reader
        self._file.close()

    def _batch(self, index: int) -> pa.RecordBatch:
        with self._lock:
            return self._reader.get_batch(index)

    def _number(self, batch: pa.RecordBatch, number: int) -> None:
        videos, indices = batch["video_id"].to_pylist(), batch["feedback_index"].to_pylist()
        for row, place in enumerate(zip(videos, indices, strict=True)):
            if place in self._numbers:
                raise DataError(
                    f"has utterance {place[1]} twice",
                    where=f"video {place[0]}",
                    next_step="Restore the release, or run the stages again",
                )
            self._numbers[place] = (number, row)


def _with_split(table: pa.Table, split: str) -> pa.Table:
    rows = table.replace_schema_metadata(None).combine_chunks()
    if "split" in rows.column_names:
        rows = rows.drop_columns(["split"])
    return rows.append_column("split", pa.array([split] * rows.num_rows, pa.string()))
