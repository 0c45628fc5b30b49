"""What the data card states of the rows of a release: examples, reasons, clocks, captures."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from qevd_bio.feedback.keep_or_rewrite import REWRITABLE
from qevd_bio.released.contents import Contents

MOST_EXAMPLES = 5
_SINCE_1970_S = 1e8
"""A clock beyond this counts from 1970: no recording lasts three years."""

_SAID = (
    "video_id", "feedback_index", "exercise", "kind", "status", "reason", "feedback_original",
    "feedback",
)  # fmt: skip

ReadRows = Callable[[str, Sequence[str]], Iterable[Mapping[str, Any]]]
"""Reads columns of a table, split by split in the order of the card."""


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence of the source with the one that replaces it."""

    exercise: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Facts of the rows of a release.

    Attributes
    ----------
    examples : tuple of Example
        At most `MOST_EXAMPLES` rewritten sentences, of as many exercises as there are.
    reasons : mapping of (str, str) to int
        Corrective and instructional utterances by status and reason, without its numbers.
    clock_s : tuple of (float, float), or None
        Earliest and latest first frame of a video on the clock of the source; None without one.
    backends : mapping of str to int
        Number of videos by backend.
    """

    examples: tuple[Example, ...]
    reasons: Mapping[tuple[str, str], int]
    clock_s: tuple[float, float] | None
    backends: Mapping[str, int]

    @property
    def rewritten_share(self) -> float | None:
        """Share of the corrective and instructional utterances that are rewritten."""
        every = sum(self.reasons.values())
        new = sum(n for (status, _), n in self.reasons.items() if status == "rewritten")
        return new / every if every else None

    def clock_text(self) -> str:
        """State what the clock of the source counts from, as far as its numbers show."""
        if self.clock_s is None:
            return "No video has a frame."
        first, last = self.clock_s
        if first < _SINCE_1970_S:
            return (
                f"The videos begin between {first:.3f} s and {last:.3f} s on the clock of the "
                "source: it does not count from 1970."
            )
        days = [
            datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M")
            for at in (first, last)
        ]
        return (
            "The clock of the source counts seconds since 1970-01-01 (Unix time): the videos "
            f"begin between {days[0]} and {days[1]}, read as UTC; the source names no time zone."
        )


def card_facts(read: ReadRows, captures: Iterable[Mapping[str, Any]]) -> CardFacts:
    """Read the facts from the rows of a release; `captures` are the notes of its kinematics."""
    reasons: Counter[tuple[str, str]] = Counter()
    by_exercise: dict[str, list[Example]] = {}
    for row in read("annotations", _SAID):
        if row["kind"] in REWRITABLE:
            reasons[row["status"], reason_group(row["status"], row["reason"])] += 1
        if row["status"] == "rewritten":
            exercise = row["exercise"] or ""
            own = by_exercise.setdefault(exercise, [])
            example = Example(exercise, row["feedback_original"], row["feedback"])
            if len(own) < MOST_EXAMPLES and example not in own:
                own.append(example)
    starts_s = [row["start_s"] for row in read("quality", ("start_s",))]
    backends = Counter(str(notes["motion"]["backend"]) for notes in captures)
    return CardFacts(
        examples=one_of_each(by_exercise),
        reasons=dict(sorted(reasons.items())),
        clock_s=(min(starts_s), max(starts_s)) if starts_s else None,
        backends=dict(sorted(backends.items())),
    )


def reason_group(status: str, reason: str) -> str:
    """Shorten a reason to what utterances share: without the numbers of one row."""
    if status == "no_cycle":
        return reason
    return reason.partition(":")[0]


def one_of_each(by_exercise: Mapping[str, Sequence[Example]]) -> tuple[Example, ...]:
    """Take the first example of each exercise, then the second, and so on."""
    turns = (
        own[turn]
        for turn in range(MOST_EXAMPLES)
        for own in by_exercise.values()
        if turn < len(own)
    )
    return tuple(itertools.islice(turns, MOST_EXAMPLES))


def rows_of_shards(
    folder: Path, contents: Contents, config: str, columns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Read columns of a table that was just written."""
    for shards in contents.shards.get(config, {}).values():
        for shard in shards:
            yield from pq.read_table(folder / shard.path, columns=list(columns)).to_pylist()
