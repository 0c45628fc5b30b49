"""Copying is not understanding: contexts with replaced numbers, and pictures that contradict.

The numbers of C_motion's violations are replaced; a coach that reads them states the new ones.
Then each exercise is asked with the frames of another one: a coach that trusts the context says
what the context says, one that trusts the picture says what the other exercise's context says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from qevd_bio.errors import UsageError
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.feedback.replaced_numbers import numbers, replaced_numbers
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.generate import Asked, Generated, GenerationConfig, generate_together
from qevd_bio.model.released_exercises import features_of_one_network, released_exercises
from qevd_bio.model.segment import (
    CoachingSegment,
    Feedback,
    MotionContexts,
    VisualFeatures,
)
from qevd_bio.tables.features import network_identity


@dataclass(frozen=True, slots=True)
class Followed:
    """Sentences that state numbers, by where the numbers stand.

    Attributes
    ----------
    stated : int
        Sentences with a number that is no target.
    new, old, neither : int
        All of a sentence's numbers stand in the context it was told; not all, but in the context
        before its numbers were replaced; neither.
    """

    stated: int
    new: int
    old: int
    neither: int

    @property
    def share(self) -> float | None:
        """Share that follows the context; None where no number was stated."""
        return self.new / self.stated if self.stated else None


@dataclass(frozen=True, slots=True)
class Trusted:
    """Sentences about an exercise whose frames are another one's.

    Attributes
    ----------
    stated : int
        Sentences with a number.
    context, picture, neither : int
        The sentence's numbers stand in the context that was told; only in the context of the
        exercise that the frames show; in none of them.
    """

    stated: int
    context: int
    picture: int
    neither: int


@dataclass(frozen=True, slots=True)
class CounterfactualReport:
    """What a coach does with contexts that do not fit: `before` is with the true ones."""

    before: Followed
    replaced: Followed
    contradicted: Trusted

    def as_json(self) -> dict[str, JsonValue]:
        """Spell everything out."""
        return {
            "before": {**asdict(self.before), "share": self.before.share},
            "replaced": {**asdict(self.replaced), "share": self.replaced.share},
            "contradicted": asdict(self.contradicted),
        }


def counterfactual(
    coach: Coach,
    release_exercises: Sequence[Asked],
    config: GenerationConfig,
    *,
    seed: int = 0,
    batch: int = 8,
) -> CounterfactualReport:
    """Ask a coach with its true contexts, with replaced numbers, and with others' frames.

    Parameters
    ----------
    coach : Coach
        Trained with motion contexts.
    release_exercises : sequence of Asked
        Of `exercises_of`, at least two.
    config : GenerationConfig
        How it speaks.
    seed : int
        Of the replaced numbers.
    batch : int
        Exercises decoded together.
    """
    rng = np.random.default_rng(seed)
    told = [_rewritten(one, rng) for one in release_exercises]
    others = [_with_frames_of(one, other) for one, other in _paired(release_exercises)]
    said = _said(coach, release_exercises, config, batch)
    followed = _said(coach, told, config, batch)
    against = _said(coach, [one for one, _ in others], config, batch)
    return CounterfactualReport(
        _followed(release_exercises, release_exercises, said),
        _followed(told, release_exercises, followed),
        _trusted(others, against),
    )


def exercises_of(
    release: Path, features_of: Callable[[str], VideoFeatures], split: str
) -> list[Asked]:
    """Read the exercises of a split with features and contexts."""
    found = released_exercises(release)
    segments = found.segments.get(split, ())
    if len(segments) < 2:
        raise UsageError(
            f"holds {len(segments)} exercises with a sentence in the split {split}",
            where=str(release),
            next_step="Choose a split with two or more",
        )
    network = network_identity(features_of(segments[0].video_id).about)
    read = features_of_one_network(features_of, network)
    return [Asked(one, read(one.video_id), found.contexts_of(one)) for one in segments]


def _rewritten(one: Asked, rng: np.random.Generator) -> Asked:
    contexts = _contexts(one)
    known: dict[str, str] = {}
    rows = [replace(row, text=replaced_numbers(row.text, rng, known)) for row in contexts.rows]
    return replace(one, contexts=replace(contexts, rows=tuple(rows)))


def _paired(asked: Sequence[Asked]) -> list[tuple[Asked, Asked]]:
    """Pair each exercise with the next one of another name, if there is one."""
    pairs = []
    for place, one in enumerate(asked):
        turned = [*asked[place + 1 :], *asked[:place]]
        named = (other for other in turned if other.segment.exercise != one.segment.exercise)
        pairs.append((one, next(named, turned[0])))
    return pairs


def _with_frames_of(one: Asked, other: Asked) -> tuple[Asked, MotionContexts]:
    """Show another exercise's frames at the times of this one's, as many as both have."""
    maps, _ = other.features.between(other.segment.start_s, other.segment.end_s)
    _, times_s = one.features.between(one.segment.start_s, one.segment.end_s)
    count = min(len(maps), len(times_s))
    shape = (count, one.features.maps.shape[1], *one.features.maps.shape[2:])
    shown = maps[:count].transpose(0, 2, 1).reshape(shape)
    features = VisualFeatures(one.segment.video_id, shown, times_s[:count], one.features.network)
    return replace(one, features=features), _moved(_contexts(other), other.segment, one.segment)


def _moved(
    contexts: MotionContexts, own: CoachingSegment, other: CoachingSegment
) -> MotionContexts:
    """Move contexts to the times of another exercise."""
    later_s = other.start_s - own.start_s
    rows = [replace(row, time_s=row.time_s + later_s) for row in contexts.rows]
    return replace(contexts, rows=tuple(rows))


def _contexts(one: Asked) -> MotionContexts:
    if not isinstance(one.contexts, MotionContexts):
        raise UsageError(
            "was not given the motion contexts of an exercise",
            where="counterfactual contexts",
            next_step="Take a coach and a release with motion contexts",
        )
    return one.contexts


def _said(
    coach: Coach, asked: Sequence[Asked], config: GenerationConfig, batch: int
) -> list[Generated]:
    ordered = sorted(
        range(len(asked)), key=lambda row: asked[row].segment.end_s - asked[row].segment.start_s
    )
    found: dict[int, Generated] = {}
    for first in range(0, len(ordered), batch):
        rows = ordered[first : first + batch]
        said = generate_together(coach, [asked[row] for row in rows], config)
        found |= dict(zip(rows, said, strict=True))
    return [found[row] for row in range(len(asked))]


def _followed(
    told: Sequence[Asked], before: Sequence[Asked], said: Sequence[Generated]
) -> Followed:
    new = old = neither = 0
    for one, its, spoken in zip(told, before, said, strict=True):
        for feedback in spoken.feedbacks:
            stated = numbers(feedback.text)
            if not stated:
                continue
            if stated <= _known(_contexts(one), feedback):
                new += 1
            elif stated <= _known(_contexts(its), feedback):
                old += 1
            else:
                neither += 1
    return Followed(new + old + neither, new, old, neither)


def _trusted(asked: Sequence[tuple[Asked, MotionContexts]], said: Sequence[Generated]) -> Trusted:
    context = picture = neither = 0
    for (one, shown), spoken in zip(asked, said, strict=True):
        for feedback in spoken.feedbacks:
            stated = numbers(feedback.text)
            if not stated:
                continue
            if stated <= _known(_contexts(one), feedback):
                context += 1
            elif stated <= _known(shown, feedback):
                picture += 1
            else:
                neither += 1
    return Trusted(context + picture + neither, context, picture, neither)


def _known(contexts: MotionContexts, feedback: Feedback) -> frozenset[str]:
    row = contexts.latest(feedback.time_s)
    return frozenset() if row is None else numbers(row.text)
