"""When the frames of a video file are shown, as the file itself says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.video.open_video import opened_video, shown_packets
from qevd_bio.errors import VideoError


def stored_times_s(path: Path) -> FloatArray:
    """Read the presentation times of all frames (T,), in seconds, strictly increasing.

    `VideoError` where the file is no video, or holds no presentation times.
    """
    with opened_video(path) as (container, stream):
        stamps = [
            float(packet.pts * packet.time_base)
            for packet in shown_packets(container, stream)
            if packet.pts is not None and packet.time_base is not None
        ]
    time_s = np.sort(np.array(stamps, dtype=np.float64))
    if len(time_s) == 0 or np.any(np.diff(time_s) <= 0.0):
        raise VideoError(
            "holds no presentation times of its frames",
            where=str(path),
            next_step="Convert it to mp4",
        )
    return time_s
