"""Whether a table that was read is written with the bytes it was read from."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from qevd_bio.tables.parquet import parquet_bytes, read_table
from qevd_bio.tables.published import TABLES


def is_written_alike(path: Path) -> bool:
    """Read an artifact of a published table, write it again, and compare the bytes.

    Its list columns get back the names of their items, which reading changes.
    """
    table = read_table(path)
    metadata = table.schema.metadata
    schema = TABLES[metadata[b"qevd_bio.table"].decode()].schema.with_metadata(metadata)
    columns = [column.combine_chunks() for column in table.columns]
    again = pa.Table.from_arrays(columns, schema=schema)
    return parquet_bytes(again) == path.read_bytes()
