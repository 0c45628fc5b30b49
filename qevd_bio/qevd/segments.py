"""Segments: the exercises of a session."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from qevd_bio.qevd.record import Record
from qevd_bio.qevd.texts import announces_exercise, exercise_text
from qevd_bio.qevd.utterances import Utterance, reconcile


@dataclass(frozen=True, slots=True)
class Segment:
    """One exercise of a session.

    Attributes
    ----------
    index : int
        Place among the segments of the record.
    exercise_text : str
        The exercise as announced.
    frame_start, frame_end : int
        From the first frame of the announcement to the middle of the next one; the end is
        exclusive. Neighbouring segments share half an announcement.
    start_s, end_s : float or None
        Times of the first and the last frame, shifted seconds; None where frame times are
        not known.
    utterance_indices : tuple of int
        The utterances strictly between the two announcements.
    """

    index: int
    exercise_text: str
    frame_start: int
    frame_end: int
    start_s: float | None
    end_s: float | None
    utterance_indices: tuple[int, ...]


def segments(record: Record) -> tuple[Segment, ...]:
    """Divide a session into its exercises.

    Parameters
    ----------
    record : Record
        With or without frame times.

    Returns
    -------
    tuple of Segment
        In frame order, those without feedback included; the original loader drops these.

    Notes
    -----
    As in the original loader the last transition only ends the session. A transition with a
    known time and a lost text ends the segment before it and begins none: its exercise is not
    known.
    """
    reconciled = reconcile(record)
    utterances = reconciled.utterances
    transitions = [utterance for utterance in utterances if utterance.is_transition]
    found: list[Segment] = []
    for opening, closing in zip_longest(transitions, transitions[1:]):
        end, last = _end(opening, closing, reconciled.lost_transitions)
        if end is None:
            continue
        found.append(
            Segment(
                index=len(found),
                exercise_text=exercise_text(opening.text),
                frame_start=opening.frame_start,
                frame_end=end,
                start_s=_time_s(record, opening.frame_start),
                end_s=_time_s(record, end - 1),
                utterance_indices=tuple(
                    utterance.index
                    for utterance in utterances[opening.index + 1 :]
                    if utterance.frame_start < last
                ),
            )
        )
    return tuple(found)


def _end(
    opening: Utterance, closing: Utterance | None, lost: tuple[int, ...]
) -> tuple[int | None, int]:
    """Give the frame after the segment, and the frame before which its feedback begins."""
    after = [frame for frame in lost if frame > opening.frame_start]
    if closing is not None and min(after, default=closing.frame_start) >= closing.frame_start:
        return _middle(closing) + 1, closing.frame_start
    if closing is None and not (after and announces_exercise(opening.text)):
        return None, 0
    return min(after), min(after)


def _middle(utterance: Utterance) -> int:
    last = utterance.frame_end - 1
    return utterance.frame_start + (last - utterance.frame_start) // 2


def _time_s(record: Record, frame: int) -> float | None:
    if record.times_s is None or frame >= len(record.times_s):
        return None
    return float(record.times_s[frame])
