"""Utterances: maximal runs of equal text, each matched to its own timestamp.

R runs, M timestamps
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.qevd.record import Record, SourceIssue
from qevd_bio.qevd.texts import announces_exercise

# Longer than a frame at 16 Hz, shorter than any utterance lasts.
MATCH_TOLERANCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence of the trainer to the person in the video.

    Attributes
    ----------
    index : int
        Place among the utterances of the record, in frame order.
    text : str
        As in the source.
    frame_start, frame_end : int
        Frames it lasts; the end is exclusive.
    timestamp_s : float or None
        The source's own start time, bit for bit; None when no timestamp belongs to it.
    is_transition : bool
        The source's flag; by the form of the text when no timestamp belongs to it.
    closed : bool
        False when it lasts to the last frame, so that its end is not known.
    """

    index: int
    text: str
    frame_start: int
    frame_end: int
    timestamp_s: float | None
    is_transition: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The texts of a record matched to its timestamps.

    Attributes
    ----------
    utterances : tuple of Utterance
        In frame order.
    lost_transitions : tuple of int
        Frames of transitions that have a timestamp and no text.
    issues : tuple of SourceIssue
        What does not match, and how each case was handled.
    """

    utterances: tuple[Utterance, ...]
    lost_transitions: tuple[int, ...]
    issues: tuple[SourceIssue, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    start: int
    end: int
    stamp: int | None = None


def utterances(record: Record) -> tuple[Utterance, ...]:
    """List the utterances of a record in frame order."""
    return reconcile(record).utterances


def reconcile(record: Record) -> Reconciled:
    """Match the texts of a record to its timestamps.

    Parameters
    ----------
    record : Record
        With or without frame times.

    Returns
    -------
    Reconciled
        Every run of equal text is an utterance or, where a timestamp falls inside it, two.

    Notes
    -----
    Runs and timestamps are paired in order when they agree in number and in time (within
    `MATCH_TOLERANCE_S`, or all off by one and the same time). Otherwise each run takes the
    nearest free timestamp within the tolerance; a free timestamp inside a matched run with
    the same transition flag begins a second, equal utterance there. What is left stays
    unmatched and becomes an issue. Without frame times only equal numbers can be paired: all runs,
    or all but an open last one, which is when the original loader accepts the record.
    """
    stamps = np.asarray(record.feedback_timestamps, dtype=np.float64)
    flags, times_s = record.is_transition, record.times_s
    found = _runs(record.feedbacks)
    issues: list[SourceIssue] = []
    if times_s is None:
        found = _pair_in_order(found, stamps, len(record.feedbacks))
    else:
        found = _pair_by_time(found, stamps, times_s, issues)
        found = _split_touching(found, stamps, flags, times_s, issues)
    free = sorted(set(range(len(stamps))) - {run.stamp for run in found})
    issues += _unmatched(found, free, record)
    matched = tuple(
        Utterance(
            index=index,
            text=run.text,
            frame_start=run.start,
            frame_end=run.end,
            timestamp_s=None if run.stamp is None else record.feedback_timestamps[run.stamp],
            is_transition=announces_exercise(run.text) if run.stamp is None else flags[run.stamp],
            closed=run.end < len(record.feedbacks),
        )
        for index, run in enumerate(found)
    )
    lost: tuple[int, ...] = ()
    if times_s is not None:
        lost = tuple(int(np.searchsorted(times_s, stamps[j])) for j in free if flags[j])
    issues += _ending(matched, lost)
    return Reconciled(matched, lost, tuple(issues))


def _runs(feedbacks: Sequence[str]) -> list[_Run]:
    found, frame = [], 0
    for text, group in groupby(feedbacks):
        length = sum(1 for _ in group)
        if text:
            found.append(_Run(text, frame, frame + length))
        frame += length
    return found


def _pair_in_order(found: list[_Run], stamps: FloatArray, frames: int) -> list[_Run]:
    closed = sum(run.end < frames for run in found)
    if len(stamps) not in (len(found), closed):
        return found
    return [
        _Run(run.text, run.start, run.end, index if index < len(stamps) else None)
        for index, run in enumerate(found)
    ]


def _pair_by_time(
    found: list[_Run], stamps: FloatArray, times_s: FloatArray, issues: list[SourceIssue]
) -> list[_Run]:
    if not found or not stamps.size:
        return found
    # A run that begins after the last known frame time has none: NaN matches nothing.
    starts_s = np.array(
        [times_s[run.start] if run.start < len(times_s) else np.nan for run in found]
    )
    away_s = stamps[np.newaxis, :] - starts_s[:, np.newaxis]
    pairs: dict[int, int] = {}
    if len(found) == len(stamps):
        own_s = np.diagonal(away_s)
        if np.all(np.abs(own_s) <= MATCH_TOLERANCE_S):
            pairs = {run: run for run in range(len(found))}
        elif np.ptp(own_s) <= MATCH_TOLERANCE_S:
            pairs = {run: run for run in range(len(found))}
            issues.append(
                SourceIssue(
                    "clock_offset",
                    f"all timestamps are {np.median(own_s):+.3f} s off the frames of their texts",
                )
            )
    if not pairs:
        pairs = _nearest(away_s)
    interval_s = np.median(np.diff(times_s)) if len(times_s) > 1 else MATCH_TOLERANCE_S
    off_s = {run: -away_s[run, stamp] for run, stamp in pairs.items()}
    late = [run for run, off in off_s.items() if 1.5 * interval_s < abs(off) <= MATCH_TOLERANCE_S]
    if late:
        worst = max(late, key=lambda run: abs(off_s[run]))
        issues.append(
            SourceIssue(
                "off_time",
                f"{len(late)} texts begin over a frame from their timestamps, at most "
                f"{_named(found[worst])} with {off_s[worst]:+.3f} s",
            )
        )
    return [
        _Run(run.text, run.start, run.end, pairs.get(index)) for index, run in enumerate(found)
    ]


def _nearest(away_s: FloatArray) -> dict[int, int]:
    near = np.argwhere(np.abs(away_s) <= MATCH_TOLERANCE_S).tolist()
    pairs: dict[int, int] = {}
    for run, stamp in sorted(near, key=lambda pair: (abs(away_s[pair[0], pair[1]]), *pair)):
        if run not in pairs and stamp not in pairs.values():
            pairs[run] = stamp
    return pairs


def _split_touching(
    found: list[_Run],
    stamps: FloatArray,
    flags: Sequence[bool],
    times_s: FloatArray,
    issues: list[SourceIssue],
) -> list[_Run]:
    taken = {run.stamp for run in found}
    starts = [
        (int(np.argmin(np.abs(times_s - stamps[stamp]))), stamp)
        for stamp in np.argsort(stamps, kind="stable").tolist()
        if stamp not in taken and times_s[0] <= stamps[stamp] <= times_s[-1]
    ]
    parts: list[_Run] = []
    for run in found:
        part = run
        for frame, stamp in starts:
            inside = part.start < frame < part.end
            if run.stamp is None or not inside or flags[stamp] != flags[run.stamp]:
                continue
            issues.append(
                SourceIssue(
                    "touching",
                    f"{_named(run)} is two equal utterances: timestamp {stamp} is that of "
                    f"frame {frame}",
                )
            )
            parts.append(_Run(part.text, part.start, frame, part.stamp))
            part = _Run(part.text, frame, part.end, stamp)
        parts.append(part)
    return parts


def _unmatched(found: list[_Run], free: list[int], record: Record) -> Iterator[SourceIssue]:
    for run in found:
        if run.stamp is None:
            yield SourceIssue("no_timestamp", f"{_named(run)} has no timestamp of its own")
    for stamp in free:
        kind = "a transition" if record.is_transition[stamp] else "no transition"
        at = record.feedback_timestamps[stamp]
        yield SourceIssue("no_text", f"timestamp {stamp} ({at!r} s, {kind}) begins no text")


def _ending(matched: tuple[Utterance, ...], lost: tuple[int, ...]) -> Iterator[SourceIssue]:
    if matched and not matched[-1].closed:
        last = matched[-1]
        yield SourceIssue(
            "open_end",
            f"utterance {last.index} {last.text!r} lasts to the last frame: the original "
            "loader does not see it",
        )
    transitions = [utterance for utterance in matched if utterance.is_transition]
    if not transitions or max(lost, default=0) > transitions[-1].frame_start:
        return
    if announces_exercise(transitions[-1].text):
        yield SourceIssue(
            "no_session_end",
            f"the last transition {transitions[-1].text!r} announces an exercise that never "
            "ends: it becomes no segment",
        )


def _named(run: _Run) -> str:
    return f"{run.text!r} (frames {run.start} to {run.end - 1})"
