"""From the artifacts of single videos to the sorted, sharded tables of a release."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.release.features import huggingface_features
from qevd_bio.release.loaded_size import loaded_bytes
from qevd_bio.release.reviewed import dropped_of, reviewed_table
from qevd_bio.release.row_digest import rows_sha256
from qevd_bio.released.contents import PublishedVideo, Shard
from qevd_bio.released.rows import SplitRows, open_shard
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables.annotations import TABLE as ANNOTATIONS
from qevd_bio.tables.left_out import empty_columns, without_columns
from qevd_bio.tables.parquet import (
    notes_of_schema,
    parquet_options,
    read_metadata,
    read_notes,
    read_parquet,
)
from qevd_bio.tables.published import TABLES
from qevd_bio.verdicts.applied import RejectedPolicy

ROWS_PER_SHARD = 250_000
ROWS_PER_GROUP = 16_384
"""Most rows of a row group: some three videos of kinematics, so that one can be read alone."""

BYTES_PER_GROUP = 64_000_000
"""... and most bytes of it in memory."""

_WRITERS = 2


def empty_columns_of(config: str, videos: Sequence[PublishedVideo]) -> tuple[str, ...]:
    """Find the columns of a table to leave out: those in which no video has a value."""
    table = TABLES[config]
    if not table.leaves_out_empty:
        return ()
    paths = [video.artifacts[config] for video in videos if config in video.artifacts]
    names = [field.name for field in table.schema if field.nullable]

    def tables() -> Iterator[pa.Table]:
        for path in paths:
            rows = read_parquet(path, table.schema)
            yield _observed_only(config, rows, path).select(names)

    return empty_columns(names, tables())


def release_schema(
    config: str, version: str, generator: Mapping[str, str], left_out: Collection[str] = ()
) -> pa.Schema:
    """Add Hugging Face features, release version and generator to the schema of a table."""
    schema = without_columns(TABLES[config].schema, left_out)
    features = {"info": {"features": huggingface_features(schema)}}
    return schema.with_metadata(
        {
            **schema.metadata,
            # Key order is column order here, so this JSON must not be sorted.
            b"huggingface": json.dumps(features, allow_nan=False).encode(),
            b"qevd_bio.release": version.encode(),
            b"qevd_bio.generator": dump_json(dict(generator), where="generator").encode(),
        }
    )


def write_config(
    config: str,
    by_split: Mapping[str, Sequence[PublishedVideo]],
    schema: pa.Schema,
    folder: Path,
    *,
    rows_per_shard: int,
    rejected: RejectedPolicy = "original",
) -> dict[str, tuple[Shard, ...]]:
    """Write the rows of one table, whole videos to a shard until the next would exceed the limit.

    Shards go to ``<config>/<split>-<number>-of-<count>.parquet``, two at a time. Artifacts are
    read one by one; of a shard at most one row group and one video are in memory. Videos come
    sorted by id; those without the table are passed over. A split without rows has no shards.
    The verdicts of a video are put into its annotations; `rejected` is what becomes of rejected
    sentences.

    Raises
    ------
    DataError
        An artifact is unreadable, has other columns, rows of another video or a row twice.
    """
    jobs = [
        (split, f"{split}-{number:05d}-of-{len(shares):05d}.parquet", share)
        for split, videos in by_split.items()
        for shares in [_shares(config, videos, rows_per_shard, rejected)]
        for number, share in enumerate(shares)
    ]

    def written_by(job: tuple[str, str, list[PublishedVideo]]) -> Shard:
        tables = (_video_rows(config, video, schema, rejected) for video in job[2])
        return _write_shard(tables, schema, folder / config / job[1])

    with ThreadPoolExecutor(_WRITERS) as pool:
        written = list(pool.map(written_by, jobs))
    return {
        split: tuple(one for one, job in zip(written, jobs, strict=True) if job[0] == split)
        for split in by_split
    }


def kinematics_notes(video: PublishedVideo) -> dict[str, JsonValue]:
    """Read what the kinematics artifact notes of the whole video.

    Returns
    -------
    dict
        ``motion`` (observed DoFs, noise, gravity, backend, lengths) and what the capture added.
    """
    path = video.artifacts["kinematics"]
    notes: dict[str, JsonValue] = notes_of_schema(read_metadata(path).schema.to_arrow_schema())
    _observed(notes, path)
    return notes


def row_digests(
    folder: Path, written: Mapping[str, Mapping[str, Sequence[Shard]]]
) -> dict[str, dict[str, str]]:
    """Read written shards back and hash the rows of every video, by video and table."""
    digests: dict[str, dict[str, str]] = {}
    for config, splits in written.items():
        for shards in splits.values():
            rows = SplitRows([open_shard(folder, shard.path) for shard in shards])
            for video in rows.videos():
                digests.setdefault(video, {})[config] = rows_sha256(rows.of(video))
    return digests


def write_tables(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write tables one by one into one Parquet file, atomically; return the number of rows.

    They are cut and joined to row groups; one table and one group are in memory.
    """
    rows = 0
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, **parquet_options(schema)) as writer,
    ):
        for group in _row_groups(tables):
            writer.write_table(group, row_group_size=group.num_rows)
            rows += group.num_rows
    return rows


