"""Columns inside of structs and lists, each value with the row it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Leaf:
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
        Row of the table that each value stands in.
    """

    path: str
    field: pa.Field
    values: pa.Array
    rows: NDArray[np.int64]


def leaves(table: pa.Table) -> Iterator[Leaf]:
    """Yield the plain columns of a table, those of structs and lists with dotted paths."""
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        yield from _leaves(field.name, field, column, np.arange(len(column), dtype=np.int64))


def _leaves(
    path: str, field: pa.Field, values: pa.Array, rows: NDArray[np.int64]
) -> Iterator[Leaf]:
    if pa.types.is_struct(field.type):
        # flatten, unlike `field`, carries the nulls of the struct down
        for inner, column in zip(field.type, values.flatten(), strict=True):
            yield from _leaves(f"{path}.{inner.name}", inner, column, rows)
    elif pa.types.is_list(field.type):
        parents = pc.list_parent_indices(values).to_numpy(zero_copy_only=False)
        item = field.type.value_field.with_name(field.name)
        if not item.metadata:
            item = item.with_metadata(field.metadata)
        yield from _leaves(path, item, values.flatten(), rows[parents])
    else:
        yield Leaf(path, field, values, rows)
