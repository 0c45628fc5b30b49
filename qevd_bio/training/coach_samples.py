"""Samples of a coach: the exercises of a release with their features and motion contexts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from qevd_bio.choices import Sentences
from qevd_bio.errors import UsageError
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.feedback.replaced_numbers import replaced_numbers, told_again
from qevd_bio.files.digest import sha256_file
from qevd_bio.model.coach_tokenizer import CoachTokenizer
from qevd_bio.model.layout import Example, LayoutConfig, lay_out
from qevd_bio.model.released_exercises import features_of_one_network, released_exercises
from qevd_bio.model.segment import CoachingSegment, MotionContexts, VisualFeatures
from qevd_bio.released.contents import MANIFEST_FILE
from qevd_bio.tables.features import network_identity
from qevd_bio.training.with_features import with_features


@dataclass(frozen=True, slots=True)
class CoachData:
    """Exercises with what a coach sees and what it is to say.

    Attributes
    ----------
    trained_on, held_out : sequence of CoachingSegment
        Of the splits ``train`` and ``test``, those with a feedback.
    contexts : mapping of (str, int) to MotionContexts, or None
        By video and exercise in it; None trains without motion contexts.
    features_of : callable
        Reads the features of a video.
    network : str
        Identity of the network that made them.
    release : str
        Version of the release.
    digest : str
        Of the release's manifest.
    left_out : tuple of str
        Videos of the release without features: nothing is learned from them.
    """

    trained_on: Sequence[CoachingSegment]
    held_out: Sequence[CoachingSegment]
    contexts: Mapping[tuple[str, int], MotionContexts] | None
    features_of: Callable[[str], VisualFeatures]
    network: str
    release: str
    digest: str
    left_out: tuple[str, ...] = ()


class CoachSamples(Dataset[Example]):
    """Exercises laid out as sequences, each read when it is asked for.

    Parameters
    ----------
    segments : sequence of CoachingSegment
        The exercises.
    data : CoachData
        Their features and contexts.
    tokenizer : CoachTokenizer
        Of the coach.
    layout : LayoutConfig
        How sequences are laid out.
    copies : int
        So many times each exercise comes again with other numbers in its contexts and in what
        is said about them, so that they must be read. Without contexts it comes again as it is.
    seed : int
        Of these numbers.
    """

    def __init__(
        self,
        segments: Sequence[CoachingSegment],
        data: CoachData,
        tokenizer: CoachTokenizer,
        layout: LayoutConfig,
        *,
        copies: int = 0,
        seed: int = 0,
    ) -> None:
        self.segments = segments
        self._data, self._tokenizer, self._layout = data, tokenizer, layout
        self._copies, self._seed = copies, seed

    def __len__(self) -> int:
        """Count the exercises with their copies."""
        return len(self.segments) * (1 + self._copies)

    def __getitem__(self, index: int) -> Example:
        """Lay an exercise out; errors of `lay_out`."""
        copy, place = divmod(index, len(self.segments))
        segment, contexts = self.segments[place], self._contexts_of(self.segments[place])
        if copy and contexts is not None:
            rng = np.random.default_rng([self._seed, copy, place])
            segment, contexts = with_other_numbers(segment, contexts, rng)
        features = self._data.features_of(segment.video_id)
        return lay_out(segment, features, contexts, self._tokenizer, self._layout)

    def _contexts_of(self, segment: CoachingSegment) -> MotionContexts | None:
        contexts = self._data.contexts
        return None if contexts is None else contexts[segment.video_id, segment.segment_index]

    def longest(self) -> int:
        """Find the exercise that lasts longest."""
        lasts_s = [one.end_s - one.start_s for one in self.segments]
        return lasts_s.index(max(lasts_s))


def with_other_numbers(
    segment: CoachingSegment, contexts: MotionContexts, rng: np.random.Generator
) -> tuple[CoachingSegment, MotionContexts]:
    """Replace the numbers of an exercise's contexts, and the same ones in its feedback."""
    known: dict[str, str] = {}
    rows = [replace(row, text=replaced_numbers(row.text, rng, known)) for row in contexts.rows]
    said = [replace(one, text=told_again(one.text, known)) for one in segment.feedbacks]
    return replace(segment, feedbacks=tuple(said)), replace(contexts, rows=tuple(rows))


def released_coach_data(
    release: Path,
    features_of: Callable[[str], VideoFeatures],
    *,
    has_features: Callable[[str], bool] = lambda _video: True,
    sentences: Sentences = "new",
    motion_context: bool = True,
) -> CoachData:
    """Read the exercises of a release.

    Parameters
    ----------
    release : Path
        Folder of a release.
    features_of : callable
        Reads the features of a video.
    has_features : callable
        Tells whether a video has any; those without are left out, see `with_features`.
    sentences : str
        ``new``: the sentences of the release. ``original``: those of the trainer.
    motion_context : bool
        Whether the coach is given motion contexts.

    Raises
    ------
    UsageError
        The release has no exercise with feedback, or no contexts where they are asked for.
    DataError
        A file cannot be used, or no video has features.
    """
    found = released_exercises(release, sentences=sentences, motion_context=motion_context)
    in_release = found.segments.get("train", [])
    if not in_release:
        raise UsageError(
            "has no exercise with feedback in the split train",
            where=str(release),
            next_step="Give a release with videos of QEVD-FIT-COACH",
        )
    train, lacking = with_features(in_release, has_features)
    held_out, lacking_held_out = with_features(found.segments.get("test", []), has_features)
    network = network_identity(features_of(train[0].video_id).about)
    return CoachData(
        trained_on=train,
        held_out=held_out,
        contexts=found.contexts,
        features_of=features_of_one_network(features_of, network),
        network=network,
        release=found.release,
        digest=sha256_file(release / MANIFEST_FILE),
        left_out=(*lacking, *lacking_held_out),
    )
