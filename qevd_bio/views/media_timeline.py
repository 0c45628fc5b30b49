"""When a browser shows each frame of a video file, and how large.

N frames
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
from av.container import InputContainer

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.video.display import display_of
from qevd_bio.capture.video.open_video import opened_video, shown_packets, until_damage
from qevd_bio.errors import VideoError

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class MediaTimeline:
    """The frames of a video file as a browser presents them.

    Attributes
    ----------
    width_px, height_px : int
        Size of the picture as displayed: turned as the display matrix says and stretched to
        square pixels (``videoWidth``, ``videoHeight``). Motion is measured on this picture.
    time_s : ndarray (N,)
        Time of each frame on the media timeline, in the order of decoding, which is that of
        the stored frames: ``mediaTime`` of ``requestVideoFrameCallback``.
    pts : ndarray (N,)
        The same in ticks of the stream, before any shift.

    Notes
    -----
    Edit lists are applied, frames they leave out are not counted. As Chromium does, the
    timeline begins at 0 even if the first frame comes later, and at the earliest time of any
    stream where that is negative. Times are rounded to microseconds, as it keeps them.
    """

    width_px: int
    height_px: int
    time_s: FloatArray
    pts: IntArray


def media_timeline(path: Path) -> MediaTimeline:
    """Read the timeline of a video file; the last ones read are kept.

    Raises
    ------
    VideoError
        The file cannot be read, or holds no picture.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _timeline(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _timeline(path: Path, _mtime_ns: int, _size: int) -> MediaTimeline:
    width_px, height_px = _displayed_size(path)
    with opened_video(path) as (container, stream):
        base = stream.time_base or Fraction(1, 1)
        pts = sorted(
            packet.pts for packet in shown_packets(container, stream) if packet.pts is not None
        )
        start_us = min([0, *_start_times_us(container)])
    shown_us = [_microseconds(ticks, base) - start_us for ticks in pts]
    return MediaTimeline(
        width_px=width_px,
        height_px=height_px,
        time_s=np.array(shown_us, dtype=np.float64) / _MICROSECONDS,
        pts=np.array(pts, dtype=np.int64),
    )


def _displayed_size(path: Path) -> tuple[int, int]:
    with opened_video(path) as (container, stream):
        for frame in until_damage(container.decode(stream)):
            display = display_of(frame, stream.sample_aspect_ratio)
            return display.size_px(frame.width, frame.height)
    raise _unreadable(path, "it has no frame")


def _start_times_us(container: InputContainer) -> list[int]:
    streams = [*container.streams.video, *container.streams.audio]
    return [
        _microseconds(one.start_time, cast("Fraction", one.time_base))
        for one in streams
        if one.start_time is not None
    ]


def _microseconds(ticks: int, base: Fraction) -> int:
    """Convert ticks, rounded half away from zero."""
    scaled = abs(ticks) * base * _MICROSECONDS + Fraction(1, 2)
    return int(scaled) if ticks >= 0 else -int(scaled)


def _unreadable(path: Path, cause: object) -> VideoError:
    return VideoError(
        f"cannot be read as a video ({cause})", where=str(path), next_step="Restore the video file"
    )
