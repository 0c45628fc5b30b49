"""From the artifacts of single videos to the sorted, sharded tables of a release."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from qevd_bio.dataset.configs import CONFIGS
from qevd_bio.dataset.features import huggingface_features
from qevd_bio.dataset.release import PublishedVideo, Shard
from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables.parquet import read_notes, read_parquet, write_parquet

ROWS_PER_SHARD = 250_000


def release_schema(config: str, version: str, generator: Mapping[str, str]) -> pa.Schema:
    """Make the schema of a config's shards, with what other tools want to know.

    Parameters
    ----------
    config, version : str
        Table and version of the release.
    generator : mapping of str to str
        Names and versions of what made it.

    Returns
    -------
    Schema
        Columns of the table; the metadata also hold Hugging Face features, release version
        and generator.
    """
    schema = CONFIGS[config].schema
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


def write_shards(
    config: str,
    split: str,
    videos: Sequence[PublishedVideo],
    schema: pa.Schema,
    folder: Path,
    *,
    rows_per_shard: int,
) -> tuple[Shard, ...]:
    """Write the rows of one config and split.

    Parameters
    ----------
    config, split : str
        Which table, and which videos these are.
    videos : sequence of PublishedVideo
        All of that split, sorted by id.
    schema : Schema
        From `release_schema`.
    folder : Path
        The release; shards go to ``<config>/<split>-<number>-of-<count>.parquet``.
    rows_per_shard : int
        A shard takes whole videos until the next would exceed this.

    Returns
    -------
    tuple of Shard
        None when the videos have no rows.

    Raises
    ------
    DataError
        An artifact is unreadable, has other columns, rows of another video or a row twice.
    """
    tables = (_video_rows(config, video, schema) for video in videos)
    written: list[tuple[Path, int, int]] = []
    for number, table in enumerate(_packed(tables, rows_per_shard)):
        part = folder / config / f"{split}-{number:05d}.parquet"
        write_parquet(table, part)
        written.append((part, table.num_rows, table.nbytes))
    shards = []
    for part, rows, arrow_bytes in written:
        path = part.with_name(f"{part.stem}-of-{len(written):05d}.parquet")
        part.rename(path)
        shards.append(
            Shard(
                path=path.relative_to(folder).as_posix(),
                rows=rows,
                arrow_bytes=arrow_bytes,
                file_bytes=path.stat().st_size,
                sha256=sha256_file(path),
            )
        )
    return tuple(shards)


def kinematics_notes(video: PublishedVideo) -> dict[str, JsonValue]:
    """Read what the kinematics artifact says of the whole video.

    Parameters
    ----------
    video : PublishedVideo
        One with a readable kinematics artifact.

    Returns
    -------
    dict
        The artifact's notes as they are: ``motion`` (observed DoFs, noise, gravity, backend,
        lengths) and what the capture added.

    Raises
    ------
    DataError
        The artifact does not say which DoFs were observed, or names one that SKEL lacks.
    """
    notes: dict[str, JsonValue] = read_notes(
        read_parquet(video.kinematics, CONFIGS["kinematics"].schema)
    )
    _observed(notes, video.kinematics)
    return notes


def _video_rows(config: str, video: PublishedVideo, schema: pa.Schema) -> pa.Table:
    path = video.artifact(config)
    table = read_parquet(path, CONFIGS[config].schema)
    strangers = [one for one in pc.unique(table["video_id"]).to_pylist() if one != video.video_id]
    if strangers:
        raise _unfit(f"holds rows of video {strangers[0]!r}, not {video.video_id!r}", path)
    order = CONFIGS[config].order
    if CONFIGS[config].is_key:
        names = table.group_by(list(order)).aggregate([]).num_rows
        if names != table.num_rows:
            raise _unfit(f"has {table.num_rows - names} rows whose key is taken already", path)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    if config == "kinematics":
        observed = _observed(read_notes(table), path)
        for dof in DOF_NAMES:
            if dof not in observed:
                columns[f"{dof}_rad"] = pa.nulls(table.num_rows, pa.float32())
    rows = pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
    return rows.sort_by([(name, "ascending") for name in order])


def _observed(notes: Mapping[str, JsonValue], path: Path) -> frozenset[str]:
    motion = notes.get("motion")
    observed = motion.get("observed") if isinstance(motion, dict) else None
    if not isinstance(observed, list):
        raise _unfit("does not say which degrees of freedom were observed", path)
    unknown = sorted(set(observed) - set(DOF_NAMES))
    if unknown:
        raise _unfit(f"observes {', '.join(unknown)}, which the skeleton has not", path)
    return frozenset(observed)


def _packed(tables: Iterable[pa.Table], limit: int) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    rows = 0
    for table in tables:
        if held and rows + table.num_rows > limit:
            yield pa.concat_tables(held).combine_chunks()
            held, rows = [], 0
        if table.num_rows:
            held.append(table)
            rows += table.num_rows
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _unfit(cause: str, path: Path) -> DataError:
    return DataError(
        cause, where=str(path), next_step="Delete this artifact and run again; it will be remade"
    )
