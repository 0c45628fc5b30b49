"""Row groups of Parquet files whose size in memory is known before it is taken.

A value that a file holds once may be named by any number of rows, a run of equal numbers costs a
few bytes, and a footer may lie about all of it. Texts are therefore read as numbers into a
dictionary, the sizes of their rows summed, and only then written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qevd_bio.tables.page_headers import (
    BYTE_ARRAY,
    FIXED_BYTES,
    ColumnChunk,
    page_sizes,
    row_group_chunks,
)

MOST_GROUP_BYTES = 1 << 30
"""A row group that unpacks to more is not read; published ones stay below 100 MB."""

_WIDTHS = {0: 1, 1: 4, 2: 8, 3: 12, 4: 4, 5: 8}
"""Bytes of a value by Parquet's kinds: boolean, whole numbers of 32, 64 and 96 bits, floats."""
_LEVEL_BYTES = 4  # of repetition and definition


class TooLarge(ValueError):
    """A row group takes more memory than is allowed, or more than its footer claims."""


def read_group(
    file: BinaryIO, index: int, columns: Sequence[str] | None, most_bytes: int = MOST_GROUP_BYTES
) -> pa.Table:
    """Read a row group of an open file.

    Parameters
    ----------
    file : binary file
        A Parquet file.
    index : int
        Number of the row group.
    columns : sequence of str or None
        Wanted columns; None: all.
    most_bytes : int
        Most memory of the table.

    Raises
    ------
    TooLarge
        It would take more.
    pyarrow.ArrowException, OSError, ValueError, KeyError
        The file is damaged.
    """
    chunks = row_group_chunks(file, index)
    if columns is not None:
        chunks = [one for one in chunks if _top(one.path) in set(columns)]
    _check_pages(file, chunks, most_bytes)
    texts = [one.path for one in chunks if one.kind == BYTE_ARRAY]
    file.seek(0)
    if texts:
        with pq.ParquetFile(file, read_dictionary=texts) as parquet:
            coded = parquet.read_row_group(index, columns=sorted({_top(one) for one in texts}))
        fixed = sum(_fixed_bytes(one) for one in chunks)
        if fixed + sum(map(_text_bytes, _flat(coded))) > most_bytes:
            raise TooLarge(f"its texts unpack to more than {most_bytes} bytes")
    with pq.ParquetFile(file) as parquet:
        return parquet.read_row_group(index, columns=columns)


def _check_pages(file: BinaryIO, chunks: Sequence[ColumnChunk], most_bytes: int) -> None:
    """Compare what pages and footer claim, which is all that a reader takes memory for."""
    unpacked = fixed = 0
    for chunk in chunks:
        for page in page_sizes(file, chunk):
            unpacked += page.unpacked_bytes
        fixed += _fixed_bytes(chunk)
        if unpacked + fixed > most_bytes:
            raise TooLarge(f"its row group unpacks to more than {most_bytes} bytes")


def _top(path: str) -> str:
    return path.split(".")[0]


def _fixed_bytes(chunk: ColumnChunk) -> int:
    width = chunk.width if chunk.kind == FIXED_BYTES else _WIDTHS.get(chunk.kind, 0)
    return chunk.values * (width + _LEVEL_BYTES)


def _flat(table: pa.Table) -> Iterator[pa.Array]:
    """Yield the innermost arrays of all columns."""
    left = [chunk for column in table.columns for chunk in column.chunks]
    while left:
        array = left.pop()
        if pa.types.is_struct(array.type):
            left += array.flatten()
        elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            left.append(array.flatten())
        else:
            yield array


def _text_bytes(array: pa.Array) -> int:
    """Sum the sizes of texts that would be written out."""
    if not pa.types.is_dictionary(array.type):
        return 0
    lengths = pc.binary_length(array.dictionary).cast(pa.int64()).to_numpy(zero_copy_only=False)
    places = array.indices.drop_null().to_numpy(zero_copy_only=False)
    if len(places) and not 0 <= places.min() <= places.max() < len(lengths):
        raise ValueError("a text is none of those of its column")
    return int(lengths[places].sum())
