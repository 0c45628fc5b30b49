"""Releases of made-up videos whose frames can be checked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from qevd_bio.release import shards
from tests.release.made_artifacts import publish, published


def made_release(folder: Path, monkeypatch: Any, rows_per_group: int = 16_384) -> Path:
    """A release of three videos; row groups may be so small that a video has several."""
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", rows_per_group)
    videos = [
        published(folder / "work", "0146", "train"),
        published(folder / "work", "0150", "test", frames=7, n_cycles=0),
        published(folder / "work", "0007", "train", frames=30),
    ]
    return publish(videos, out=folder / "release").folder


def artifact_rows(folder: Path, video: str, table: str = "annotations") -> list[dict[str, Any]]:
    """Rows of an artifact of `made_release`, as they were written."""
    rows: list[dict[str, Any]] = pq.read_table(
        folder / "work" / video / f"{table}.parquet"
    ).to_pylist()
    return rows
