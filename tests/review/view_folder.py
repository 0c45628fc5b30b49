"""A finished work folder of squats before a camera, with videos whose frame times are uneven."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.capture.captured import Captured
from qevd_bio.capture.monocular import backend
from qevd_bio.motion.record import Motion
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline
from tests.capture.video_files import set_rotation_90
from tests.pipeline.sessions_made import FRAMES, SPLIT, SQUATS, record, squats_motion, write_root
from tests.views.timed_videos import uneven, write_timed

UPRIGHT, TURNED, BY_MATRIX = "0201", "0007", "0300"
"""Videos: as it stands; sideways without a word in the file; sideways with a display matrix."""

TICKS = uneven(FRAMES, seed=3)
TICK_S = Fraction(1, 90_000)
FOCAL = 1.2
TURNS = {UPRIGHT: 0, TURNED: 90, BY_MATRIX: 0}


def motion_before_camera(times_s: np.ndarray, depth: float = 0.7) -> Motion:
    """Squats three metres away, which walk to the right."""
    motion = squats_motion(depth, times_s)
    right = np.linspace(-0.5, 0.5, len(times_s))
    place = np.stack([right, np.zeros_like(right), np.full_like(right, 3.0)], axis=1)
    return replace(motion, root_m=place, focal_share=FOCAL)


def finished_work(folder: Path, depth: float = 0.7) -> Pipeline:
    """Run the pipeline on three videos with made-up capture."""
    names = (TURNED, UPRIGHT, BY_MATRIX)
    root = write_root(folder / "QEVD", [record(video, SQUATS) for video in names])
    for video in names:
        path = root / SPLIT / "long_range_videos" / f"{video}.mp4"
        write_timed(path, TICKS, TICK_S, size=(96, 64), b_frames=2)
    set_rotation_90(root / SPLIT / "long_range_videos" / f"{BY_MATRIX}.mp4")

    def capture(path, times_s, *, video_id, config, exercises=()):
        return Captured(
            motion=motion_before_camera(times_s, depth), notes={"turn_deg": TURNS[video_id]}
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "capture_motion", capture)
        pipeline = open_pipeline(PipelineConfig(root), folder / "work")
        summary = pipeline.run(argv=["test"], on_event=lambda event: None)
    assert not summary.failures
    return pipeline
