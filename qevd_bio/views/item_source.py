"""Everything that can be shown of an utterance, read from a work folder or from a release."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.views.annotation_snapshot import AnnotationSnapshot, Place
from qevd_bio.views.motion_windows import FrameRows, MotionWindow, MotionWindows

MOST_FRAMES = 3600
"""A longer exercise is shown in part, around the utterance: two minutes at 30 frames a second."""

CYCLE_COLUMNS = (
    "video_id", "segment_index", "cycle_index", "kind", "side", "frame_start", "frame_key",
    "frame_end", "start_s", "key_s", "end_s",
)  # fmt: skip

_ASIDE_FRAMES = 90
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ItemParts:
    """What an `ItemSource` is made of.

    Attributes
    ----------
    name, is_release : str, bool
        Which folder, and of which kind.
    annotations : AnnotationSnapshot
        Its rows, with their split.
    cycles : Table
        Columns `CYCLE_COLUMNS` of all videos, those of a video together.
    concerns : mapping of str to sequence of str
        What gives reason to look at the capture of a video.
    backends : mapping of str to str
        What measured the motion of each video.
    rules : mapping of str to Rule
        By id, as far as they are known.
    frames_of, media_of : callable
        Where the frames of a video stand, and its video file; None where there is none.
    span_of : callable
        First frame of a segment and the one after its last; None where that is not recorded.
    """

    name: str
    is_release: bool
    annotations: AnnotationSnapshot
    cycles: pa.Table
    concerns: Mapping[str, Sequence[str]]
    backends: Mapping[str, str]
    rules: Mapping[str, Rule]
    frames_of: Callable[[str], FrameRows | None]
    media_of: Callable[[str], Path | None]
    span_of: Callable[[str, int], tuple[int, int] | None]


class ItemSource:
    """Utterances with their motion, cycles and video; safe for several threads."""

    def __init__(self, parts: ItemParts) -> None:
        self._parts = parts
        self._windows = MotionWindows(parts.frames_of)
        self._cycle_rows = _runs(parts.cycles["video_id"])

    @property
    def name(self) -> str:
        """The folder."""
        return self._parts.name

    @property
    def is_release(self) -> bool:
        """Whether it is a release, into which nothing may be written."""
        return self._parts.is_release

    def __len__(self) -> int:
        return len(self._parts.annotations)

    def places(self) -> Iterator[Place]:
        """Yield video and number of every utterance."""
        return self._parts.annotations.places()

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the annotation rows as plain values, with their `split`."""
        return self._parts.annotations.rows(columns)

    def row(self, video: str, index: int) -> dict[str, Any]:
        """Return the row of an utterance.

        Raises
        ------
        DataError
            There is no such utterance.
        """
        try:
            return self._parts.annotations.row((video, index))
        except KeyError:
            raise DataError(
                f"has no utterance {index}",
                where=f"video {video}",
                next_step=f"Name an utterance of {self.name}",
            ) from None

    def media_file(self, video: str) -> Path | None:
        """Find the video file, inside the data root; None where there is none."""
        return self._parts.media_of(video)

    def concerns(self, video: str) -> tuple[str, ...]:
        """Name what gives reason to look at the capture of a video."""
        return tuple(self._parts.concerns.get(video, ()))

    def backends(self) -> Mapping[str, str]:
        """Name what measured the motion, by video."""
        return self._parts.backends

    def rule(self, exercise: str | None) -> Rule | None:
        """Look up the rule of an exercise; None where it is not known."""
        return None if exercise is None else self._parts.rules.get(exercise)

    def cycles(self, row: Row) -> tuple[Cycle, ...]:
        """List the cycles of the segment of an utterance, in time order."""
        start, stop = self._cycle_rows.get(row["video_id"], (0, 0))
        found = self._parts.cycles.slice(start, stop - start).to_pylist()
        own = [one for one in found if one["segment_index"] == row["segment_index"]]
        own.sort(key=lambda one: int(one["cycle_index"]))
        return tuple(
            Cycle(
                kind=one["kind"],
                start=one["frame_start"],
                key=one["frame_key"],
                end=one["frame_end"],
                start_s=one["start_s"],
                key_s=one["key_s"],
                end_s=one["end_s"],
                side=one["side"],
            )
            for one in own
        )

    def window(self, row: Row) -> MotionWindow | None:
        """Read the motion around an utterance: its exercise, at most `MOST_FRAMES` of it.

        None where the video has no frame. Errors as `MotionWindows.read`.
        """
        first, stop = self._span(row)
        if stop - first > MOST_FRAMES:
            middle = (row["frame_start"] + row["frame_end"]) // 2
            first = max(first, min(middle - MOST_FRAMES // 2, stop - MOST_FRAMES))
            stop = first + MOST_FRAMES
        return self._windows.read(row["video_id"], first, stop)

    def _span(self, row: Row) -> tuple[int, int]:
        """Give the frames of the segment; without one, those around the utterance."""
        first, stop = row["frame_start"] - _ASIDE_FRAMES, row["frame_end"] + _ASIDE_FRAMES
        if row["segment_index"] is None:
            return first, stop
        span = self._parts.span_of(row["video_id"], row["segment_index"])
        if span is not None:
            return min(span[0], row["frame_start"]), max(span[1], row["frame_end"])
        cycles = self.cycles(row)
        return (
            min([first, *(one.start - _ASIDE_FRAMES for one in cycles)]),
            max([stop, *(one.end + 1 + _ASIDE_FRAMES for one in cycles)]),
        )


def _runs(ids: pa.ChunkedArray) -> dict[str, tuple[int, int]]:
    """Find the first row, and the one after the last, of each id; those of an id are together."""
    names = ids.to_numpy(zero_copy_only=False)
    if not len(names):
        return {}
    starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    return {str(names[a]): (a, b) for a, b in pairwise(starts)}
