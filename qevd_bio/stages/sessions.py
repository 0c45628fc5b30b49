"""The sessions of a data root: each record with its utterances, segments and rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.exercises.names import rule_for
from qevd_bio.exercises.rule import Rule
from qevd_bio.qevd.records import LoadedRecords, Record, load_records
from qevd_bio.qevd.segments import Segment, segments
from qevd_bio.qevd.utterances import Utterance, utterances


@dataclass(frozen=True, slots=True)
class Session:
    """One video with everything the annotation file says of it.

    Attributes
    ----------
    record : Record
        The source record.
    utterances : tuple of Utterance
        In frame order.
    segments : tuple of Segment
        The exercises.
    rules : mapping of int to Rule
        By segment index; a segment whose exercise has no rule is absent.
    """

    record: Record
    utterances: tuple[Utterance, ...]
    segments: tuple[Segment, ...]
    rules: Mapping[int, Rule]

    def segment_of(self, utterance: Utterance) -> Segment | None:
        """Find the segment an utterance is said in; None for transitions and outside of any."""
        for segment in self.segments:
            if utterance.index in segment.utterance_indices:
                return segment
        return None


@dataclass(frozen=True, slots=True)
class Sessions:
    """All sessions below a data root.

    Attributes
    ----------
    by_id : mapping of str to Session
        By unit id, train before test, in file order.
    loaded : LoadedRecords
        The records as read, with those rejected.
    """

    by_id: Mapping[str, Session]
    loaded: LoadedRecords

    @property
    def rules(self) -> dict[str, Rule]:
        """Rules that some session uses, by id."""
        return {
            rule.id: rule for session in self.by_id.values() for rule in session.rules.values()
        }


def load_sessions(data_root: Path, rules: Mapping[str, Rule]) -> Sessions:
    """Read the sessions of a data root.

    Parameters
    ----------
    data_root : Path
        QEVD's folder.
    rules : mapping of str to Rule
        The exercise rules.

    Returns
    -------
    Sessions

    Raises
    ------
    DataError
        The folder or an annotation file cannot be used.
    """
    loaded = load_records(data_root)
    return Sessions({r.unit_id: _session(r, rules) for r in loaded.records}, loaded)


def chosen_videos(sessions: Sessions, videos: tuple[str, ...]) -> tuple[str, ...]:
    """Pick videos by id; none named means all.

    Raises
    ------
    UsageError
        A named video is in no record.
    """
    for video in videos:
        if video not in sessions.by_id:
            raise UsageError(
                "no record has this video id",
                where=video,
                next_step=f"Known ids: {', '.join(list(sessions.by_id)[:12])}",
            )
    return videos or tuple(sessions.by_id)


def _session(record: Record, rules: Mapping[str, Rule]) -> Session:
    found = segments(record)
    named = {segment.index: rule_for(segment.exercise_text, rules) for segment in found}
    return Session(
        record=record,
        utterances=utterances(record),
        segments=found,
        rules={index: rule for index, rule in named.items() if rule is not None},
    )
