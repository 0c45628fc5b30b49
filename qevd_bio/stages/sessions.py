"""The sessions of a data root: each record with its utterances, segments and rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.exercises.names import match_name, normal_name, rule_for
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.salience import MOST_JOINTS, Salience, salience_of_rule
from qevd_bio.files.digest import sha256_json
from qevd_bio.qevd.load import load_records
from qevd_bio.qevd.record import LoadedRecords, Record
from qevd_bio.qevd.salient_joints import load_salient_joints
from qevd_bio.qevd.segments import Segment, segments
from qevd_bio.qevd.utterances import Utterance, utterances


@dataclass(frozen=True, slots=True)
class Session:
    """One video with everything the annotation file holds about it.

    Attributes
    ----------
    record : Record
        The source record.
    utterances : tuple of Utterance
        In frame order.
    segments : tuple of Segment
        The exercises.
    rules : mapping of int to Rule
        By segment index; a segment without a rule for its exercise is absent.
    salience : mapping of int to Salience
        By segment index: the joints an annotation names, else those of the rule; absent where
        there is neither.
    """

    record: Record
    utterances: tuple[Utterance, ...]
    segments: tuple[Segment, ...]
    rules: Mapping[int, Rule]
    salience: Mapping[int, Salience]

    def segment_of(self, utterance: Utterance) -> Segment | None:
        """Find the segment of an utterance; None for transitions and outside of any."""
        own = (one for one in self.segments if utterance.index in one.utterance_indices)
        return next(own, None)

    def segments_digest(self) -> str:
        """Digest what analysis depends on in the segments."""
        return sha256_json(
            [[s.index, s.exercise_text, s.frame_start, s.frame_end] for s in self.segments]
        )

    def rule_digests(self) -> dict[str, str]:
        """Digest the rules of the exercises, and the references they were given, by name."""
        given = {f"reference:{rule.id}": rule.given.digest
                 for rule in self.rules.values() if rule.given is not None}  # fmt: skip
        return {f"rule:{rule.id}": rule.digest for rule in self.rules.values()} | given

    def salience_digest(self) -> str:
        """Digest the salient joints and where they come from."""
        return sha256_json(
            [[index, list(one.joints), one.source] for index, one in sorted(self.salience.items())]
        )


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

    def without_rule(self, videos: Iterable[str]) -> dict[str, int]:
        """Count the segments in these videos of each exercise that no rule describes.

        By name as it was first spoken, the most frequent first; names that differ only in case,
        punctuation or a plural s count as one.
        """
        spoken = [
            segment.exercise_text
            for video in videos
            for segment in self.by_id[video].segments
            if segment.index not in self.by_id[video].rules
        ]
        first: dict[str, str] = {}
        counts = Counter(first.setdefault(normal_name(name), name) for name in spoken)
        return dict(counts.most_common())

    def taken_names(self, videos: Iterable[str]) -> dict[str, str]:
        """Map what was said in these videos to the title of the exercise that it was taken for.

        Only where it is no name of that exercise and its spelling is near one.
        """
        return {
            said: title for video in videos for said, title in _put_near(self.by_id[video]).items()
        }


def _put_near(session: Session) -> dict[str, str]:
    """Name the exercise that each name of a session was taken for without being one of its own."""
    return {
        segment.exercise_text: session.rules[segment.index].title
        for segment in session.segments
        if segment.index in session.rules
        and rule_for(segment.exercise_text, {"": session.rules[segment.index]}) is None
    }


def load_sessions(
    data_root: Path, rules: Mapping[str, Rule], salient_joints: Path | None = None
) -> Sessions:
    """Read the sessions of QEVD's folder, with an annotation of salient joints if there is one.

    `DataError` where the folder or an annotation file cannot be used.
    """
    loaded = load_records(data_root)
    by_id = {record.unit_id: session_of(record, rules) for record in loaded.records}
    if salient_joints is not None:
        counts = {unit: len(session.segments) for unit, session in by_id.items()}
        for unit, named in load_salient_joints(salient_joints, counts).items():
            chosen = {
                index: Salience(joints[:MOST_JOINTS], "annotation")
                for index, joints in named.items()
            }
            session = by_id[unit]
            by_id[unit] = replace(session, salience={**session.salience, **chosen})
    return Sessions(by_id, loaded)


def chosen_videos(sessions: Sessions, videos: tuple[str, ...]) -> tuple[str, ...]:
    """Pick videos by id, all if none is named; `UsageError` for one that is in no record."""
    for video in videos:
        if video not in sessions.by_id:
            raise UsageError(
                "no record has this video id",
                where=video,
                next_step=f"Known ids: {', '.join(list(sessions.by_id)[:12])}",
            )
    return videos or tuple(sessions.by_id)


def session_of(record: Record, rules: Mapping[str, Rule]) -> Session:
    """Find the utterances and segments of a record, and the rules of its exercises."""
    found = segments(record)
    named = {segment.index: match_name(segment.exercise_text, rules) for segment in found}
    known = {index: match.rule for index, match in named.items() if match is not None}
    return Session(
        record=record,
        utterances=utterances(record),
        segments=found,
        rules=known,
        salience={index: salience_of_rule(rule) for index, rule in known.items()},
    )
