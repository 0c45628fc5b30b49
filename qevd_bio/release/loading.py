"""Loading a split of a release: with pandas, as an Arrow table, or video by video."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.contain import contained_path
from qevd_bio.files.strict_json import parse_json
from qevd_bio.release.configs import CONFIGS, DEFAULT_CONFIG
from qevd_bio.release.contents import MANIFEST_FILE
from qevd_bio.tables.columns import SCHEMA_VERSION


def load_split(split: str, path: Path | str, config: str = DEFAULT_CONFIG) -> pd.DataFrame:
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
        rows in this config gives an empty frame with its columns.

    Raises
    ------
    UsageError
        The folder is no release, or it has no such split or config.
    DataError
        A shard is missing or unreadable, or the shards differ in their columns or from the
        manifest in their number of rows.
    """
    return _frame(load_table(split, path, config))


def load_table(split: str, path: Path | str, config: str = DEFAULT_CONFIG) -> pa.Table:
    """Load one table of one split as it was written; parameters and errors of `load_split`."""
    folder = Path(path)
    entry = _entry(folder, split, config)
    tables = []
    for shard, file in _opened(folder, entry):
        with _readable(shard):
            tables.append(file.read())
    return pa.concat_tables(tables) if tables else _empty(folder, config)


def videos_of(
    split: str,
    path: Path | str,
    config: str = DEFAULT_CONFIG,
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
        As for `load_split`, when the fault is reached.
    """
    folder = Path(path)
    held: list[pa.Table] = []
    name = ""
    wanted = None if columns is None else list(dict.fromkeys(("video_id", *columns)))
    for shard, file in _opened(folder, _entry(folder, split, config)):
        for group in range(file.num_row_groups):
            with _readable(shard):
                rows = file.read_row_group(group, columns=wanted)
            for video, part in _runs(rows):
                if held and video != name:
                    yield name, pa.concat_tables(held)
                    held = []
                name = video
                held.append(part)
    if held:
        yield name, pa.concat_tables(held)


def splits_of(path: Path | str) -> tuple[str, ...]:
    """Name the splits of a release that hold a video.

    Raises
    ------
    UsageError, DataError
        As for `read_manifest`.
    """
    return tuple(read_manifest(Path(path))["splits"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release.

    Raises
    ------
    UsageError
        The folder is no release.
    DataError
        It was written with a newer schema than this version knows.
    """
    manifest_file = folder / MANIFEST_FILE
    if not manifest_file.is_file():
        raise UsageError(
            f"is no release: it has no {MANIFEST_FILE}",
            where=str(folder),
            next_step="Give the folder of one version, such as release/1.0.0",
        )
    manifest = parse_json(manifest_file.read_text(encoding="utf-8"), where=str(manifest_file))
    if not isinstance(manifest, dict) or "schema_version" not in manifest:
        raise _no_version("says no schema_version", manifest_file)
    written = str(manifest["schema_version"])
    if _numbers(written, manifest_file) > _numbers(SCHEMA_VERSION, manifest_file):
        raise DataError(
            f"has schema version {written}; this version of qevd_bio reads up to {SCHEMA_VERSION}",
            where=str(manifest_file),
            next_step="Update qevd_bio, or read the Parquet files without it",
        )
    return manifest


def shard_files(split: str, path: Path | str, config: str = DEFAULT_CONFIG) -> list[Path]:
    """Name the Parquet files of one table of one split, in order; errors of `load_split`."""
    folder = Path(path)
    return [_file(folder, shard) for shard in _entry(folder, split, config)["shards"]]


def _numbers(version: str, where: Path) -> tuple[int, ...]:
    if re.fullmatch(r"\d+\.\d+\.\d+", version, re.ASCII) is None:
        raise _no_version(f"has schema version {version!r}, which are not three numbers", where)
    return tuple(int(number) for number in version.split("."))


def _no_version(cause: str, file: Path) -> DataError:
    return DataError(
        cause,
        where=str(file),
        next_step="Restore the release; sha256sum -c SHA256SUMS names every damaged file",
    )


def _entry(folder: Path, split: str, config: str) -> dict[str, Any]:
    manifest = read_manifest(folder)
    configs = manifest["configs"]
    for word, name, known in (
        ("config", config, configs),
        ("split", split, next(iter(configs.values()))),
    ):
        if name not in known:
            raise UsageError(
                f"has no {word} {name!r}",
                where=str(folder),
                next_step=f"It has {', '.join(known)}",
            )
    entry: dict[str, Any] = configs[config][split]
    return entry


def _file(folder: Path, shard: dict[str, Any]) -> Path:
    return contained_path(folder, shard["path"], where=MANIFEST_FILE)


def _opened(
    folder: Path, entry: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], pq.ParquetFile]]:
    """Open shard after shard, each with the columns of the first and the rows it should have."""
    first: pa.Schema | None = None
    for shard in entry["shards"]:
        with _readable(shard):
            file = pq.ParquetFile(_file(folder, shard))
        with file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            first = first or schema
            if not schema.equals(first):
                of_first = entry["shards"][0]["path"]
                raise _damaged(f"columns differ from those of {of_first}", shard)
            if rows != shard["rows"]:
                raise _damaged(f"has {rows} rows, the manifest says {shard['rows']}", shard)
            yield shard, file


@contextmanager
def _readable(shard: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(f"cannot be read ({error})", shard) from error


def _runs(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Cut a table where the video changes."""
    runs = pc.run_end_encode(rows["video_id"].combine_chunks())
    start = 0
    for video, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield video, rows.slice(start, end - start)
        start = end


def _empty(folder: Path, config: str) -> pa.Table:
    """Make a table without rows, with the columns the release's other splits have."""
    for split in splits_of(folder):
        for shard in _entry(folder, split, config)["shards"]:
            with _readable(shard):
                return pq.read_schema(_file(folder, shard)).empty_table()
    return CONFIGS[config].schema.empty_table()


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    for field in table.schema:
        if field.nullable and field.type == pa.int32():
            column = table[field.name].to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get)
            frame[field.name] = column
    return frame


def _damaged(cause: str, shard: dict[str, Any]) -> DataError:
    return DataError(
        cause,
        where=str(shard["path"]),
        next_step="Restore the release; sha256sum -c SHA256SUMS names every damaged file",
    )
