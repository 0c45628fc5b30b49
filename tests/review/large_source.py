"""20,000 sentences to review, without 20,000 videos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from qevd_bio.exercises.load import load_rules
from qevd_bio.review.source import OpenedSource
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables.kinematics import motion_table
from qevd_bio.tables.parquet import write_parquet
from qevd_bio.views.annotation_snapshot import AnnotationSnapshot
from qevd_bio.views.item_source import ItemParts, ItemSource
from qevd_bio.views.motion_windows import FrameRows
from tests.release.made_artifacts import annotation, cycle, finding
from tests.review.view_folder import motion_before_camera
from tests.views.timed_videos import ntsc, write_timed

VIDEOS, EACH, FRAMES, SEGMENT = 200, 100, 5400, 900
FINDINGS = [
    {**finding(constraint_id=f"{name} {side}", measure=name, side=side), "matches_cue": True,
     "spoken": name == "knee_flexion"}
    for name in ("knee_flexion", "hip_flexion", "knee_valgus", "ankle_dorsiflexion",
                 "elbow_flexion")
    for side in ("r", "l")
]  # fmt: skip


def large_source(home: Path) -> OpenedSource:
    """20,000 sentences of 200 videos of three minutes, which share their motion and footage."""
    motion = motion_before_camera(np.arange(FRAMES) * 1001 / 30_000 + 1e9)
    table, notes = motion_table("0000", motion)
    write_parquet(table, home / "kinematics.parquet", notes=notes)
    video_file = write_timed(home / "a.mp4", ntsc(FRAMES), b_frames=0)
    videos = [f"{number:04d}" for number in range(VIDEOS)]
    places = {"start_s": 0, "key_s": 5, "end_s": 8}
    cycles = [
        cycle(video, index)
        | {name: float(motion.time_s[9 * index + place]) for name, place in places.items()}
        for video in videos
        for index in range(12)
    ]

    def rows() -> Iterator[tuple[str, pa.Table]]:
        for video in videos:
            own = [
                annotation(video, i, findings=FINDINGS, frame_start=50 * i, frame_end=50 * i + 20)
                for i in range(EACH)
            ]
            for row in own:
                row["cycle"] |= {"start_s": 1e9 + 5.0, "key_s": 1e9 + 6.0, "end_s": 1e9 + 7.0}
            yield "train", pa.Table.from_pylist(own, schema=annotation_table.SCHEMA)

    return OpenedSource(
        ItemSource(
            ItemParts(
                name="large",
                is_release=False,
                annotations=AnnotationSnapshot(rows()),
                cycles=pa.Table.from_pylist(cycles),
                concerns={},
                backends={},
                rules=load_rules(),
                frames_of=lambda _: FrameRows(
                    home / "kinematics.parquet", 0, FRAMES, lambda: notes
                ),
                media_of=lambda _: video_file,
                span_of=lambda _, __: (0, SEGMENT),
            )
        )
    )
