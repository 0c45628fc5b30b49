"""Pictures of a segment for a vision-language model: few, small, upright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.annotate.moments import moments_s
from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.footage import open_footage
from qevd_bio.capture.video.decode import frames_at
from qevd_bio.errors import UsageError, VideoError
from qevd_bio.exercises.expected import expected_exercise
from qevd_bio.llm.chat import Picture
from qevd_bio.qevd.load import require_times_s
from qevd_bio.qevd.segments import Segment
from qevd_bio.stages.sessions import Session
from qevd_bio.views.still_frame import jpeg_of

MOST_FRAMES, MOST_SIDE_PX, LEAST_SIDE_PX = 32, 2048, 64
_JPEG_SCALE = 4


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """How many pictures of a segment are shown, and their longest side in pixels.

    `UsageError` where a number is out of bounds.
    """

    count: int = 8
    side_px: int = 512

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("--frames", self.count, 1, MOST_FRAMES),
            ("--side-px", self.side_px, LEAST_SIDE_PX, MOST_SIDE_PX),
        ):
            if not low <= value <= high:
                raise UsageError(
                    f"is {value}", where=name, next_step=f"Give a number from {low} to {high}"
                )


@dataclass(frozen=True, slots=True)
class SegmentPictures:
    """The pictures of a segment.

    Attributes
    ----------
    segment : Segment
        The segment.
    times_s : tuple of float
        Time of each picture, on the clock of the frames.
    pictures : tuple of Picture
        JPEG, in order of time.
    """

    segment: Segment
    times_s: tuple[float, ...]
    pictures: tuple[Picture, ...]


def segment_pictures(session: Session, choice: FrameChoice) -> list[SegmentPictures]:
    """Take the pictures of every segment of a session out of its video, turned upright.

    Segments of which no frame can be decoded are left out.

    Raises
    ------
    DataError, VideoError
        The video or its frame times cannot be used, or no segment has a frame.
    """
    record = session.record
    times_s = require_times_s(record)
    exercises = [
        expected_exercise(rule, one.frame_start, one.frame_end)
        for one in session.segments
        if (rule := session.rules.get(one.index)) is not None
    ]
    config = VideoConfig(longest_side_px=choice.side_px)
    footage = open_footage(record.video_file, times_s, record.video_id, config, exercises)
    wanted = {one.index: _frames_of(session, one, choice.count) for one in session.segments}
    shown = frames_at(
        record.video_file,
        {number for numbers in wanted.values() for number in numbers},
        longest_side_px=choice.side_px,
        turn_deg=footage.upright.turn_deg,
    )
    jpegs = {one.number: jpeg_of(one.image, choice.side_px, _JPEG_SCALE)[0] for one in shown}
    found = []
    for segment in session.segments:
        seen = [number for number in wanted[segment.index] if number in jpegs]
        if seen:
            pictures = tuple(Picture("image/jpeg", jpegs[number]) for number in seen)
            found.append(
                SegmentPictures(segment, tuple(float(times_s[i]) for i in seen), pictures)
            )
    if session.segments and not found:
        raise VideoError(
            "no frame of any exercise can be decoded",
            where=str(record.video_file),
            next_step="Download or copy it again",
        )
    return found


def _frames_of(session: Session, segment: Segment, count: int) -> tuple[int, ...]:
    """Choose frames of a segment around its utterances; none where its times are not known."""
    times_s = require_times_s(session.record)
    first, last = _between_announcements(session, segment)
    last = min(last, len(times_s) - 1)
    if last < first:
        return ()
    own = (one.frame_start for one in session.utterances if one.index in segment.utterance_indices)
    said = [float(times_s[frame]) for frame in own if frame < len(times_s)]
    chosen = moments_s(float(times_s[first]), float(times_s[last]), said, count)
    numbers = np.searchsorted(times_s, chosen)
    return tuple(dict.fromkeys(np.clip(numbers, first, last).tolist()))


def _between_announcements(session: Session, segment: Segment) -> tuple[int, int]:
    """Find the first and last frame of a segment in which nothing is announced.

    While an exercise is announced, another one may still be done. Where nothing is left, the
    whole segment counts.
    """
    first, last = segment.frame_start, segment.frame_end - 1
    for one in session.utterances:
        if one.is_transition and one.frame_start == segment.frame_start:
            first = one.frame_end
        elif one.is_transition and segment.frame_start < one.frame_start <= last:
            last = one.frame_start - 1
    return (first, last) if first <= last else (segment.frame_start, segment.frame_end - 1)
