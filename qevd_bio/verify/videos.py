"""The checks of single videos, on all cores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import numpy as np
import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.released.review_cause import dropped_rows
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.verify.derived import Derivation, check_derived
from qevd_bio.verify.files import Layout
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.links import check_links
from qevd_bio.verify.source import SENTENCE_COLUMNS, Sentences, Source
from qevd_bio.verify.tables import Tables
from qevd_bio.verify.twins import Twins

FRAMES_FOR_TWO = 20_000
"""Fewer frames are checked faster by one process."""

_CONTEXTS_COST = 6
"""Of a video whose contexts are derived, in videos without."""

_MOST_WORKERS = 2
_STRETCHES_EACH = 4
"""Of videos, for each process: so that both end at about the same time."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a process needs to check videos.

    Attributes
    ----------
    layout, tables, source
        The release, its tables that can be read, the source where there is one.
    derivation : Derivation or None
        What rows are derived from; None where they are not derived.
    """

    layout: Layout
    tables: Tables
    source: Source | None
    derivation: Derivation | None

    def alone(self) -> Work:
        """Take a verdict of its own, and leave out the rows that another process reads itself."""
        for rows in (rows for splits in self.tables.values() for rows in splits.values()):
            with suppress(DataError):  # named where the rows of a video are asked for
                rows.videos()
        layout = replace(self.layout, folder=replace(self.layout.folder, verdict=Verdict()))
        tables = {
            config: {split: rows.without_rows() for split, rows in splits.items()}
            for config, splits in self.tables.items()
        }
        return replace(self, layout=layout, tables=tables)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in some videos.

    Attributes
    ----------
    verdict : Verdict
        Their rows beside each other, the manifest and the source.
    derived : Verdict
        Their rows beside those that follow; of videos with nothing else wrong.
    twins : Twins
        Their fingerprints.
    statuses : mapping of str to Counter of str
        Of sentences, by split.
    sentences : mapping of str to list of dict
        Their annotation rows, without most columns.
    """

    verdict: Verdict = field(default_factory=Verdict)
    derived: Verdict = field(default_factory=Verdict)
    twins: Twins = field(default_factory=Twins)
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    sentences: Sentences = field(default_factory=dict)

    def take(self, other: Checked) -> None:
        """Add what was found in further videos."""
        self.verdict.take(other.verdict)
        self.derived.take(other.derived)
        self.twins.take(other.twins)
        for split, counts in other.statuses.items():
            self.statuses.setdefault(split, Counter()).update(counts)
        self.sentences.update(other.sentences)


def check_videos(work: Work, frames: Mapping[str, int]) -> Checked:
    """Check the rows of every video; `frames` counts those of each.

    Videos with many frames in all are shared between processes, in the order of the shards, so
    that most row groups are read by one.
    """
    entries = work.layout.manifest["videos"]
    videos = sorted(entries, key=lambda video: (entries[video]["split"], video))
    workers = min(_cpus(), _MOST_WORKERS)
    if workers < 2 or sum(frames.values()) < FRAMES_FOR_TWO or len(videos) < 2:
        return _checked(work.alone(), videos)
    found = Checked()
    parts = _stretches(videos, frames, work.derivation, workers * _STRETCHES_EACH)
    alone = work.alone()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for one in pool.map(_checked, [alone] * len(parts), parts):
            found.take(one)
    return found


def _stretches(
    videos: Sequence[str],
    frames: Mapping[str, int],
    derivation: Derivation | None,
    count: int,
) -> list[list[str]]:
    """Cut the videos into stretches of about equal work."""
    dear = derivation.with_contexts if derivation else frozenset()
    costs = [frames.get(one, 0) * (_CONTEXTS_COST if one in dear else 1) for one in videos]
    ends = np.searchsorted(np.cumsum(costs), np.arange(1, count) / count * sum(costs))
    return [part.tolist() for part in np.split(np.array(videos), ends) if len(part)]


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _checked(work: Work, videos: Sequence[str]) -> Checked:
    """Check some videos; `work` has a verdict of its own."""
    found = Checked(work.layout.verdict)
    for video in videos:
        _check_video(work, video, found)
    return found


def _check_video(work: Work, video: str, found: Checked) -> None:
    layout, tables, verdict = work.layout, work.tables, work.layout.verdict
    split = layout.manifest["videos"][video]["split"]
    try:
        own = check_links(layout, split, video, tables)
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        # an older or foreign schema: columns that the checks ask for are not there
        verdict.skip(f"video {video}: its rows cannot be compared ({error!r})")
        own = VideoRows({})
    rows = None
    annotations = own.get("annotations")
    if annotations is not None and set(SENTENCE_COLUMNS) <= set(annotations.column_names):
        rows = [{name: one[name] for name in SENTENCE_COLUMNS} for one in own.rows("annotations")]
        statuses = annotations["status"].to_pylist()
        found.statuses.setdefault(split, Counter()).update(statuses)
        found.sentences[video] = rows
    found.twins.note(split, video, own, work.source)
    if work.source is not None:
        gone = dropped_rows(layout.manifest, video)
        work.source.check_video(split, video, rows, own.get("kinematics"), verdict, gone)
    if work.derivation is not None and verdict.sound:
        # what follows from wrong rows is of no interest
        homes = {name: splits[split] for name, splits in tables.items() if split in splits}
        check_derived(work.derivation, layout, video, own, homes, found.derived)
