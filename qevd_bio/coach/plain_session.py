"""A plain video as a session of the pipeline: one exercise from its first frame to its last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.errors import DataError, UsageError, VideoError
from qevd_bio.exercises.cycle_search import SHORTEST_S
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.salience import salience_of_rule
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.mp4 import write_mp4
from qevd_bio.qevd.record import LoadedRecords, Record
from qevd_bio.qevd.segments import Segment
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.views.formatting import counted

_TICKS_HZ = 90_000
_CUT_CRF = 12
"""Quality of a part that is cut out: nothing of it is seen to be lost."""

LEAST_FRAMES = 2


@dataclass(frozen=True, slots=True)
class PlainVideo:
    """A video file to coach.

    Attributes
    ----------
    video_id : str
        Its name.
    file : Path
        What is analysed: the source, or the part cut out of it.
    source : Path
        What the user named.
    from_s : float
        Where the part begins in the source.
    """

    video_id: str
    file: Path
    source: Path
    from_s: float = 0.0


def part_of_video(
    video_id: str, source: Path, start_s: float | None, end_s: float | None, cut: Path
) -> PlainVideo:
    """Take a whole video, or write the part of it that is asked for to `cut`.

    Times are seconds from the first frame. `UsageError` where the video has fewer than two
    frames between them, `VideoError` where it cannot be read.
    """
    if start_s is None and end_s is None:
        return PlainVideo(video_id, source, source)
    since_s = stored_times_s(source)
    since_s = since_s - since_s[0]
    wanted = (since_s >= (start_s or 0.0)) & (since_s <= (np.inf if end_s is None else end_s))
    if wanted.sum() < LEAST_FRAMES:
        raise UsageError(
            f"has no frames there: it lasts {since_s[-1]:.2f} s",
            where=f"{source}, --start and --end",
            next_step="Give seconds from the first frame",
        )
    chosen = np.flatnonzero(wanted)
    first, last = int(chosen[0]), int(chosen[-1])

    pictures = _pictures(source, since_s - since_s[first], first, last)
    count = write_mp4(cut, pictures, rate_hz=30, ticks_hz=_TICKS_HZ, crf=_CUT_CRF, x264="mbtree=0")
    if count < last - first:  # decoders disagree about one last frame
        raise VideoError(
            f"is damaged: of the {last - first + 1} frames there only {count} can be decoded",
            where=str(source),
            next_step="Give an earlier --end, or repair the file",
        )
    return PlainVideo(video_id, cut, source, float(since_s[first]))


def _pictures(
    source: Path, shown_s: FloatArray, first: int, last: int
) -> Iterator[tuple[int, ByteArray]]:
    """Yield some frames with their times in ticks; odd sizes lose a row or column."""
    for number, picture in enumerate(FrameStream(source)):
        if number > last:
            return
        if number >= first:
            height, width = picture.shape[:2]
            ticks = round(float(shown_s[number]) * _TICKS_HZ)
            yield ticks, picture[: height - height % 2, : width - width % 2]


def plain_session(video: PlainVideo, rule: Rule | None) -> Session:
    """Describe a video in which one exercise, or an unknown one, is done all the time.

    `VideoError` where the file is no video, `DataError` where no repetition fits into it.
    """
    time_s = stored_times_s(video.file)
    lasts_s = float(time_s[-1] - time_s[0])
    if len(time_s) < LEAST_FRAMES or lasts_s < SHORTEST_S:
        frames = counted(len(time_s), "frame")
        raise DataError(
            f"has {frames} and lasts {lasts_s:.2f} s: no repetition fits into it",
            where=str(video.source),
            next_step="Give a video of whole repetitions",
        )
    record = Record(
        unit_id=video.video_id,
        video_id=video.video_id,
        split="train",
        video_file=video.file.absolute(),
        timestamps_file=video.file.absolute(),
        feedbacks=(),
        feedback_timestamps=(),
        is_transition=(),
        times_s=time_s,
        issues=(),
        index=0,
        digest=sha256_json(video.video_id),
    )
    if rule is None:
        return Session(record, (), (), {}, {})
    segment = Segment(
        index=0,
        exercise_text=rule.title,
        frame_start=0,
        frame_end=len(time_s),
        start_s=float(time_s[0]),
        end_s=float(time_s[-1]),
        utterance_indices=(),
    )
    return Session(record, (), (segment,), {0: rule}, {0: salience_of_rule(rule)})


def sessions_of(sessions: Sequence[Session]) -> Sessions:
    """Put sessions of plain videos together as if they were read from a data set."""
    by_id: Mapping[str, Session] = {one.record.unit_id: one for one in sessions}
    return Sessions(by_id, LoadedRecords(tuple(one.record for one in sessions), ()))
