"""From a row, published or not, to the unit it came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.engine.maintain.provenance import Link, chain, unit_with_output
from qevd_bio.engine.record import UnitRecord
from qevd_bio.errors import DataError, UsageError
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.released.manifest import read_manifest
from qevd_bio.released.rows import open_shard
from qevd_bio.stages.annotations import AnnotationsStage
from qevd_bio.tables.parquet import read_table


@dataclass(frozen=True, slots=True)
class Trace:
    """A row as the table has it, and the units it was made from, the one that holds it first."""

    row: dict[str, Any]
    links: tuple[Link, ...]


def trace(pipeline: Pipeline, name: str) -> Trace:
    """Find what a row was made from.

    Parameters
    ----------
    pipeline : Pipeline
        The work the row came from.
    name : str
        ``VIDEO:FEEDBACK_INDEX``, a current annotation, or ``FILE.parquet:ROW``, a row of a
        release counted from 0.

    Returns
    -------
    Trace

    Raises
    ------
    UsageError
        The name is neither.
    DataError
        There is no such row, or its unit is not in the work folder any more.
    """
    head, colon, number = name.rpartition(":")
    if not (colon and head and number.isdecimal()):
        raise UsageError(
            "names no row",
            where=name,
            next_step="Give VIDEO:FEEDBACK_INDEX, or FILE.parquet:ROW with rows counted from 0",
        )
    if head.endswith(".parquet"):
        row, record = _published(pipeline, Path(head), int(number))
    else:
        row, record = _current(pipeline, head, int(number))
    return Trace(row, tuple(chain(record, pipeline.stages, pipeline.store)))


def _current(pipeline: Pipeline, video_id: str, index: int) -> tuple[dict[str, Any], UnitRecord]:
    unit = next(u for u in pipeline.plan((video_id,)) if u.stage == AnnotationsStage.name)
    if unit.record is None or unit.record.status != "completed":
        raise DataError(
            f"has no current annotations: {'; '.join(unit.why)}",
            where=f"video {video_id}",
            next_step="Run `qevd-bio run` first",
        )
    rows = read_table(pipeline.store.artifact_path(unit.record)).to_pylist()
    row = next((row for row in rows if row["feedback_index"] == index), None)
    if row is None:
        raise DataError(
            f"has no sentence {index}",
            where=f"video {video_id}",
            next_step=f"Its sentences are {sorted(row['feedback_index'] for row in rows)}",
        )
    return row, unit.record


def _published(pipeline: Pipeline, shard: Path, number: int) -> tuple[dict[str, Any], UnitRecord]:
    if not shard.is_file():
        raise DataError("is absent", where=str(shard), next_step="Name a file of a release")
    folder, config = shard.parents[1], shard.parent.name
    manifest = read_manifest(folder)
    opened = open_shard(folder, f"{config}/{shard.name}")
    tables = [opened.group(index) for index in range(len(opened.group_rows))]
    table = pa.concat_tables(tables) if tables else opened.schema.empty_table()
    if number >= table.num_rows:
        raise DataError(
            f"has {table.num_rows} rows", where=str(shard), next_step="Rows are counted from 0"
        )
    row = table.slice(number, 1).to_pylist()[0]
    video_id = str(row["video_id"])
    digest = manifest["videos"].get(video_id, {}).get("artifacts", {}).get(config)
    stage = next((stage.name for stage in pipeline.stages if stage.writes == config), config)
    if digest is None:
        raise DataError(
            f"does not name the {config} of video {video_id}",
            where=str(folder),
            next_step="Name an unchanged file of a release",
        )
    return row, unit_with_output(pipeline.store, stage, video_id, digest)
