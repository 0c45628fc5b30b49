"""The exercises of a release as a coach is trained on them and asked for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from qevd_bio.choices import Sentences
from qevd_bio.errors import DataError, UsageError
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.feedback.morphology import morphology_context
from qevd_bio.model.released_segments import ReleasedSegment, released_segments
from qevd_bio.model.segment import (
    CoachingSegment,
    ContextRow,
    Feedback,
    MotionContexts,
    VisualFeatures,
)
from qevd_bio.released.loading import videos_of
from qevd_bio.released.manifest import read_manifest
from qevd_bio.tables.features import network_identity

CONTEXTS = "contexts"


@dataclass(frozen=True, slots=True)
class ReleasedExercises:
    """The exercises of a release that hold a feedback with a time.

    Attributes
    ----------
    segments : mapping of str to sequence of CoachingSegment
        By split.
    contexts : mapping of (str, int) to MotionContexts, or None
        By video and exercise in it; None where they were not asked for.
    release : str
        Version of the release.
    """

    segments: Mapping[str, Sequence[CoachingSegment]]
    contexts: Mapping[tuple[str, int], MotionContexts] | None
    release: str

    def contexts_of(self, segment: CoachingSegment) -> MotionContexts | None:
        """Return the contexts of one exercise; None where there are none for all."""
        if self.contexts is None:
            return None
        return self.contexts[segment.video_id, segment.segment_index]


def released_exercises(
    release: Path, *, sentences: Sentences = "new", motion_context: bool = True
) -> ReleasedExercises:
    """Read the exercises of a release.

    Parameters
    ----------
    release : Path
        Folder of a release.
    sentences : str
        ``new``: the sentences of the release. ``original``: those of the trainer.
    motion_context : bool
        Whether the motion contexts are read.

    Raises
    ------
    UsageError
        The release has no contexts where they are asked for.
    DataError
        A file cannot be used, or an exercise has no contexts.
    """
    manifest = read_manifest(release)
    version = str(manifest["version"])
    if motion_context and CONTEXTS not in manifest["configs"]:
        raise UsageError(
            f"has no table {CONTEXTS}",
            where=str(release),
            next_step="Publish it with this version, or give --set motion_context=false",
        )
    segments: dict[str, list[CoachingSegment]] = {}
    for one in released_segments(release):
        feedbacks = _feedbacks(one, sentences)
        if feedbacks:
            segments.setdefault(one.split, []).append(_coaching(one, feedbacks, version))
    contexts = _contexts(release, version) if motion_context else None
    if contexts is not None:
        _check_contexts([one for of_split in segments.values() for one in of_split], contexts)
    return ReleasedExercises(segments, contexts, version)


def features_of_one_network(
    features_of: Callable[[str], VideoFeatures], network: str
) -> Callable[[str], VisualFeatures]:
    """Read features of videos and refuse (`DataError`) those of another network."""

    def read(video: str) -> VisualFeatures:
        found = features_of(video)
        own = network_identity(found.about)
        if own != network:
            raise DataError(
                f"the features are of the network {own}, those of other videos of {network}",
                where=f"video {video}",
                next_step="Run the stage features again, with one network for all videos",
            )
        return VisualFeatures(video, found.values, found.time_s, own)

    return read


def _coaching(
    one: ReleasedSegment, feedbacks: tuple[Feedback, ...], version: str
) -> CoachingSegment:
    # The body holds for the whole video; a warning is of the moment of one utterance.
    warning = morphology_context({}, low_confidence=True)
    bodies = (row["morphology_context"].removeprefix(warning) for row in one.utterances)
    return CoachingSegment(
        video_id=one.video_id,
        release=version,
        exercise=one.exercise_text,
        start_s=one.start_s,
        end_s=one.end_s,
        feedbacks=feedbacks,
        morphology=next(filter(None, bodies), "").strip(),
        segment_index=one.index,
    )


def _feedbacks(one: ReleasedSegment, sentences: Sentences) -> tuple[Feedback, ...]:
    """List what the trainer says, in order of time; utterances without a time are left out."""
    name = "feedback" if sentences == "new" else "feedback_original"
    timed = [row for row in one.utterances if row["timestamp_s"] is not None]
    timed.sort(key=lambda row: row["timestamp_s"])
    return tuple(Feedback(row["timestamp_s"], row[name]) for row in timed)


def _contexts(release: Path, version: str) -> dict[tuple[str, int], MotionContexts]:
    """Read the contexts of each exercise; rows of two in a row overlap in time."""
    found: dict[tuple[str, int], MotionContexts] = {}
    wanted = ("time_s", "motion_context", "cycle_count", "segment_index")
    for split in read_manifest(release)["splits"]:
        for video, table in videos_of(split, release, CONTEXTS, wanted):
            rows = sorted(table.to_pylist(), key=itemgetter("segment_index", "time_s"))
            for index, own in groupby(rows, key=itemgetter("segment_index")):
                known = tuple(
                    ContextRow(row["time_s"], row["motion_context"], row["cycle_count"])
                    for row in own
                )
                found[video, index] = MotionContexts(video, version, known, index)
    return found


def _check_contexts(
    segments: Sequence[CoachingSegment], contexts: Mapping[tuple[str, int], MotionContexts]
) -> None:
    for one in segments:
        if (one.video_id, one.segment_index) not in contexts:
            raise DataError(
                f"has no motion contexts of exercise {one.segment_index}",
                where=f"video {one.video_id}",
                next_step="Publish the release again, or give --set motion_context=false",
            )
