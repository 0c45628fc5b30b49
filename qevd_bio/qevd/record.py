"""One record of the source: its texts, its frame times, and its source issues."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qevd_bio.arrays import FloatArray

SourceIssueKind = Literal[
    "no_times",  # frame timestamps absent or damaged
    "frame_count",  # more or fewer frame timestamps than texts
    "open_end",  # the last text runs to the last frame
    "touching",  # two equal utterances without silence between them, separated by their timestamps
    "off_time",  # texts begin more than a frame from their timestamps
    "clock_offset",  # all timestamps are off the frames by the same time
    "no_timestamp",  # a text without a timestamp
    "no_text",  # a timestamp without a text
    "no_session_end",  # the last transition announces an exercise
]


@dataclass(frozen=True, slots=True)
class SourceIssue:
    """One defect of a record that is still used."""

    kind: SourceIssueKind
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One workout video with its feedback.

    Attributes
    ----------
    unit_id : str
        Unique over both splits: the video id, with the split in front ("test-0007") where
        both splits have that id.
    video_id : str
        Name of the video file without suffix.
    split : str
        "train" or "test".
    video_file, timestamps_file : Path
        Absolute; either may be absent.
    feedbacks : tuple of str
        One text a frame, empty for silence.
    feedback_timestamps : tuple of float
        Start times in seconds, as in the source.
    is_transition : tuple of bool
        One flag a feedback timestamp.
    times_s : ndarray [N] or None
        Frame times in seconds on the clock of `feedback_timestamps`; None when not known.
    issues : tuple of SourceIssue
        Its defects, and how each was handled.
    index : int
        Its place in the JSON file.
    digest : str
        Sha256 of its JSON.
    times_sha256 : str or None
        Of the bytes that `times_s` was read from; None where they cannot be read.
    """

    unit_id: str
    video_id: str
    split: str
    video_file: Path
    timestamps_file: Path
    feedbacks: tuple[str, ...]
    feedback_timestamps: tuple[float, ...]
    is_transition: tuple[bool, ...]
    times_s: FloatArray | None
    issues: tuple[SourceIssue, ...]
    index: int
    digest: str
    times_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that cannot be used, with the reason."""

    split: str
    index: int
    video_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class LoadedRecords:
    """All records below a data root.

    Attributes
    ----------
    records : tuple of Record
        Train before test, in file order.
    rejected : tuple of RejectedRecord
        Those left out, in the same order.
    """

    records: tuple[Record, ...]
    rejected: tuple[RejectedRecord, ...]
