"""The annotations of the finished videos of a work folder."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables.parquet import read_parquet


def annotation_tables(pipeline: Pipeline) -> dict[str, pa.Table]:
    """Read the annotations of every finished video, by video id."""
    return {
        video: read_parquet(artifacts["annotations"], annotation_table.SCHEMA)
        for video, artifacts in pipeline.artifacts().items()
        if "annotations" in artifacts
    }


def annotation_rows(pipeline: Pipeline) -> list[dict[str, Any]]:
    """List the annotation rows of every finished video.

    Raises
    ------
    DataError
        No video is finished.
    """
    rows = [row for table in annotation_tables(pipeline).values() for row in table.to_pylist()]
    if not rows:
        raise DataError(
            "no video is finished",
            where=str(pipeline.store.root),
            next_step="Run `qevd-bio run` first; `qevd-bio plan --why` lists what is open",
        )
    return rows
