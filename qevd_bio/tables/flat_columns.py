"""Columns inside of structs and lists, each value with the row it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FlatColumn:
    """A plain column of a table, however deep it lies.

    Attributes
    ----------
    path : str
        Dotted, such as ``cycle.quality`` or ``findings.measured``.
    field : Field
        Its own field, with unit and description.
    values : Array
        All values; null also where a struct above is null.
    rows : ndarray of int64
        Row of the table that each value stands in. In a list a row has any number of values.
    """

    path: str
    field: pa.Field
    values: pa.Array
    rows: NDArray[np.int64]
    in_list: bool = False

    @property
    def unit(self) -> str:
        """Unit of the values; empty for plain values."""
        unit: bytes = (self.field.metadata or {}).get(b"unit", b"")
        return unit.decode()


def flat_columns(table: pa.Table) -> dict[str, FlatColumn]:
    """Find the plain columns of a table, those of structs and lists too, by dotted path."""
    found: dict[str, FlatColumn] = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        rows = np.arange(len(column), dtype=np.int64)
        found |= {one.path: one for one in _flat(FlatColumn(field.name, field, column, rows))}
    return found


def _flat(column: FlatColumn) -> Iterator[FlatColumn]:
    path, field, values, rows = column.path, column.field, column.values, column.rows
    if pa.types.is_struct(field.type):
        # flatten, unlike `field`, carries the nulls of the struct down
        for inner, part in zip(field.type, values.flatten(), strict=True):
            yield from _flat(FlatColumn(f"{path}.{inner.name}", inner, part, rows, column.in_list))
    elif pa.types.is_list(field.type):
        parents = pc.list_parent_indices(values).to_numpy(zero_copy_only=False)
        item = field.type.value_field.with_name(field.name)
        if not item.metadata:
            item = item.with_metadata(field.metadata)
        yield from _flat(FlatColumn(path, item, values.flatten(), rows[parents], in_list=True))
    else:
        yield column
