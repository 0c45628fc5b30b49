"""Loading a split of a release: with pandas, as an Arrow table, or video by video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.path_containment import contained_path
from qevd_bio.released.contents import MANIFEST_FILE, RESTORE
from qevd_bio.released.manifest import read_manifest
from qevd_bio.released.rows import SplitRows, open_split, runs_of
from qevd_bio.tables.published import DEFAULT_TABLE, TABLES


def load_split(split: str, path: Path | str, config: str = DEFAULT_TABLE) -> pd.DataFrame:
    """Load one table of one split.

    Parameters
    ----------
    split : str
        ``train`` or ``test``.
    path : Path or str
        Folder of a release, the one that holds ``manifest.json``.
    config : str
        A table of the release, such as ``annotations`` or ``kinematics``.

    Returns
    -------
    DataFrame
        Rows in the order of the release; structs are dicts, lists are arrays. Whole-number
        columns that may be null have pandas' ``Int32``. A split of the release that has no
        rows in this table gives an empty frame with its columns.

    Raises
    ------
    UsageError
        The folder is no release, or it has no such split or table.
    DataError
        A shard is missing or unreadable, or the shards differ in their columns or from the
        manifest in their number of rows.
    """
    return _frame(load_table(split, path, config))


def load_table(split: str, path: Path | str, config: str = DEFAULT_TABLE) -> pa.Table:
    """Load one table of one split as it was written; parameters and errors of `load_split`."""
    rows = _rows(Path(path), split, config)
    tables = [table for _, _, table in rows.groups()]
    return pa.concat_tables(tables) if tables else _empty(Path(path), config)


def videos_of(
    split: str,
    path: Path | str,
    config: str = DEFAULT_TABLE,
    columns: Sequence[str] | None = None,
) -> Iterator[tuple[str, pa.Table]]:
    """Go through a table video by video, with one row group in memory.

    Parameters
    ----------
    split, path, config : str, Path or str, str
        As for `load_split`.
    columns : sequence of str, optional
        The columns to read; all where none are named.

    Yields
    ------
    video_id : str
        In ascending order.
    table : Table
        All its rows, in the order of the release.

    Raises
    ------
    UsageError, DataError
        As for `load_split`; a damaged row group when it is reached.
    """
    held: list[pa.Table] = []
    name = ""
    wanted = None if columns is None else list(dict.fromkeys(("video_id", *columns)))
    for _, _, rows in _rows(Path(path), split, config).groups(wanted):
        for video, start, stop in runs_of(rows["video_id"]):
            if held and video != name:
                yield name, pa.concat_tables(held)
                held = []
            name = video
            held.append(rows.slice(start, stop - start))
    if held:
        yield name, pa.concat_tables(held)


def splits_of(path: Path | str) -> tuple[str, ...]:
    """Name the splits of a release that hold a video; errors of `read_manifest`."""
    return tuple(read_manifest(Path(path))["splits"])


def shard_files(split: str, path: Path | str, config: str = DEFAULT_TABLE) -> list[Path]:
    """Name the Parquet files of one table of one split, in order; errors of `load_split`."""
    folder = Path(path)
    return [
        contained_path(folder, shard["path"], where=MANIFEST_FILE)
        for shard in _entry(folder, split, config)["shards"]
    ]


def _entry(folder: Path, split: str, config: str) -> dict[str, Any]:
    manifest = read_manifest(folder)
    configs = manifest["configs"]
    for what, name, known in (
        ("config", config, configs),
        ("split", split, configs.get(config, {})),
    ):
        if name not in known:
            hint = ""
            if what == "config" and name in TABLES:
                hint = (
                    f"; {name} came with schema version {TABLES[name].since}, the release has "
                    f"{manifest['schema_version']}"
                )
            raise UsageError(
                f"has no {what} {name!r}",
                where=str(folder),
                next_step=f"It has {', '.join(known)}{hint}",
            )
    entry: dict[str, Any] = configs[config][split]
    return entry


def _rows(folder: Path, split: str, config: str) -> SplitRows:
    """Open the shards, each with the columns of the first and the rows it should have."""
    entry = _entry(folder, split, config)
    rows = open_split(folder, entry["shards"])
    for shard, listed in zip(rows.shards, entry["shards"], strict=True):
        first = rows.shards[0]
        if not shard.schema.equals(first.schema) or shard.left_out != first.left_out:
            cause = f"columns differ from those of {rows.shards[0].path}"
        elif shard.rows != listed["rows"]:
            cause = f"has {shard.rows} rows, the manifest lists {listed['rows']}"
        else:
            continue
        raise DataError(cause, where=shard.path, next_step=RESTORE)
    return rows


def _empty(folder: Path, config: str) -> pa.Table:
    """Make a table without rows, with the columns the release's other splits have."""
    for split in splits_of(folder):
        for shard in _rows(folder, split, config).shards:
            return shard.schema.empty_table()
    return TABLES[config].schema.empty_table()


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    for field in table.schema:
        if field.nullable and field.type == pa.int32():
            column = table[field.name].to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get)
            frame[field.name] = column
    return frame
