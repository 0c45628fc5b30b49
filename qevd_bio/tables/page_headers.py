"""Footer and page headers of a Parquet file: what a reader takes memory for.

Both are in Thrift's compact protocol, and readers believe them. pyarrow's own view of a damaged
footer may end the process.

Source: parquet-format 2.11, FileMetaData, PageHeader and their parts.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

_HEADER_BYTES = 1 << 16
_MOST_DEPTH = 16
_DELTA_BYTE_ARRAY = 7
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
)  # fmt: skip
_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = 5, 7, 8
"""Fields of the header that describe the kinds of pages."""


class PageSize(NamedTuple):
    """The bytes of a page unpacked and packed, and its values (0 of a dictionary)."""

    unpacked_bytes: int
    packed_bytes: int
    values: int


class ColumnChunk(NamedTuple):
    """One column of a row group, as the footer describes it; `width` of fixed-size bytes."""

    path: str
    kind: int
    width: int
    values: int
    start: int
    packed_bytes: int


BYTE_ARRAY, FIXED_BYTES = 6, 7
"""The kinds of texts, and of bytes that all have the length which the schema states."""

_MOST_FOOTER_BYTES = 1 << 27
_FOOTERS_KEPT = 32
"""More than the shards of a small release, which are read in turn, video by video."""

_MOST_KEPT_BYTES = 1 << 20
"""Of a footer that is kept parsed, which takes ten times its size."""


def row_group_chunks(file: BinaryIO, index: int) -> list[ColumnChunk]:
    """Read the columns of a row group from the footer; `ValueError` where it is broken."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 8))
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if len(tail) != 8 or tail[4:] != b"PAR1" or not 0 < length <= min(size, _MOST_FOOTER_BYTES):
        raise ValueError("it has no footer")
    file.seek(size - 8 - length)
    footer = _footer(file.read(length))
    groups = footer.get(4)
    if not isinstance(groups, list) or not 0 <= index < len(groups):
        raise ValueError(f"its footer has no row group {index}")
    columns = groups[index].get(1) if isinstance(groups[index], dict) else None
    if not isinstance(columns, list):
        raise ValueError(f"row group {index} has no columns")
    widths = _leaf_widths(footer.get(2))
    if len(widths) != len(columns):
        raise ValueError(f"row group {index} has not the columns of its schema")
    return [_chunk(one, width) for one, width in zip(columns, widths, strict=True)]


def _footer(data: bytes) -> dict[int, Any]:
    """Parse a footer; that of a file read group by group is parsed once."""
    if len(data) > _MOST_KEPT_BYTES:
        return _CompactReader(data).struct()
    return _parsed(data)


@functools.lru_cache(maxsize=_FOOTERS_KEPT)
def _parsed(data: bytes) -> dict[int, Any]:
    return _CompactReader(data).struct()


def _leaf_widths(schema: object) -> list[int]:
    """List what the schema states as the length of fixed-size bytes, for each column."""
    elements = schema if isinstance(schema, list) else []
    leaves = [one for one in elements if isinstance(one, dict) and not one.get(5)]
    return [_count(one.get(2, 0)) for one in leaves]


def _chunk(described: object, width: int) -> ColumnChunk:
    about = described.get(3) if isinstance(described, dict) else None
    about = about if isinstance(about, dict) else {}
    parts, numbers = about.get(3), [_count(about.get(key)) for key in (1, 5, 7, 9)]
    if not isinstance(parts, list) or not all(isinstance(one, bytes) for one in parts):
        raise ValueError("a column has no name")
    kind, values, packed, start = numbers
    first = about.get(11)
    start = first if isinstance(first, int) and 0 < first < start else start
    path = b".".join(parts).decode("utf-8", "replace")
    return ColumnChunk(path, kind, width, values, start, packed)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a column has no place or size")
    return value


def page_sizes(file: BinaryIO, chunk: ColumnChunk) -> Iterator[PageSize]:
    """Read the headers of the pages of a column chunk.

    Raises
    ------
    ValueError
        A header is broken, pages hold more values than the footer claims or lie outside of the
        file, or a page is encoded so that texts share their beginnings, which has no bound.
    """
    if chunk.values == 0:
        return
    place = chunk.start
    end = place + chunk.packed_bytes
    if not 0 < place <= end <= file.seek(0, io.SEEK_END):
        raise ValueError(f"column {chunk.path} lies outside of the file")
    values = 0
    while values < chunk.values and place < end:
        file.seek(place)
        reader = _CompactReader(file.read(min(_HEADER_BYTES, end - place)))
        page = _page_size(reader.struct())
        values += page.values
        place += reader.place + page.packed_bytes
        yield page
    if values != chunk.values or place > end:
        raise ValueError(f"column {chunk.path} claims {chunk.values} values and holds {values}")


def _page_size(header: dict[int, Any]) -> PageSize:
    unpacked, packed = header.get(2), header.get(3)
    if not isinstance(unpacked, int) or not isinstance(packed, int) or min(unpacked, packed) < 0:
        raise ValueError("a page has no sizes")
    values = 0
    for kind, encoding in ((_DATA_PAGE, 2), (_DATA_PAGE_V2, 4)):
        described = header.get(kind)
        if isinstance(described, dict):
            count = described.get(1)
            if not isinstance(count, int) or count < 0:
                raise ValueError("a page has no number of values")
            values = count
            if described.get(encoding) == _DELTA_BYTE_ARRAY:
                raise ValueError("a page is delta-encoded, which is not read")
    return PageSize(unpacked, packed, values)


class _CompactReader:
    """Reads Thrift's compact protocol: numbers, bytes, structs and lists."""

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read the fields of a struct by their numbers."""
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            kind, step = head & 15, head >> 4
            number = number + step if step else self._signed()
            fields[number] = self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401
        if depth > _MOST_DEPTH:
            raise ValueError("a header is nested too deeply")
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in (_I16, _I32, _I64):
            return self._signed()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _BINARY:
            return self._bytes(self._unsigned())
        if kind in (_BYTE, _DOUBLE):
            return self._bytes(1 if kind == _BYTE else 8)
        if kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 != 15 else self._unsigned()
            if count > len(self._data):
                raise ValueError("a header holds a list without end")
            inner = head & 15
            if inner in (_TRUE, _FALSE):
                return list(self._bytes(count))
            return [self._value(inner, depth + 1) for _ in range(count)]
        raise ValueError(f"a header holds a field of kind {kind}")

    def _bytes(self, count: int) -> bytes:
        self.place += count
        if self.place > len(self._data):
            raise ValueError("a header does not end")
        return self._data[self.place - count : self.place]

    def _byte(self) -> int:
        if self.place >= len(self._data):
            raise ValueError("a header does not end")
        self.place += 1
        return self._data[self.place - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a header holds a number without end")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
