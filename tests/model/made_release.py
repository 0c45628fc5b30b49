"""A release of one session of squats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qevd_bio.released.contents import Release
from qevd_bio.tables import annotations
from qevd_bio.tables.parquet import rows_table, write_parquet
from tests.release.made_artifacts import annotation, kept, publish, published


@pytest.fixture
def squats(tmp_path: Path, arguments: dict[str, Any]) -> Release:
    """A video announced at frame 3, spoken to at 51, with the end announced at 111 to 120."""
    video = published(tmp_path / "work", "0001", "train", frames=200)
    rows = [
        {**kept("0001", 0, "First up are squats!"), "is_transition": True, "kind": "transition",
         "frame_start": 3, "frame_end": 30},
        annotation("0001", 1, frame_start=51, frame_end=60, cycle=None, findings=[], status="kept",
                   motion_context="", feedback="Go lower on your squats!"),
        {**kept("0001", 2, "That's it!"), "is_transition": True, "kind": "transition",
         "frame_start": 111, "frame_end": 121},
    ]  # fmt: skip
    write_parquet(rows_table(rows, annotations.SCHEMA), video.artifacts["annotations"])
    return publish([video], **arguments)
