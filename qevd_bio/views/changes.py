"""What a work folder changed: rows, page and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.pipeline.pipeline import Pipeline, outside_of_source
from qevd_bio.stages.sessions import chosen_videos
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.views.curves import Curve
from qevd_bio.views.diff_page import diff_page
from qevd_bio.views.motion_curves import video_curves
from qevd_bio.views.plots import plot_video


def all_changes(pipeline: Pipeline) -> list[dict[str, Any]]:
    """List the annotation rows of every finished video.

    Raises
    ------
    DataError
        No video is finished.
    """
    rows: list[dict[str, Any]] = []
    for found in pipeline.artifacts().values():
        if "annotations" in found:
            rows += read_parquet(found["annotations"], annotation_table.SCHEMA).to_pylist()
    if not rows:
        raise DataError(
            "no video is finished",
            where=str(pipeline.store.root),
            next_step="Run `qevd-bio run` first; `qevd-bio plan --why` says what is open",
        )
    return rows


def write_diff_page(pipeline: Pipeline, rows: list[dict[str, Any]], path: Path) -> None:
    """Write the page of old and new sentences with their curves.

    Parameters
    ----------
    pipeline : Pipeline
        The work.
    rows : list of dict
        What `all_changes` returned.
    path : Path
        The HTML file.
    """
    outside_of_source(path, pipeline.config.data_root)
    artifacts = pipeline.artifacts()
    curves: dict[tuple[str, int], list[Curve]] = {}
    for video in dict.fromkeys(row["video_id"] for row in rows):
        drawn = video_curves(pipeline.sessions.by_id[video], artifacts[video])
        curves |= {(video, segment): found for segment, found in drawn.items()}
    title = f"{sum(row['status'] == 'rewritten' for row in rows)} of {len(rows)} sentences changed"
    write_text_atomic(path, diff_page(rows, curves, title=title))


def plot_of(pipeline: Pipeline, video: str, path: Path) -> int:
    """Draw one video's curves as PNG.

    Parameters
    ----------
    pipeline : Pipeline
        The work.
    video : str
        Video id.
    path : Path
        The PNG.

    Returns
    -------
    int
        Number of panels.

    Raises
    ------
    UsageError, DataError
        The video is unknown or not finished.
    """
    outside_of_source(path, pipeline.config.data_root)
    chosen_videos(pipeline.sessions, (video,))
    found = pipeline.artifacts()[video]
    if "findings" not in found:
        raise DataError(
            "is not finished",
            where=f"video {video}",
            next_step="`qevd-bio plan --why` says what is open",
        )
    curves = video_curves(pipeline.sessions.by_id[video], found)
    panels = [curve for of_segment in curves.values() for curve in of_segment]
    plot_video(panels, path)
    return len(panels)
