"""Write pictures as a QEVD video: an mp4 and the nanosecond timestamp of each frame.

T frames, H, W picture height and width in pixels
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from qevd_bio.arrays import ByteArray, IntArray
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.mp4 import write_mp4

NANOSECONDS = 1_000_000_000
# Spread of the real frame intervals around their mean, and the farthest a frame may stray.
JITTER_SIGMA_NS, JITTER_LIMIT_NS = 1_600_000, 5_000_000


def frame_timestamps_ns(
    frames: int, rate_hz: float, start_ns: int, rng: np.random.Generator
) -> IntArray:
    """Make the timestamps (T,) of a phone's camera: regular, but for a few milliseconds.

    Whole nanoseconds from about `start_ns`, strictly increasing for rates below 90 Hz.
    """
    regular = start_ns + np.round(np.arange(frames) * (NANOSECONDS / rate_hz)).astype(np.int64)
    jitter = rng.normal(0.0, JITTER_SIGMA_NS, frames)
    jitter = np.clip(jitter, -JITTER_LIMIT_NS, JITTER_LIMIT_NS)
    return np.asarray(regular + jitter.astype(np.int64))


def write_video(
    path: Path, pictures: Iterable[ByteArray], rate_hz: int, *, sideways: bool = False
) -> int:
    """Encode pictures as mp4 at a constant rate.

    Parameters
    ----------
    pictures : iterable of ndarray (H, W, 3) of uint8
        RGB, all of one even size.
    sideways : bool
        Store the pixels turned 90 degrees counter-clockwise, as QEVD stores its videos up to
        id 0145: a viewer must turn them clockwise. No rotation is noted in the file.

    Returns
    -------
    int
        Number of frames written.
    """
    shown = (np.rot90(picture) if sideways else picture for picture in pictures)
    return write_mp4(path, enumerate(shown), rate_hz=rate_hz, ticks_hz=rate_hz, crf=23)


def write_timestamps(path: Path, timestamps_ns: IntArray) -> None:
    """Write frame timestamps (T,), in whole nanoseconds, as QEVD does: one .npy a video."""
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        np.save(file, timestamps_ns.astype(np.int64), allow_pickle=False)
