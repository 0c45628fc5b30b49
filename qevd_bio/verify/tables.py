"""The tables of a release, each by itself: schema, order, keys, ranges; row group by row group."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qevd_bio.arrays import BoolArray
from qevd_bio.errors import DataError
from qevd_bio.release.configs import CONFIGS, SPLITS
from qevd_bio.release.features import field_list
from qevd_bio.release.flat_columns import Leaf, leaves
from qevd_bio.release.json_schemas import row_schema
from qevd_bio.release.rows import ShardFile, SplitRows, open_shard
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.limits import CHOICES, NOT_AFTER, RISING, Rising, limit_of
from qevd_bio.verify.files import Layout, read_json_file
from qevd_bio.verify.issues import FaultKind, Verdict

Tables = dict[str, dict[str, SplitRows]]
"""Rows by config and split; a split that cannot be read wholly is absent."""


def check_tables(layout: Layout, verdict: Verdict) -> Tables:
    """Check every table of a release by itself.

    Parameters
    ----------
    layout : Layout
        From `check_files`.
    verdict : Verdict
        Takes the faults.

    Returns
    -------
    dict of config to dict of split to SplitRows
        Those that can be read from end to end.
    """
    sound: Tables = {}
    expected_configs = set(CONFIGS) if _is_current(layout) else set()
    for absent in sorted(expected_configs - set(layout.shards)):
        verdict.add("manifest", "manifest.json configs", f"has no table {absent!r}")
    for config, splits in layout.shards.items():
        sound[config] = {}
        if config not in CONFIGS:
            verdict.add("manifest", f"manifest.json configs.{config}", "no such table is known")
            continue
        one: list[tuple[str, pa.Schema]] = []
        for split, entries in splits.items():
            if split not in SPLITS:
                verdict.add("manifest", f"manifest.json configs.{config}", f"no split {split!r}")
            shards = [
                _opened(layout, entry.path, verdict) if entry.present else None
                for entry in entries
            ]
            fit = [
                shard for shard in shards if shard and _fits(layout, config, shard, one, verdict)
            ]
            rows, whole = SplitRows(fit), len(fit) == len(entries)
            _check_counts(layout, config, split, shards, verdict)
            if _check_rows(layout, config, split, rows, verdict) and whole:
                sound[config][split] = rows
            else:
                verdict.leave(f"what other tables say of {config} in {split}")
        if one:
            _check_schema_file(layout, config, one[0][1], verdict)
    return sound


def _check_counts(
    layout: Layout,
    config: str,
    split: str,
    shards: Sequence[ShardFile | None],
    verdict: Verdict,
) -> None:
    entries = layout.shards[config][split]
    for entry, shard in zip(entries, shards, strict=True):
        if shard is not None and shard.rows != entry.rows:
            cause = f"has {shard.rows} rows, the manifest says {entry.rows}"
            verdict.add("count", shard.path, cause)
    told = layout.manifest["configs"][config][split]["rows"]
    listed = sum(entry.rows for entry in entries)
    if told != listed:
        where = f"manifest.json configs.{config}.{split}"
        verdict.add("count", where, f"says {told} rows, its shards {listed}")


def _is_current(layout: Layout) -> bool:
    return bool(layout.manifest["schema_version"] == SCHEMA_VERSION)


def _opened(layout: Layout, path: str, verdict: Verdict) -> ShardFile | None:
    try:
        return open_shard(layout.folder, path)
    except DataError as error:
        verdict.add("unreadable", path, error.message)
        return None


def _fits(
    layout: Layout,
    config: str,
    shard: ShardFile,
    one: list[tuple[str, pa.Schema]],
    verdict: Verdict,
) -> bool:
    """Compare a shard with the one schema: this version's, else that of the first shard."""
    fits = True
    if _is_current(layout):
        expected, whose = CONFIGS[config].schema, f"the schema of {config}"
        for cause in schema_differences(shard.schema, expected, whose):
            verdict.add("schema", shard.path, cause)
            fits = False
        metadata, told = (
            shard.schema.metadata or {},
            {
                b"qevd_bio.table": config,
                b"qevd_bio.schema_version": layout.manifest["schema_version"],
                b"qevd_bio.release": layout.manifest["version"],
            },
        )
        for key, value in told.items():
            if metadata.get(key) != value.encode():
                cause = f"its metadata say {key.decode()} is {metadata.get(key)!r}, not {value!r}"
                verdict.add("schema", shard.path, cause)
    if one:
        path, schema = one[0]
        if not _is_current(layout):
            for cause in schema_differences(shard.schema, schema, path):
                verdict.add("schema", shard.path, cause)
                fits = False
        if fits and shard.schema.metadata != schema.metadata:
            verdict.add("schema", shard.path, f"its metadata differ from those of {path}")
    elif fits:
        one.append((shard.path, shard.schema))
    return (
        fits
        and "video_id" in shard.schema.names
        and shard.schema.field("video_id").type == "string"
    )


