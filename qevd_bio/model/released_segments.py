"""The exercises of a release, each with its time, its utterances and its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from qevd_bio.arrays import FloatArray
from qevd_bio.released.loading import load_table, splits_of, videos_of


@dataclass(frozen=True, slots=True)
class ReleasedSegment:
    """One exercise of one video.

    Attributes
    ----------
    video_id, split : str
        The video and its split.
    index : int
        Of the segment in its video.
    exercise_text : str
        As the trainer named it.
    exercise : str or None
        Rule id.
    start_s, end_s : float
        From the first frame of the announcement to the middle of the next one.
    utterances : tuple of dict
        Rows of the annotations, without the announcements; those without a time included.
    """

    video_id: str
    split: str
    index: int
    exercise_text: str
    exercise: str | None
    start_s: float
    end_s: float
    utterances: tuple[Mapping[str, Any], ...]


def released_segments(release: Path) -> list[ReleasedSegment]:
    """List the segments of a release that hold an utterance, by split and video.

    Raises
    ------
    UsageError, DataError
        As `qevd_bio.released.loading.load_table`.

    Notes
    -----
    Where the next announcement is lost, a segment ends with its last utterance.
    """
    found: list[ReleasedSegment] = []
    for split in splits_of(release):
        rows = load_table(split, release).to_pylist()
        by_video = {name: list(own) for name, own in groupby(rows, key=itemgetter("video_id"))}
        for video, table in videos_of(split, release, "kinematics", ("time_s",)):
            time_s: FloatArray = table["time_s"].to_numpy()
            found += _segments_of(video, split, by_video.get(video, []), time_s)
    return found


def announced_segments(release: Path) -> dict[str, int]:
    """Count the announcements of each video, by id: it has at most so many segments."""
    counts: Counter[str] = Counter()
    for split in splits_of(release):
        for video, table in videos_of(split, release, columns=("is_transition",)):
            counts[video] += sum(table["is_transition"].to_pylist())
    return dict(counts)


def _segments_of(
    video: str, split: str, rows: list[dict[str, Any]], time_s: FloatArray
) -> Iterator[ReleasedSegment]:
    announced = [row for row in rows if row["is_transition"]]
    spoken = [row for row in rows if row["segment_index"] is not None and not row["is_transition"]]
    for index, group in groupby(spoken, key=itemgetter("segment_index")):
        own = list(group)
        before = [row for row in announced if row["frame_start"] <= own[0]["frame_start"]]
        after = [row for row in announced if row["frame_start"] > own[-1]["frame_start"]]
        first = before[-1]["frame_start"] if before else own[0]["frame_start"]
        last = _middle(after[0]) if after else own[-1]["frame_end"] - 1
        if first >= len(time_s):
            continue
        yield ReleasedSegment(
            video_id=video,
            split=split,
            index=index,
            exercise_text=own[0]["exercise_text"],
            exercise=own[0]["exercise"],
            start_s=float(time_s[first]),
            end_s=float(time_s[min(last, len(time_s) - 1)]),
            utterances=tuple(own),
        )


def _middle(row: Mapping[str, Any]) -> int:
    """Find the middle frame of an utterance, the earlier of two."""
    return int(row["frame_start"] + row["frame_end"] - 1) // 2
