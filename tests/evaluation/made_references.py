"""Exercises with true sentences, made up."""

from __future__ import annotations

from collections.abc import Sequence

from qevd_bio.evaluation.pairs import SegmentKey, TrueSegment, Utterance
from qevd_bio.evaluation.references import Reference


def spoken(*said: tuple[float, str]) -> tuple[Utterance, ...]:
    return tuple(Utterance(time_s, text) for time_s, text in said)


def reference(
    said: Sequence[tuple[float, str]], *, text: str = "squats", length_s: float = 30.0
) -> Reference:
    return Reference(text, 100.0, 100.0 + length_s, TrueSegment("squat", spoken(*said)))


def sessions(
    count: int, *said: tuple[float, str], text: str = "squats"
) -> dict[SegmentKey, Reference]:
    """Sessions of one exercise with the same sentences, each shifted by a tenth of a second."""
    return {
        SegmentKey(f"{number:04d}", 0): reference(
            [(time_s + 0.1 * number, words) for time_s, words in said], text=text
        )
        for number in range(count)
    }
