"""Frames of a video, evenly spread in time, and as small grey pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from qevd_bio.capture.video.open_video import opened_video, until_damage
from qevd_bio.errors import VideoError

GreyFrames = NDArray[np.uint8]


def frames_every(path: Path, every_s: float) -> Iterator[av.VideoFrame]:
    """Yield the first frame of every interval of a video, on the clock of the file.

    `VideoError` where the file is missing or no video.
    """
    due_s = -np.inf
    with opened_video(path) as (container, stream):
        for frame in until_damage(container.decode(stream)):
            if frame.time is not None and frame.time >= due_s:
                due_s = frame.time + every_s * (1.0 - 1e-6)
                yield frame


def grey_thumbnails(path: Path, *, side_px: int, every_s: float) -> GreyFrames:
    """Take the first frame of every interval of a video, (T, side_px, side_px) in uint8.

    As stored, not turned, and squeezed into a square. A file that breaks part-way gives the frames
    before the break.

    Raises
    ------
    VideoError
        The file is missing or no video, or no frame of it can be decoded.
    """
    taken: list[GreyFrames] = []
    for frame in frames_every(path, every_s):
        small = frame.reformat(side_px, side_px, "gray", interpolation="AREA")
        taken.append(small.to_ndarray().astype(np.uint8))
    if not taken:
        raise VideoError(
            "no frame of it can be decoded, or its frames have no times",
            where=str(path),
            next_step="Download or copy it again, or convert it to mp4",
        )
    return np.stack(taken)
