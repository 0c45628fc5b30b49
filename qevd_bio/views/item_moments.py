"""When an utterance and its cycle are, in frames, on the media timeline and on the clock.

T frames
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.views.item_source import Row
from qevd_bio.views.media_timeline import MediaTimeline
from qevd_bio.views.motion_windows import MotionWindow

_ASIDE_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class ItemMoments:
    """The moments of an utterance; frames are counted from the first one of its window.

    Attributes
    ----------
    clock_s : ndarray (T,)
        Time of each frame on the data set's clock.
    media_s : ndarray (T,)
        Time of each frame on the media timeline, see `MediaTimeline`; NaN where the file has no
        such frame. Without a file, seconds since the first frame of the video.
    key_frame : int
        Key frame of the cycle; without a cycle the first frame of the utterance.
    utterance : tuple of int
        First and last frame during which the sentence is shown.
    loop : tuple of int
        First and last frame of the cycle; without a cycle, of two seconds on each side.
    loop_s : tuple of float
        From the first frame of the loop to the end of its last, on the media timeline.
    """

    clock_s: FloatArray
    media_s: FloatArray
    key_frame: int
    utterance: tuple[int, int]
    loop: tuple[int, int]
    loop_s: tuple[float, float]

    @property
    def key_s(self) -> float:
        """Time of the key frame in the video; NaN where the file has no such frame."""
        return float(self.media_s[self.key_frame])


def item_moments(row: Row, window: MotionWindow, media: MediaTimeline | None) -> ItemMoments:
    """Find the moments of an utterance from stored times alone."""
    clock_s, cycle = window.motion.time_s, row["cycle"]
    said = window.index_of(row["frame_start"]), window.index_of(row["frame_end"] - 1)
    if cycle is None:
        start_s, key, end_s = clock_s[said[0]] - _ASIDE_S, said[0], clock_s[said[1]] + _ASIDE_S
    else:
        start_s, key, end_s = cycle["start_s"], window.nearest(cycle["key_s"]), cycle["end_s"]
    loop = window.nearest(start_s), window.nearest(end_s)
    media_s = _media_times(window, media)
    return ItemMoments(clock_s, media_s, key, said, loop, _span(media_s, *loop))


def _media_times(window: MotionWindow, media: MediaTimeline | None) -> FloatArray:
    count = len(window.motion.time_s)
    if media is None:
        return np.asarray(window.motion.time_s - window.clock_start_s)
    found = media.time_s[window.first_frame : window.first_frame + count]
    return np.concatenate([found, np.full(count - len(found), np.nan)])


def _span(media_s: FloatArray, first: int, last: int) -> tuple[float, float]:
    """Give the time from one frame to the end of another: to the next one where there is one."""
    known = media_s[np.isfinite(media_s)]
    if not len(known):
        return 0.0, 0.0
    begin = media_s[first] if np.isfinite(media_s[first]) else known[-1]
    end = media_s[last] if np.isfinite(media_s[last]) else known[-1]
    later = known[known > end]
    if len(later):
        return float(begin), float(later[0])
    steps = np.diff(known)
    return float(begin), float(end + (np.median(steps) if len(steps) else 0.0))
