"""What a coach is trained on and asked for: one exercise of a video.

L frames of the features, C their width, h and w their height and width

All times are seconds on the clock of the source records.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import Float16Array, FloatArray
from qevd_bio.errors import DataError


@dataclass(frozen=True, slots=True)
class VisualFeatures:
    """What the 3D CNN saw of one video.

    Attributes
    ----------
    video_id : str
        The video.
    maps : ndarray (L, C, h, w) of float16
        One map each four frames.
    times_s : ndarray (L,)
        Of the fourth frame of each group, ascending.
    network : str
        Identity of the network; the stand-in has another one than the official.
    """

    video_id: str
    maps: Float16Array
    times_s: FloatArray
    network: str

    def __post_init__(self) -> None:
        if self.maps.ndim != 4 or self.maps.shape[:1] != self.times_s.shape:
            raise _inconsistent(
                self.video_id,
                f"features {self.maps.shape} do not fit {self.times_s.shape} times",
            )
        if not (np.isfinite(self.times_s).all() and (np.diff(self.times_s) > 0).all()):
            raise _inconsistent(self.video_id, "the times of the features do not ascend")

    def between(self, start_s: float, end_s: float) -> tuple[Float16Array, FloatArray]:
        """Return the frames after the start and up to the end as (N, h w, C), with their times.

        Patches go row by row.
        """
        first, last = np.searchsorted(self.times_s, [start_s, end_s], side="right")
        own = self.maps[first:last]
        frames, width, height, across = own.shape
        tokens = own.reshape(frames, width, height * across).transpose(0, 2, 1)
        return np.ascontiguousarray(tokens), self.times_s[first:last]


@dataclass(frozen=True, slots=True)
class ContextRow:
    """C_motion at one moment, and how many cycles were completed by then."""

    time_s: float
    text: str
    cycles: int


@dataclass(frozen=True, slots=True)
class MotionContexts:
    """The motion contexts of one exercise of a video, in order of time, out of one release.

    Each row was computed from what lies before its time. `segment_index` counts the exercises of
    the video from 0: two that follow each other have rows at the same times.
    """

    video_id: str
    release: str
    rows: tuple[ContextRow, ...]
    segment_index: int = 0

    def __post_init__(self) -> None:
        times = [row.time_s for row in self.rows]
        if any(a > b for a, b in pairwise(times)):
            raise _inconsistent(self.video_id, "the times of the contexts do not ascend")

    def latest(self, time_s: float) -> ContextRow | None:
        """Return the last row at or before a time."""
        count = bisect_right(self.rows, time_s, key=lambda row: row.time_s)
        return self.rows[count - 1] if count else None


class GrowingContexts:
    """The motion contexts of an exercise that goes on; `MotionSlot` takes either."""

    def __init__(self) -> None:
        self._rows: list[ContextRow] = []

    def add(self, row: ContextRow) -> None:
        """Add the newest row."""
        self._rows.append(row)

    def latest(self, time_s: float) -> ContextRow | None:
        """Return the last row at or before a time."""
        count = bisect_right(self._rows, time_s, key=lambda row: row.time_s)
        return self._rows[count - 1] if count else None


class MotionSlot:
    """Decides when the motion context in force is replaced, from the past alone.

    Training and generation ask the same object, so that both refresh at the same moments: at
    the first frame, when a cycle was completed, and when a feedback begins.

    Parameters
    ----------
    contexts : MotionContexts or GrowingContexts
        Of the exercise.
    """

    def __init__(self, contexts: MotionContexts | GrowingContexts) -> None:
        self._contexts = contexts
        self._text: str | None = None
        self._cycles: int | None = None

    def at_frame(self, time_s: float) -> str | None:
        """Return the new context, or None where the one in force stays."""
        row = self._contexts.latest(time_s)
        if self._text is not None and (row is None or row.cycles == self._cycles):
            return None
        return self._replaced(row)

    def at_feedback(self, time_s: float) -> str | None:
        """Return the new context, or None where the one in force stays."""
        return self._replaced(self._contexts.latest(time_s))

    def _replaced(self, row: ContextRow | None) -> str | None:
        text = "" if row is None else row.text
        self._cycles = None if row is None else row.cycles
        if text == self._text:
            return None
        self._text = text
        return text


@dataclass(frozen=True, slots=True)
class Feedback:
    """A sentence, and when it begins."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True)
class CoachingSegment:
    """One exercise of a session with the feedback that the coach is to give.

    Attributes
    ----------
    video_id, release : str
        The video, and the release that the feedback is from.
    exercise : str
        As announced.
    start_s, end_s : float
        First and last moment.
    feedbacks : tuple of Feedback
        In order of time; empty where none is known.
    morphology : str
        C_morph; empty where the body was not measured.
    segment_index : int
        Of the exercise in its video, from 0.
    """

    video_id: str
    release: str
    exercise: str
    start_s: float
    end_s: float
    feedbacks: tuple[Feedback, ...] = ()
    morphology: str = ""
    segment_index: int = 0

    def __post_init__(self) -> None:
        times = [feedback.time_s for feedback in self.feedbacks]
        if any(a > b for a, b in pairwise(times)):
            raise _inconsistent(self.video_id, "the times of the feedback do not ascend")


def frames_of(
    segment: CoachingSegment, features: VisualFeatures, contexts: MotionContexts | None
) -> tuple[Float16Array, FloatArray]:
    """Return the frames of a segment as `VisualFeatures.between`, after checking that all fits.

    Raises
    ------
    DataError
        Features or contexts are of another video, the contexts are of another release or another
        exercise, or no frame lies in the segment.
    """
    if features.video_id != segment.video_id:
        raise _foreign(segment, f"the features are of video {features.video_id}")
    if contexts is not None and contexts.video_id != segment.video_id:
        raise _foreign(segment, f"the contexts are of video {contexts.video_id}")
    if contexts is not None and contexts.release != segment.release:
        raise _foreign(
            segment,
            f"the contexts are of release {contexts.release}, the feedback of {segment.release}",
        )
    if contexts is not None and contexts.segment_index != segment.segment_index:
        raise _foreign(
            segment,
            f"the contexts are of exercise {contexts.segment_index}, "
            f"the feedback of {segment.segment_index}",
        )
    frames, times_s = features.between(segment.start_s, segment.end_s)
    if len(frames) == 0:
        raise DataError(
            f"no feature lies between {segment.start_s} s and {segment.end_s} s",
            where=f"video {segment.video_id}",
            next_step="Check that features and records use the same clock",
        )
    return frames, times_s


def _foreign(segment: CoachingSegment, cause: str) -> DataError:
    return DataError(
        cause,
        where=f"video {segment.video_id}",
        next_step="Take features and contexts of this video and of the same release",
    )


def _inconsistent(video_id: str, cause: str) -> DataError:
    return DataError(
        cause, where=f"video {video_id}", next_step="Make the features or the release again"
    )
