"""Moments of a segment that show how an exercise is done: around what the trainer said.

U utterances
"""

from __future__ import annotations

from collections.abc import Sequence

OFFSETS_S = (-0.5, -2.0, 1.0)
"""A trainer speaks of what was just seen; then of the repetition before; then what came of it."""

LEAST_GAP_S = 0.25
"""Moments nearer to each other show the same."""


def moments_s(
    start_s: float, end_s: float, spoken_s: Sequence[float], count: int
) -> tuple[float, ...]:
    """Choose moments of a segment.

    Parameters
    ----------
    start_s, end_s : float
        The segment.
    spoken_s : sequence of float (U,)
        When utterances begin.
    count : int
        Most moments.

    Returns
    -------
    tuple of float
        In order, inside the segment, `LEAST_GAP_S` apart. First one just before each utterance,
        evenly chosen among the utterances where there are too many; then the other `OFFSETS_S`;
        what is left is spread over the segment.
    """
    chosen: list[float] = []
    for offset in OFFSETS_S:
        wished = (one + offset for one in spoken_s)
        _take(chosen, [one for one in wished if start_s <= one <= end_s], count)
    spread = [start_s + (end_s - start_s) * (i + 0.5) / count for i in range(count)]
    _take(chosen, spread, count)
    return tuple(sorted(chosen))


def _take(chosen: list[float], wished: Sequence[float], count: int) -> None:
    """Add wished moments that are new, evenly chosen where they are too many."""
    new: list[float] = []
    for one in wished:
        if all(abs(one - other) >= LEAST_GAP_S for other in (*chosen, *new)):
            new.append(one)
    room = min(count - len(chosen), len(new))
    chosen += [new[int((i + 0.5) * len(new) / room)] for i in range(room)]
