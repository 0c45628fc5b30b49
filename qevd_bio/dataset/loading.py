"""Loading a split of a release with pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.dataset.configs import CONFIGS, DEFAULT_CONFIG
from qevd_bio.dataset.release import MANIFEST_FILE
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.contain import contained_path
from qevd_bio.files.strict_json import parse_json


def load_split(split: str, path: Path | str, config: str = DEFAULT_CONFIG) -> pd.DataFrame:
    """Load one table of one split.

    Parameters
    ----------
    split : str
        ``train`` or ``test``.
    path : Path or str
        Folder of a release, the one that holds ``manifest.json``.
    config : str
        ``annotations``, ``kinematics``, ``cycles``, ``findings``, ``morphometrics`` or
        ``quality``.

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
    tables = [_shard(folder, shard) for shard in entry["shards"]]
    schema = tables[0].schema if tables else CONFIGS[config].schema
    for table, shard in zip(tables, entry["shards"], strict=True):
        if not table.schema.equals(schema):
            raise _damaged(f"columns differ from those of {entry['shards'][0]['path']}", shard)
        if table.num_rows != shard["rows"]:
            raise _damaged(f"has {table.num_rows} rows, the manifest says {shard['rows']}", shard)
    return pa.concat_tables(tables) if tables else schema.empty_table()


def splits_of(path: Path | str) -> tuple[str, ...]:
    """Name the splits of a release that hold a video.

    Raises
    ------
    UsageError
        The folder is no release.
    """
    return tuple(read_manifest(Path(path))["splits"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release.

    Raises
    ------
    UsageError
        The folder is no release.
    """
    manifest_file = folder / MANIFEST_FILE
    if not manifest_file.is_file():
        raise UsageError(
            f"is no release: it has no {MANIFEST_FILE}",
            where=str(folder),
            next_step="Give the folder of one version, such as release/1.0.0",
        )
    manifest: Any = parse_json(manifest_file.read_text(encoding="utf-8"), where=str(manifest_file))
    return dict(manifest)


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


def _shard(folder: Path, shard: dict[str, Any]) -> pa.Table:
    file = contained_path(folder, shard["path"], where=MANIFEST_FILE)
    try:
        return pq.ParquetFile(file).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(f"cannot be read ({error})", shard) from error


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
