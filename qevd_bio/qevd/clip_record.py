"""A plain clip as a session of QEVD: announcements around its exercises, sentences in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.errors import DataError

END_OF_SESSION = "That's it for today!"
PAUSE = "Take a break!"
_PAUSE_S = 0.5
"""Exercises this close follow each other without a pause."""


@dataclass(frozen=True, slots=True)
class ClipExercise:
    """An exercise of a clip, seconds from its first frame; None: from its start, to its end."""

    name: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class ClipSentence:
    """A sentence said in a clip, seconds from its first frame; None: as long as speaking takes."""

    text: str
    start_s: float
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A video file, what is done in it and what is said.

    Attributes
    ----------
    file : Path
        The video.
    exercises : tuple of ClipExercise
        In the order of time.
    sentences : tuple of ClipSentence
        In any order; each begins while an exercise is done.
    where : str
        Where the user wrote this, for errors.
    """

    file: Path
    exercises: tuple[ClipExercise, ...]
    sentences: tuple[ClipSentence, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """Frames of an utterance: where it should begin, where it should end if known."""

    text: str
    frame: int
    end: int | None
    is_transition: bool


@dataclass(frozen=True, slots=True)
class ClipTexts:
    """What a record of QEVD holds for a clip.

    Attributes
    ----------
    feedbacks : list of str
        One text a frame, empty for silence.
    starts : list of int
        First frame of each utterance.
    is_transition : list of bool
        One flag an utterance.
    """

    feedbacks: list[str]
    starts: list[int]
    is_transition: list[bool]


def clip_texts(clip: Clip, since_s: FloatArray) -> ClipTexts:
    """Write down what is done and said in a clip as a record of QEVD has it.

    Parameters
    ----------
    clip : Clip
        What is done and said.
    since_s : ndarray (T,)
        Times of its frames, seconds from the first.

    Raises
    ------
    DataError
        Exercises overlap or lie outside the clip, a sentence is said outside of them, or there
        are too few frames to tell all utterances apart.

    Notes
    -----
    An exercise begins with the first frame of its announcement and ends in the middle of the next
    one, as in QEVD. Where the next begins later, a pause is announced, which has no rule. An
    utterance that would begin with another begins a frame later. The last one ends before the
    last frame, so that its end is known.
    """
    borders = _borders(clip, since_s)
    said = sorted(
        [*_announcements(clip, borders), *_sentences(clip, borders, since_s)],
        key=lambda one: (one.frame, not one.is_transition),
    )
    starts = [said[0].frame]
    gaps = [2 if one.text == other.text else 1 for one, other in pairwise(said)]
    for one, gap in zip(said[1:], gaps, strict=True):
        starts.append(max(one.frame, starts[-1] + gap))
    last = len(since_s) - 1
    if starts[-1] >= last:
        raise _bad(clip, f"has too few frames ({len(since_s)}) for {len(said)} utterances")
    limits = [start - gap + 1 for start, gap in zip(starts[1:], gaps, strict=True)] + [last]
    feedbacks = [""] * len(since_s)
    for one, start, limit in zip(said, starts, limits, strict=True):
        end = one.end or int(np.searchsorted(since_s, since_s[start] + _spoken_s(one.text)))
        end = min(max(end, start + 1), limit)
        feedbacks[start:end] = [one.text] * (end - start)
    return ClipTexts(feedbacks, starts, [one.is_transition for one in said])


def _borders(clip: Clip, since_s: FloatArray) -> list[tuple[int, int]]:
    """First frame of each exercise and the frame after it."""
    length_s = float(since_s[-1])
    times = [
        (one.start_s or 0.0, length_s if one.end_s is None else one.end_s)
        for one in clip.exercises
    ]
    for one, (start_s, end_s) in zip(clip.exercises, times, strict=True):
        if not 0.0 <= start_s < end_s or start_s >= length_s:
            raise _bad(clip, f"{one.name} from {start_s:g} s to {end_s:g} s is no part of it: it "
                             f"lasts {length_s:.2f} s")  # fmt: skip
    for (_, end_s), (start_s, _) in pairwise(times):
        if start_s < end_s:
            raise _bad(clip, f"one exercise ends at {end_s:g} s, the next begins at {start_s:g} s")
    frames = _frames(since_s, [border for pair in times for border in pair])
    return [(int(a), int(b)) for a, b in frames.reshape(-1, 2)]


def _announcements(clip: Clip, borders: Sequence[tuple[int, int]]) -> list[_Said]:
    said = []
    for nth, (one, (start, _)) in enumerate(zip(clip.exercises, borders, strict=True)):
        opening = "Moving on to" if nth else "First up are"
        said.append(_Said(f"{opening} {one.name}!", start, None, True))
    for nth, ((_, end), (start, _)) in enumerate(pairwise(borders)):
        gap_s = (clip.exercises[nth + 1].start_s or 0.0) - (clip.exercises[nth].end_s or 0.0)
        if gap_s > _PAUSE_S and end < start:
            said.append(_Said(PAUSE, end, None, True))
    said.append(_Said(END_OF_SESSION, borders[-1][1], None, True))
    return said


def _sentences(clip: Clip, borders: Sequence[tuple[int, int]], since_s: FloatArray) -> list[_Said]:
    said = []
    for one in clip.sentences:
        start = int(_frames(since_s, [one.start_s])[0])
        if one.start_s < 0.0 or not any(a <= start < b for a, b in borders):
            raise _bad(clip, f"{one.text[:60]!r} at {one.start_s:g} s is said while no exercise "
                             "is done")  # fmt: skip
        if one.end_s is not None and one.end_s <= one.start_s:
            raise _bad(clip, f"{one.text[:60]!r} ends at {one.end_s:g} s, before it begins")
        end = None if one.end_s is None else int(_frames(since_s, [one.end_s])[0])
        said.append(_Said(one.text, start, end, False))
    return said


def _frames(since_s: FloatArray, at_s: Sequence[float]) -> IntArray:
    """First frames that are not before these times; the last three frames are kept free."""
    found = np.searchsorted(since_s, np.asarray(at_s) - 1e-6)
    return np.minimum(found, max(len(since_s) - 3, 0)).astype(np.int64)


def _spoken_s(text: str) -> float:
    """Seconds that a sentence takes, at the pace of the demo's trainers."""
    return 0.6 + 0.035 * len(text)


def _bad(clip: Clip, cause: str) -> DataError:
    return DataError(cause, where=clip.where or str(clip.file), next_step="Correct the times")
