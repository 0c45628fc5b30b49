"""All rows of one video of a release, as tables and as Python rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa


class VideoRows(Mapping[str, pa.Table]):
    """The rows of one video by table; each table is made Python rows once, for all checks.

    Parameters
    ----------
    tables : mapping of str to Table
        All rows of the video, by table.
    """

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._tables = tables
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def __getitem__(self, name: str) -> pa.Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table, shared and not to be changed; none where it is absent."""
        if name not in self._rows:
            table = self._tables.get(name)
            self._rows[name] = [] if table is None else table.to_pylist()
        return self._rows[name]
