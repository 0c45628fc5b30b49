"""What the trainer says in the exercises of a release, and when they begin and end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.choices import Sentences
from qevd_bio.errors import UsageError
from qevd_bio.evaluation.pairs import SegmentKey, TrueSegment, Utterance
from qevd_bio.model.released_segments import released_segments


@dataclass(frozen=True, slots=True)
class Reference:
    """One exercise with its true sentences; seconds on the clock of the source.

    Attributes
    ----------
    text : str
        The exercise as the trainer named it.
    start_s, end_s : float
        First and last moment.
    true : TrueSegment
        Its rule, and the sentences in order of time.
    """

    text: str
    start_s: float
    end_s: float
    true: TrueSegment


References = Mapping[SegmentKey, Reference]


def references(
    release: Path, sentences: Sentences = "new"
) -> dict[str, dict[SegmentKey, Reference]]:
    """Read the exercises of a release that hold a sentence with a time, by split.

    Parameters
    ----------
    release : Path
        Folder of a release.
    sentences : str
        ``new``: those of the release. ``original``: those of the trainer.

    Raises
    ------
    UsageError, DataError
        As `qevd_bio.released.loading.load_table`; or no exercise holds a sentence.
    """
    column = "feedback" if sentences == "new" else "feedback_original"
    found: dict[str, dict[SegmentKey, Reference]] = {}
    for one in released_segments(release):
        spoken = sorted(
            Utterance(row["timestamp_s"], row[column])
            for row in one.utterances
            if row["timestamp_s"] is not None and row[column]
        )
        if spoken:
            true = TrueSegment(one.exercise, tuple(spoken))
            reference = Reference(one.exercise_text, one.start_s, one.end_s, true)
            found.setdefault(one.split, {})[SegmentKey(one.video_id, one.index)] = reference
    if not found:
        raise UsageError(
            "holds no sentence with a time",
            where=str(release),
            next_step="Give a release with videos of QEVD-FIT-COACH",
        )
    return found
