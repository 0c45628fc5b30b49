"""The tables of a release, each by itself: counts, schema and rows; row group by row group."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.released.contents import SPLITS
from qevd_bio.released.rows import ShardFile, SplitRows, open_shard
from qevd_bio.tables.columns import version_numbers
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.files import Layout
from qevd_bio.verify.row_checks import RowChecks
from qevd_bio.verify.schemas import check_schema_file, check_shard_schema

Tables = dict[str, dict[str, SplitRows]]
"""Rows by table and split; a split that cannot be read wholly is absent."""


def check_tables(layout: Layout, *, rows_too: bool = True) -> Tables:
    """Check every table of a release by itself; return those that can be read to the end.

    Without `rows_too` only schemas and counts are checked, and no table is returned.
    """
    _check_presence(layout)
    sound: Tables = {}
    for config, splits in layout.shards.items():
        where = f"manifest.json configs.{config}"
        if config not in TABLES:
            layout.verdict.add("manifest", where, "no such table is known")
            continue
        sound[config] = {}
        first: ShardFile | None = None
        for split, entries in splits.items():
            if split not in SPLITS:
                layout.verdict.add("manifest", where, f"no split {split!r}")
            shards = [_opened(layout, entry.path) if entry.present else None for entry in entries]
            fit = []
            for shard in shards:
                if shard and check_shard_schema(layout, config, shard, first):
                    fit.append(shard)
                    first = first or shard
            _check_counts(layout, config, split, shards)
            rows = SplitRows(fit)
            if not rows_too:
                continue
            if _check_rows(layout, config, split, rows) and len(fit) == len(entries):
                sound[config][split] = rows
            else:
                layout.verdict.skip(f"{config} in {split} against other tables")
        if first:
            check_schema_file(layout, config, first)
    return sound


def _check_presence(layout: Layout) -> None:
    """Find the required tables that are absent, and note the others of this version."""
    try:
        version = version_numbers(layout.manifest["schema_version"])
    except ValueError:
        version = ()
    for name, table in TABLES.items():
        if name in layout.shards:
            continue
        if table.required and version_numbers(table.since) <= version:
            layout.verdict.add("manifest", "manifest.json configs", f"has no table {name!r}")
        else:
            layout.verdict.absent.append(name)


def _check_counts(
    layout: Layout, config: str, split: str, shards: Sequence[ShardFile | None]
) -> None:
    entries = layout.shards[config][split]
    for entry, shard in zip(entries, shards, strict=True):
        if shard is not None and shard.rows != entry.rows:
            cause = f"has {shard.rows} rows, the manifest lists {entry.rows}"
            layout.verdict.add("count", shard.path, cause)
    stated = layout.manifest["configs"][config][split]["rows"]
    listed = sum(entry.rows for entry in entries)
    if stated != listed:
        where = f"manifest.json configs.{config}.{split}"
        layout.verdict.add("count", where, f"states {stated} rows, its shards have {listed}")


def _opened(layout: Layout, path: str) -> ShardFile | None:
    try:
        return open_shard(layout.folder.path, path)
    except DataError as error:
        layout.verdict.add("unreadable", path, error.message)
        return None


def _check_rows(layout: Layout, config: str, split: str, rows: SplitRows) -> bool:
    """Check the rows of a split; return whether every row group could be read."""
    checks = RowChecks(layout, TABLES[config], split)
    whole = True
    for shard in rows.shards:
        first = 0
        for index, count in enumerate(shard.group_rows):
            try:
                table = shard.group(index)
                layout.verdict.rows[config] = layout.verdict.rows.get(config, 0) + table.num_rows
                checks.check(shard.path, first, table)
            except DataError as error:
                layout.verdict.add("unreadable", shard.path, error.message)
                whole = False
            except (pa.ArrowException, TypeError, ValueError, KeyError) as error:
                cause = f"row group {index} cannot be checked ({error!r})"
                layout.verdict.add("unreadable", shard.path, cause[:300])
                whole = False
            first += count
    if whole and checks.out_of_order:
        checks.find_distant_duplicates(rows)
    return whole
