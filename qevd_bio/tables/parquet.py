"""Reading and writing Parquet with one explicit schema, byte-identical for equal content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.input_file import read_input
from qevd_bio.files.open_regular import open_regular

NOTES_KEY = b"qevd_bio.notes"
_ROWS_PER_GROUP = 100_000
_DICTIONARY_COLUMNS = ("video_id", "split", "exercise")


def schema_sha256(schema: pa.Schema) -> str:
    """Digest what `read_parquet` requires of a file: names, order, types and nullability.

    Descriptions and other metadata are left out: they change no file that is there already.
    """
    return sha256_json([[one.name, str(one.type), one.nullable] for one in schema])


def rows_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Build a table from row mappings; a key too many or too few is a `ValueError`."""
    names = set(schema.names)
    for row in rows:
        if set(row) != names:
            wrong = sorted(set(row) ^ names)
            raise ValueError(f"row does not fit the schema, differing columns: {', '.join(wrong)}")
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def write_parquet(table: pa.Table, path: Path, *, notes: Mapping[str, Any] | None = None) -> None:
    """Write a table atomically; `notes` are JSON values kept in the schema metadata.

    Encoded by `parquet_options`. Equal tables give equal bytes.
    """
    with atomic_path(path) as temporary:
        _write(_noted(table, notes), temporary)


def parquet_bytes(table: pa.Table, *, notes: Mapping[str, Any] | None = None) -> bytes:
    """Return the bytes that `write_parquet` writes."""
    sink = pa.BufferOutputStream()
    _write(_noted(table, notes), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _write(table: pa.Table, sink: Path | pa.NativeFile) -> None:
    options = parquet_options(table.schema)
    pq.write_table(table, sink, row_group_size=_ROWS_PER_GROUP, **options)


def _noted(table: pa.Table, notes: Mapping[str, Any] | None) -> pa.Table:
    if notes is None:
        return table
    metadata = {**(table.schema.metadata or {}), NOTES_KEY: _canonical(notes)}
    return table.replace_schema_metadata(metadata)


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """Return the options of ``pyarrow.parquet.ParquetWriter`` for every file of this project.

    zstd, floats split by byte at any depth, dictionaries on ids only, a page index. Smallest and
    largest values are kept of all but float32: nobody searches for an angle, and those of 92
    columns cost a seventh of the time.
    """
    columns = [one for field in schema for one in _plain_columns(field.name, field.type)]
    return {
        "compression": "zstd",
        "use_dictionary": [name for name in _DICTIONARY_COLUMNS if name in schema.names],
        "use_byte_stream_split": [name for name, kind in columns if pa.types.is_floating(kind)],
        "write_statistics": [name for name, kind in columns if not pa.types.is_float32(kind)],
        "write_page_index": True,
    }


def _plain_columns(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Name the columns of numbers and texts below one column as Parquet does."""
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _plain_columns(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _plain_columns(f"{path}.list.element", kind.value_type)
    else:
        yield path, kind


def _canonical(notes: Mapping[str, Any]) -> bytes:
    return json.dumps(notes, sort_keys=True, allow_nan=False, ensure_ascii=False).encode()


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a table; `DataError` if that is not possible or it has other columns."""
    table = read_table(path)
    if not table.schema.equals(schema, check_metadata=False):
        raise DataError(
            "columns differ from the schema this version writes",
            where=str(path),
            next_step="Run again with this version; older work folders are redone",
        )
    return table


def read_table(path: Path) -> pa.Table:
    """Read a table with the columns it has; `DataError` if that is not possible."""
    try:
        # By one thread: those of `pq.read_table` may still hold the bytes when Python exits, which
        # aborts the process (apache/arrow#34314).
        with pq.ParquetFile(pa.BufferReader(read_input(path))) as file:
            return file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_metadata(path: Path) -> pq.FileMetaData:
    """Read the footer of a Parquet file; `DataError` if that is not possible."""
    try:
        with open_regular(path) as file:
            return pq.read_metadata(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"no readable Parquet file ({error})",
        where=str(path),
        next_step="Delete it and run again; the stage will be repeated",
    )


def read_notes(table: pa.Table) -> dict[str, Any]:
    """Return the JSON notes kept in a table's schema metadata; empty when there are none."""
    return notes_of_schema(table.schema)


def notes_of_schema(schema: pa.Schema) -> dict[str, Any]:
    """Return the JSON notes kept in schema metadata; empty when there are none."""
    metadata = schema.metadata or {}
    if NOTES_KEY not in metadata:
        return {}
    notes: dict[str, Any] = json.loads(metadata[NOTES_KEY])
    return notes
