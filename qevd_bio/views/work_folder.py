"""What a work folder holds of its finished videos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.stages.sessions import chosen_videos
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


def finished_artifacts(pipeline: Pipeline, video: str) -> Mapping[str, Path]:
    """Return the artifacts of a video up to its findings, by stage.

    Raises
    ------
    UsageError, DataError
        The video is unknown, or not finished.
    """
    chosen_videos(pipeline.sessions, (video,))
    found = pipeline.artifacts()[video]
    if "findings" not in found:
        raise DataError(
            "is not finished",
            where=f"video {video}",
            next_step="`qevd-bio plan --why` lists what is open",
        )
    return found