def schema_differences(found: pa.Schema, expected: pa.Schema, whose: str) -> list[str]:
    """Say in which columns two schemas differ.

    Parameters
    ----------
    found, expected : Schema
        The one looked at, and the one it should be.
    whose : str
        What to call `expected`.

    Returns
    -------
    list of str
        Missing and further columns, then types, nullability and metadata by column, then the
        order; empty when they are equal but for the metadata of the schema as a whole.
    """
    causes = [f"lacks column {n}" for n in expected.names if n not in found.names]
    causes += [f"has column {n}, unknown to {whose}" for n in found.names
               if n not in expected.names]  # fmt: skip
    twice = {name for name in found.names if found.names.count(name) > 1}
    causes += [f"has column {name} more than once" for name in sorted(twice)]
    for field in expected:
        if field.name in found.names and field.name not in twice:
            own = found.field(field.name)
            if own.type != field.type:
                causes.append(f"column {field.name} is {own.type}, not {field.type}")
            elif own.nullable != field.nullable:
                may = "may" if own.nullable else "may not"
                causes.append(f"column {field.name} {may} be null, unlike in {whose}")
            elif _told(own) != _told(field):
                causes.append(f"column {field.name} has another unit or description")
    if not causes and found.names != expected.names:
        causes.append(f"its columns have another order than {whose}")
    return causes


def _told(field: pa.Field) -> object:
    """Tell what a field says of itself; of a foreign one that says nothing, its bare metadata."""
    try:
        return field_list(pa.schema([field]))
    except (KeyError, ValueError):
        return field.metadata


def _check_schema_file(layout: Layout, config: str, schema: pa.Schema, verdict: Verdict) -> None:
    name = f"schema/{config}.json"
    told = read_json_file(layout, name, verdict)
    if told is None:
        return
    try:
        if isinstance(told, Mapping) and "fields" in told:
            # as releases before schema 1.2.0 have it
            fits = told["fields"] == field_list(schema)
        else:
            order = CONFIGS[config].order
            expected = json.loads(json.dumps(row_schema(config, schema, order)))
            fits = isinstance(told, Mapping) and _columns(told) == _columns(expected)
    except (ValueError, KeyError):
        verdict.add("schema", name, "the columns of the shards cannot be described")
        return
    if not fits:
        verdict.add("schema", name, "does not describe the columns of the shards")


def _columns(told: Mapping[str, Any]) -> list[object]:
    return [told.get(key) for key in ("properties", "required", "additionalProperties")]


def _check_rows(
    layout: Layout, config: str, split: str, rows: SplitRows, verdict: Verdict
) -> bool:
    """Check the rows of a split; say whether every row group could be read."""
    checks = _RowChecks(layout, config, split, verdict)
    whole = True
    for shard in rows.shards:
        first = 0
        for index, count in enumerate(shard.group_rows):
            try:
                table = shard.group(index)
            except DataError as error:
                verdict.add("unreadable", shard.path, error.message)
                whole = False
            else:
                verdict.rows[config] = verdict.rows.get(config, 0) + table.num_rows
                try:
                    checks.check(shard.path, first, table)
                except (pa.ArrowException, TypeError, ValueError, KeyError) as error:
                    cause = f"row group {index} cannot be checked ({error!r})"
                    verdict.add("unreadable", shard.path, cause[:300])
                    whole = False
            first += count
    if whole and checks.out_of_order:
        checks.find_distant_duplicates(rows)
    return whole


