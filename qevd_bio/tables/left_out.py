"""Columns without a value in a whole release: left out of its shards, given back as null."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa

from qevd_bio.tables.published import TABLES

LEFT_OUT_KEY = b"qevd_bio.left_out"
"""Their names stand under this key in the schema metadata of every shard."""


def empty_columns(names: Iterable[str], tables: Iterator[pa.Table]) -> tuple[str, ...]:
    """Find which columns hold no value in any of the tables; one without the column has none.

    `tables` is asked for no more once every column has a value.
    """
    empty = list(names)
    while empty and (table := next(tables, None)) is not None:
        held = {n for n in table.column_names if table[n].null_count < table.num_rows}
        empty = [name for name in empty if name not in held]
    return tuple(empty)


def without_columns(schema: pa.Schema, names: Collection[str]) -> pa.Schema:
    """Leave columns out of a schema, and name them in its metadata if there are some."""
    kept = [field for field in schema if field.name not in names]
    metadata = dict(schema.metadata or {})
    if names:
        metadata[LEFT_OUT_KEY] = json.dumps(sorted(names)).encode()
    return pa.schema(kept, metadata=metadata)


def full_schema(written: pa.Schema) -> tuple[pa.Schema, tuple[str, ...]]:
    """Return the schema of a shard with the columns left out, and their names.

    They are those its metadata names, as this version declares them for its table; names of no
    column that may be null there are passed over. Columns keep the order they are written in.
    """
    metadata = written.metadata or {}
    table = TABLES.get(metadata.get(b"qevd_bio.table", b"").decode("utf-8", "replace"))
    named = _names(metadata.get(LEFT_OUT_KEY, b"[]"))
    if table is None or not named:
        return written, ()
    gone = named - set(written.names)
    left_out = {one.name: one for one in table.schema if one.name in gone and one.nullable}
    declared = [
        left_out[name] if name in left_out else written.field(name)
        for name in table.schema.names
        if name in left_out or written.names.count(name) == 1
    ]
    known = {field.name for field in declared}
    fields = [*declared, *(field for field in written if field.name not in known)]
    if [field.name for field in fields if field.name not in left_out] != written.names:
        fields = [*written, *left_out.values()]
    return pa.schema(fields, metadata=metadata), tuple(left_out)


def with_columns(table: pa.Table, schema: pa.Schema, names: Collection[str]) -> pa.Table:
    """Give rows the columns that were left out of them, as null, in the order of `schema`."""
    if not names:
        return table
    here = [field for field in schema if field.name in names or field.name in table.column_names]
    columns = [
        pa.nulls(table.num_rows, field.type) if field.name in names else table[field.name]
        for field in here
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(here, metadata=schema.metadata))


def _names(text: bytes) -> set[str]:
    try:
        named = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    return {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()