def _shares(
    config: str, videos: Sequence[PublishedVideo], limit: int, rejected: RejectedPolicy
) -> list[list[PublishedVideo]]:
    shares: list[list[PublishedVideo]] = []
    held = 0
    for video in videos:
        artifact = video.artifacts.get(config)
        rows = 0 if artifact is None else read_metadata(artifact).num_rows
        rows -= len(dropped_of(video, rejected)) if config == ANNOTATIONS.name else 0
        if rows and (not shares or held + rows > limit):
            shares.append([])
            held = 0
        if rows:
            shares[-1].append(video)
            held += rows
    return shares


def _write_shard(tables: Iterable[pa.Table], schema: pa.Schema, path: Path) -> Shard:
    rows = write_tables(path, schema, tables)
    return Shard(
        path=f"{path.parent.name}/{path.name}",
        rows=rows,
        arrow_bytes=loaded_bytes(path),
        file_bytes=path.stat().st_size,
        sha256=sha256_file(path),
    )


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    rows = size = 0
    for piece in (piece for table in tables for piece in _pieces(table)):
        rows += piece.num_rows
        size += piece.nbytes
        if held and (rows > ROWS_PER_GROUP or size > BYTES_PER_GROUP):
            yield pa.concat_tables(held)
            held, rows, size = [], piece.num_rows, piece.nbytes
        held.append(piece)
    if held:
        yield pa.concat_tables(held)


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    """Cut a long video; rows of a table are of about one size."""
    bytes_per_row = -(-table.nbytes // max(table.num_rows, 1))
    step = min(ROWS_PER_GROUP, max(1, BYTES_PER_GROUP // max(bytes_per_row, 1)))
    for start in range(0, table.num_rows, step):
        yield table.slice(start, step)


def _video_rows(
    config: str, video: PublishedVideo, schema: pa.Schema, rejected: RejectedPolicy
) -> pa.Table:
    path, declared = video.artifacts[config], TABLES[config]
    table = read_parquet(path, declared.schema)
    if config == ANNOTATIONS.name:
        table = reviewed_table(table, video.verdicts, rejected)
    foreign = [one for one in pc.unique(table["video_id"]).to_pylist() if one != video.video_id]
    if foreign:
        raise _unfit(f"holds rows of video {foreign[0]!r}, not {video.video_id!r}", path)
    if declared.is_sorted_by_key:
        keys = table.group_by(list(declared.key)).aggregate([]).num_rows
        if keys != table.num_rows:
            raise _unfit(
                f"has {table.num_rows - keys} rows with a key that is taken already", path
            )
    table = _observed_only(config, table, path)
    lost = [n for n in table.column_names if n not in schema.names]
    if any(table[name].null_count < table.num_rows for name in lost):
        raise _unfit("has values in a column that was left out of the release", path)
    rows = pa.Table.from_arrays([table[name] for name in schema.names], schema=schema)
    places = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in declared.order])
    is_sorted = np.array_equal(places.to_numpy(), np.arange(len(places)))
    return rows if is_sorted else rows.take(places)


def _observed_only(config: str, table: pa.Table, path: Path) -> pa.Table:
    """Make the angles null that the backend does not observe; it has assumed their values."""
    if config != "kinematics":
        return table
    observed = _observed(read_notes(table), path)
    unseen = {f"{dof}_rad" for dof in DOF_NAMES if dof not in observed}
    columns = [
        pa.nulls(table.num_rows, pa.float32()) if name in unseen else table[name]
        for name in table.column_names
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _observed(notes: Mapping[str, JsonValue], path: Path) -> frozenset[str]:
    motion = notes.get("motion")
    observed = motion.get("observed") if isinstance(motion, dict) else None
    if not isinstance(observed, list):
        raise _unfit("does not name the degrees of freedom that were observed", path)
    unknown = sorted(set(observed) - set(DOF_NAMES))
    if unknown:
        raise _unfit(f"observes {', '.join(unknown)}, which the skeleton lacks", path)
    return frozenset(observed)


def _unfit(cause: str, path: Path) -> DataError:
    return DataError(
        cause,
        where=str(path),
        next_step="Delete this artifact and run again; it will be computed again",
    )
