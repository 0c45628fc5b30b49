"""A film of nothing in which, as far as the capture is concerned, somebody squats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.capture.captured import Captured
from tests.capture.video_files import write_video
from tests.pipeline.sessions_made import PERIOD_S, squats_motion

RATE_HZ = 10
SQUATS = 4
FRAMES = round(SQUATS * PERIOD_S * RATE_HZ) + 1
SHALLOW = 0.5

Capture = Callable[..., Captured]


def film(path: Path, frames: int = FRAMES) -> Path:
    """Write a small film, `SQUATS` periods long."""
    pictures = [np.full((64, 96, 3), 20 + i % 200, dtype=np.uint8) for i in range(frames)]
    write_video(path, pictures, rate=RATE_HZ)
    return path


def capture_of(depth: float, confidence: float = 0.9) -> Capture:
    """Replace the capture of pixels by squats; `depth` scales those of the reference."""

    def capture(
        path: Path, times_s: np.ndarray, *, video_id: str, config: Any, exercises: Any = ()
    ) -> Captured:
        motion = squats_motion(depth, times_s)
        seen = np.full(len(times_s), confidence)
        return Captured(replace(motion, confidence=seen), {"turn_deg": 0})

    return capture