class _RowChecks:
    """What must hold of the rows of a split, told one row group after the other."""

    def __init__(self, layout: Layout, config: str, split: str, verdict: Verdict) -> None:
        self._config, self._split, self._verdict = config, split, verdict
        self._videos: Mapping[str, Any] = layout.manifest["videos"]
        self._order, self._is_key = CONFIGS[config].order, CONFIGS[config].is_key
        self._rising = [rule for rule in RISING if rule.table == config]
        self._last: pa.Table | None = None
        self._strangers: set[str] = set()
        self._twice: set[tuple[Any, ...]] = set()
        self.out_of_order = False

    def check(self, path: str, first: int, table: pa.Table) -> None:
        """Check one row group."""
        if not table.num_rows:
            return
        self._check_videos(path, first, table)
        self._check_order(path, first, table)
        found = {leaf.path: leaf for leaf in leaves(table)}
        for leaf in found.values():
            self._check_number(path, first, leaf, found)
        for choice in CHOICES:
            if choice.table == self._config and choice.column in found:
                leaf = found[choice.column]
                known = pc.is_in(leaf.values, pa.array(choice.values, leaf.values.type))
                bad = _true(pc.and_(pc.is_valid(leaf.values), pc.invert(known)))
                self._tell("choice", path, first, leaf, bad, "no known value")
        for pair in NOT_AFTER:
            if pair.table == self._config and {pair.first, pair.second} <= set(found):
                leaf = found[pair.first]
                bad = _true(pc.greater(leaf.values, found[pair.second].values))
                self._tell("range", path, first, leaf, bad, f"greater than {pair.second}")

    def _check_videos(self, path: str, first: int, table: pa.Table) -> None:
        for video in pc.unique(table["video_id"]).to_pylist():
            if video in self._strangers:
                continue
            row = first + int(pc.index(table["video_id"], video).as_py())
            entry = self._videos.get(video)
            if entry is None:
                cause = f"video {video!r} is not in the manifest"
                self._verdict.add("reference", f"{path} row {row}", cause)
            elif entry["split"] != self._split:
                cause = f"video {video} is of {entry['split']} and has rows in {self._split}"
                self._verdict.add("leak", f"{path} row {row}", cause)
            else:
                continue
            self._strangers.add(video)

    def _check_order(self, path: str, first: int, table: pa.Table) -> None:
        names = list(
            dict.fromkeys(["video_id", *self._order, *(rule.column for rule in self._rising)])
        )
        if not set(names) <= set(table.column_names):
            return
        keys = table.select(names)
        begins = self._last is None
        own = keys if self._last is None else pa.concat_tables([self._last, keys])
        start = first if begins else first - 1
        self._last = keys.slice(keys.num_rows - 1)
        before = [own[name].slice(0, own.num_rows - 1) for name in self._order]
        after = [own[name].slice(1) for name in self._order]
        equal, less = np.ones(own.num_rows - 1, bool), np.zeros(own.num_rows - 1, bool)
        for low, high in zip(before, after, strict=True):
            less |= equal & _true(pc.greater(low, high))
            equal &= _true(pc.equal(low, high))
        self.out_of_order |= bool(less.any())
        for row in self._verdict.still_to_tell("order", np.flatnonzero(less).tolist()):
            key = ", ".join(str(column[row].as_py()) for column in after)
            self._verdict.add("order", f"{path} row {start + row + 1}",
                              f"({key}) stands after a row that sorts behind it")  # fmt: skip
        if self._is_key:
            for row in self._verdict.still_to_tell("duplicate", np.flatnonzero(equal).tolist()):
                self._tell_duplicate(path, start + row + 1, [c[row].as_py() for c in after])
        same = _true(
            pc.equal(own["video_id"].slice(0, own.num_rows - 1), own["video_id"].slice(1))
        )
        # a row that is there twice or out of place is told once, not also for its numbers
        usual = ~(less | equal) if self._is_key else ~less
        for rule in self._rising:
            starts = np.concatenate([[begins], ~same & usual])
            self._check_rising(path, start, own[rule.column], same & usual, starts, rule)

    def _check_rising(
        self,
        path: str,
        start: int,
        values: pa.ChunkedArray,
        follows: BoolArray,
        begins: BoolArray,
        rule: Rising,
    ) -> None:
        numbers = values.to_numpy()
        steps = np.diff(numbers)
        wrong = steps != rule.step if rule.step is not None else ~(steps > 0)
        kind: FaultKind = "time" if rule.column.endswith("_s") else "order"
        for row in self._verdict.still_to_tell(kind, np.flatnonzero(wrong & follows).tolist()):
            cause = f"{rule.column} is {numbers[row + 1]!s} after {numbers[row]!s}"
            self._verdict.add(kind, f"{path} row {start + row + 1}", cause)
        if rule.start is not None:
            late = np.flatnonzero(begins & (numbers != rule.start)).tolist()
            for row in self._verdict.still_to_tell("order", late):
                cause = f"{rule.column} of this video begins with {numbers[row]!s}"
                self._verdict.add("order", f"{path} row {start + row}", cause)

    def _check_number(self, path: str, first: int, leaf: Leaf, found: dict[str, Leaf]) -> None:
        kind = leaf.values.type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            return
        if pa.types.is_floating(kind):
            bad = _true(pc.invert(pc.is_finite(leaf.values)))
            self._tell("range", path, first, leaf, bad, "no finite number")
        unit = (leaf.field.metadata or {}).get(b"unit", b"").decode()
        limit = limit_of(self._config, leaf.path, unit)
        if limit is None:
            return
        outside = pc.or_(pc.less(leaf.values, limit.low), pc.greater(leaf.values, limit.high))
        bad = _true(pc.and_(outside, pc.is_finite(leaf.values)))
        if limit.where:
            sibling, text = limit.where
            home, dot, _ = leaf.path.rpartition(".")
            other = found.get(f"{home}{dot}{sibling}")
            bad &= _true(pc.equal(other.values, text)) if other else False
        self._tell("range", path, first, leaf, bad, f"not within {limit.low:g} to {limit.high:g}")

    def _tell(
        self, kind: FaultKind, path: str, first: int, leaf: Leaf, bad: BoolArray, cause: str
    ) -> None:
        for place in self._verdict.still_to_tell(kind, np.flatnonzero(bad).tolist()):
            row, value = first + int(leaf.rows[place]), leaf.values[place].as_py()
            self._verdict.add(kind, f"{path} row {row}", f"{leaf.path} is {value!r}: {cause}")

    def _tell_duplicate(self, path: str, row: int, key: list[Any]) -> None:
        self._twice.add(tuple(key))
        named = ", ".join(f"{n} {v}" for n, v in zip(self._order, key, strict=True))
        self._verdict.add("duplicate", f"{path} row {row}", f"{named} is there already")

    def find_distant_duplicates(self, rows: SplitRows) -> None:
        """Name the keys that come again far from their first row."""
        if not self._is_key:
            return
        keys = [table for _, _, table in rows.groups(list(self._order))]
        counted = pa.concat_tables(keys).group_by(list(self._order)).aggregate([([], "count_all")])
        for one in counted.filter(pc.greater(counted["count_all"], 1)).to_pylist():
            if tuple(one[name] for name in self._order) in self._twice:
                continue
            named = ", ".join(f"{name} {one[name]}" for name in self._order)
            place = f"{self._config} {self._split}"
            self._verdict.add("duplicate", place, f"{named} is there {one['count_all']} times")


def _true(values: pa.Array | pa.ChunkedArray) -> BoolArray:
    """Take null for false."""
    filled: BoolArray = pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(bool)
    return filled
