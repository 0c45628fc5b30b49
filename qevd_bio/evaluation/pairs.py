"""Pairs of a true and a predicted sentence, from predictions and the sentences of a release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from qevd_bio.errors import DataError
from qevd_bio.evaluation.time_matching import matched_by_time
from qevd_bio.released.loading import videos_of

PairKind = Literal["matched", "missed", "extra"]


class Utterance(NamedTuple):
    """A text and its time in seconds of the source's clock."""

    time_s: float
    text: str


class SegmentKey(NamedTuple):
    """One exercise of a session."""

    video_id: str
    segment_index: int


@dataclass(frozen=True, slots=True)
class Pair:
    """What should have been said and what was said at one moment.

    Attributes
    ----------
    key : str
        Unique among the pairs of one file, and the same for every file with these predictions.
    session : str
        Video; empty where the file names none.
    exercise : str or None
        Id of the rule.
    kind : str
        ``matched``; ``missed``: nothing was said; ``extra``: nothing was to be said.
    true, predicted : str
        The sentences; empty where there is none.
    """

    key: str
    session: str
    exercise: str | None
    kind: PairKind
    true: str
    predicted: str


@dataclass(frozen=True, slots=True)
class TrueSegment:
    """The utterances of one exercise, without the one that announces it."""

    exercise: str | None
    utterances: tuple[Utterance, ...]


def true_segments(release: Path, split: str) -> dict[SegmentKey, TrueSegment]:
    """Read the sentences of a split; errors of `qevd_bio.released.loading.videos_of`.

    Utterances without a time, and those that announce an exercise or the end, are left out.
    """
    columns = ("segment_index", "exercise", "timestamp_s", "is_transition", "feedback")
    found: dict[SegmentKey, tuple[str | None, list[Utterance]]] = {}
    for video_id, table in videos_of(split, release, columns=columns):
        for row in table.to_pylist():
            if row["segment_index"] is None:
                continue
            key = SegmentKey(video_id, row["segment_index"])
            utterances = found.setdefault(key, (row["exercise"], []))[1]
            if not row["is_transition"] and row["timestamp_s"] is not None and row["feedback"]:
                utterances.append(Utterance(row["timestamp_s"], row["feedback"]))
    return {key: TrueSegment(one[0], tuple(one[1])) for key, one in found.items() if one[1]}


def matched_pairs(
    predicted: Mapping[SegmentKey, Sequence[Utterance]],
    true: Mapping[SegmentKey, TrueSegment],
    *,
    where: str,
) -> list[Pair]:
    """Match predictions to the true utterances of their segment by time.

    A true segment that nothing was predicted for is silence: all its utterances are missed.

    Raises
    ------
    DataError
        A segment is predicted that the truth does not have.
    """
    unknown = sorted(set(predicted) - set(true))
    if unknown:
        raise DataError(
            f"predicts {len(unknown)} segments that the truth does not have, such as segment "
            f"{unknown[0].segment_index} of {unknown[0].video_id}",
            where=where,
            next_step="Name the release and split that were predicted by --truth and --split",
        )
    pairs: list[Pair] = []
    for key, segment in sorted(true.items()):
        pairs += _of_segment(key, segment, predicted.get(key, ()))
    return pairs


def _of_segment(
    key: SegmentKey, segment: TrueSegment, predicted: Sequence[Utterance]
) -> Iterable[Pair]:
    found = dict(
        matched_by_time(
            np.array([one.time_s for one in segment.utterances]),
            np.array([one.time_s for one in predicted]),
            [one.text for one in predicted],
        )
    )
    name = f"{key.video_id}_{key.segment_index}"
    for index, utterance in enumerate(segment.utterances):
        answer = predicted[found[index]].text if index in found else ""
        kind: PairKind = "matched" if index in found else "missed"
        place = f"{name}:{index}"
        yield Pair(place, key.video_id, segment.exercise, kind, utterance.text, answer)
    for index, utterance in enumerate(predicted):
        if utterance.text and index not in found.values():
            place = f"{name}:extra{index}"
            yield Pair(place, key.video_id, segment.exercise, "extra", "", utterance.text)
