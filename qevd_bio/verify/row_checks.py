"""What must hold of the rows of one table: order, keys, ranges and choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray
from qevd_bio.released.rows import SplitRows
from qevd_bio.tables.annotations import TABLE as ANNOTATIONS
from qevd_bio.tables.flat_columns import FlatColumn, flat_columns
from qevd_bio.tables.limits import limit_of
from qevd_bio.tables.published_table import PublishedTable, Rising
from qevd_bio.verify.dropped import dropped_by_video, without_gaps
from qevd_bio.verify.files import Layout
from qevd_bio.verify.issues import IssueKind


class RowChecks:
    """The checks of one table and split, row group after row group."""

    def __init__(self, layout: Layout, table: PublishedTable, split: str) -> None:
        self._table, self._split = table, split
        self._videos, self._verdict = layout.manifest["videos"], layout.verdict
        self._dropped = dropped_by_video(layout.manifest) if table is ANNOTATIONS else {}
        self._order = list(table.order)
        self._path, self._first, self._ids = "", 0, pa.chunked_array([], pa.string())
        self._last: pa.Table | None = None
        self._misplaced: set[str] = set()
        self._twice: set[tuple[Any, ...]] = set()
        self.out_of_order = False

    def check(self, path: str, first: int, table: pa.Table) -> None:
        """Check one row group, which begins at row `first` of its file."""
        if not table.num_rows:
            return
        self._path, self._first, self._ids = path, first, table["video_id"]
        self._check_videos(table)
        self._check_order(table)
        columns = flat_columns(table)
        for column in columns.values():
            self._check_number(column, columns)
        for name, choices in self._table.choices.items():
            if name in columns:
                values = columns[name].values
                known = pc.is_in(values, pa.array(choices, values.type))
                bad = _true(pc.and_(pc.is_valid(values), pc.invert(known)))
                self._add_cells("choice", columns[name], bad, "no known value")
        for low, high in self._table.not_after:
            if {low, high} <= set(columns):
                bad = _true(pc.greater(columns[low].values, columns[high].values))
                self._add_cells("range", columns[low], bad, f"greater than {high}")

    def _add(self, kind: IssueKind, row: int, cause: str) -> None:
        video = self._ids[row - self._first].as_py()
        self._verdict.add(kind, f"{self._path} row {row} (video {video})", cause)

    def _check_videos(self, table: pa.Table) -> None:
        for video in pc.unique(table["video_id"]).to_pylist():
            if video in self._misplaced:
                continue
            row = self._first + int(pc.index(table["video_id"], video).as_py())
            entry = self._videos.get(video)
            if entry is None:
                cause = f"video {video!r} is not in the manifest"
                self._add("reference", row, cause)
            elif entry["split"] != self._split:
                cause = f"video {video} is of {entry['split']} and has rows in {self._split}"
                self._add("leak", row, cause)
            else:
                continue
            self._misplaced.add(video)

    def _check_order(self, table: pa.Table) -> None:
        rising = [rule.column for rule in self._table.rising]
        names = list(dict.fromkeys(["video_id", *self._order, *rising]))
        if not set(names) <= set(table.column_names):
            return
        keys = table.select(names)
        begins = self._last is None
        own = keys if self._last is None else pa.concat_tables([self._last, keys])
        start = self._first - (not begins)
        self._last = keys.slice(keys.num_rows - 1)
        before, after = own.slice(0, own.num_rows - 1), own.slice(1)
        equal, less = np.ones(after.num_rows, bool), np.zeros(after.num_rows, bool)
        for name in self._order:
            less |= equal & _true(pc.greater(before[name], after[name]))
            equal &= _true(pc.equal(before[name], after[name]))
        self.out_of_order |= bool(less.any())
        for row in self._verdict.to_list("order", np.flatnonzero(less).tolist()):
            values = ", ".join(str(after[name][row].as_py()) for name in self._order)
            cause = f"({values}) stands after a row that sorts behind it"
            self._add("order", start + row + 1, cause)
        if self._table.is_sorted_by_key:
            for row in self._verdict.to_list("duplicate", np.flatnonzero(equal).tolist()):
                key = {name: after[name][row].as_py() for name in self._order}
                self._twice.add(tuple(key.values()))
                cause = f"{_named(key)} is there already"
                self._add("duplicate", start + row + 1, cause)
        same = _true(pc.equal(before["video_id"], after["video_id"]))
        # a row that is there twice or out of place is one issue, not also one of its numbers
        usual = ~(less | equal) if self._table.is_sorted_by_key else ~less
        for rule in self._table.rising:
            starts = np.concatenate([[begins], ~same & usual])
            numbers = without_gaps(own, rule, self._dropped)
            self._check_rising(start, numbers, same & usual, starts, rule)

    def _check_rising(
        self,
        start: int,
        numbers: NDArray[Any],
        follows: BoolArray,
        begins: BoolArray,
        rule: Rising,
    ) -> None:
        steps = np.diff(numbers)
        wrong = steps != rule.step if rule.step is not None else ~(steps > 0)
        kind: IssueKind = "time" if rule.column.endswith("_s") else "order"
        for row in self._verdict.to_list(kind, np.flatnonzero(wrong & follows).tolist()):
            cause = f"{rule.column} is {numbers[row + 1]!s} after {numbers[row]!s}"
            self._add(kind, start + row + 1, cause)
        if rule.start is not None:
            late = np.flatnonzero(begins & (numbers != rule.start)).tolist()
            for row in self._verdict.to_list("order", late):
                cause = f"{rule.column} of this video begins with {numbers[row]!s}"
                self._add("order", start + row, cause)

    def _check_number(self, column: FlatColumn, columns: Mapping[str, FlatColumn]) -> None:
        values = column.values
        if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
            return
        if pa.types.is_floating(values.type):
            bad = _true(pc.invert(pc.is_finite(values)))
            self._add_cells("range", column, bad, "no finite number")
        limit = limit_of(self._table, column.path, column.unit)
        if limit is None:
            return
        outside = pc.or_(pc.less(values, limit.low), pc.greater(values, limit.high))
        bad = _true(pc.and_(outside, pc.is_finite(values)))
        if limit.where:
            sibling, text = limit.where
            home, dot, _ = column.path.rpartition(".")
            other = columns.get(f"{home}{dot}{sibling}")
            bad &= _true(pc.equal(other.values, text)) if other else False
        cause = f"not within {limit.low:g} to {limit.high:g}"
        self._add_cells("range", column, bad, cause)

    def _add_cells(self, kind: IssueKind, column: FlatColumn, bad: BoolArray, cause: str) -> None:
        for place in self._verdict.to_list(kind, np.flatnonzero(bad).tolist()):
            row, value = self._first + int(column.rows[place]), column.values[place].as_py()
            self._add(kind, row, f"{column.path} is {value!r}: {cause}")

    def find_distant_duplicates(self, rows: SplitRows) -> None:
        """Name the keys that come again far from their first row."""
        if not self._table.is_sorted_by_key:
            return
        keys = pa.concat_tables([table for _, _, table in rows.groups(self._order)])
        counted = keys.group_by(self._order).aggregate([([], "count_all")])
        for one in counted.filter(pc.greater(counted["count_all"], 1)).to_pylist():
            times = one.pop("count_all")
            if tuple(one[name] for name in self._order) not in self._twice:
                place = f"{self._table.name} {self._split}"
                self._verdict.add("duplicate", place, f"{_named(one)} is there {times} times")


def _named(key: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in key.items())


def _true(values: pa.Array | pa.ChunkedArray) -> BoolArray:
    """Take null for false."""
    filled: BoolArray = pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(bool)
    return filled
