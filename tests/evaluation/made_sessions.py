"""A release of three sessions of squats: two to train on, one to test."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.released.contents import Release
from qevd_bio.tables import annotations
from qevd_bio.tables.parquet import rows_table, write_parquet
from tests.release.fixtures import arguments_for
from tests.release.made_artifacts import annotation, kept, publish, published

DEEP = "Right knee flexion 72° (target: 90°). Increase right knee flexion by 18°."


@pytest.fixture
def squat_sessions(tmp_path: Path) -> Release:
    """The sessions, in the folder of the test."""
    return squat_sessions_in(tmp_path)


def squat_sessions_in(home: Path) -> Release:
    """Announced at frame 3, spoken to each 60 frames, the end announced at 451 to 460."""
    videos = []
    for name, split in (("0001", "train"), ("0002", "train"), ("0150", "test")):
        video = published(home / "work", name, split, frames=500)
        spoken = [
            annotation(name, k + 1, frame_start=60 * k + 60, frame_end=60 * k + 70, cycle=None,
                       findings=[], status="kept", motion_context="",
                       timestamp_s=1690028801.0 + 2.0 * k + 2.0,
                       **dict.fromkeys(("feedback", "feedback_original"), said))
            for k, said in enumerate(("Nice work!", DEEP) * 3)
        ]  # fmt: skip
        rows = [
            {**kept(name, 0, "First up are squats!"), "is_transition": True,
             "kind": "transition", "frame_start": 3, "frame_end": 30},
            *spoken,
            {**kept(name, 7, "That's it!"), "is_transition": True, "kind": "transition",
             "frame_start": 451, "frame_end": 461},
        ]  # fmt: skip
        write_parquet(rows_table(rows, annotations.SCHEMA), video.artifacts["annotations"])
        videos.append(video)
    return publish(videos, **arguments_for(home))
