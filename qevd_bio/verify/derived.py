"""Every row derived again from what the release itself holds, video by video, on all cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.errors import QevdBioError
from qevd_bio.release.contents import MANIFEST_FILE
from qevd_bio.release.review_cause import dropped_rows
from qevd_bio.release.rows import SplitRows
from qevd_bio.verify.artifact_bytes import artifact_issues
from qevd_bio.verify.capture_facts import capture_issues
from qevd_bio.verify.derived_rows import PublishedVideo, derived_issues
from qevd_bio.verify.files import Layout
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.made_by import MadeBy
from qevd_bio.verify.source_records import Records, fault_causes
from qevd_bio.verify.tables import Tables

MOST_CONTEXT_FRAMES = 30_000
"""Contexts are made frame by frame, ten times as slow as all other tables together: of a longer
release a sample of videos is derived, which changes with every byte of the manifest."""

FRAMES_FOR_TWO = 20_000
"""Fewer frames are checked faster by one process."""

_CONTEXTS_COST = 11
_MOST_WORKERS = 2
_NEEDED = ("kinematics", "morphometrics", "cycles", "findings", "annotations")
_ERRORS = (
    QevdBioError, KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError,
    pa.ArrowException,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Work:
    """What a process needs to derive videos."""

    layout: Layout
    tables: Tables
    made_by: MadeBy
    records: Mapping[str, Mapping[str, Any]]
    with_contexts: frozenset[str]

    def alone(self) -> _Work:
        """Leave out what another process cannot or need not have."""
        layout = replace(self.layout, folder=replace(self.layout.folder, verdict=Verdict()))
        tables = {
            config: {split: rows.without_rows() for split, rows in splits.items()}
            for config, splits in self.tables.items()
        }
        return replace(self, layout=layout, tables=tables)


def check_derived(layout: Layout, tables: Tables, made_by: MadeBy, records: Records) -> None:
    """Compare every row with the one that follows from angles, rules and source records."""
    videos = sorted(layout.manifest["videos"])
    if not videos:
        return
    frames = _frames_of(tables)
    by_video = {row["video_id"]: row for rows in records.values() for row in rows}
    work = _Work(layout, tables, made_by, by_video, _sample(layout, frames))
    if len(work.with_contexts) < len(videos):
        layout.verdict.skip(
            f"the contexts of {len(videos) - len(work.with_contexts)} of {len(videos)} videos "
            "derived again: they are compared with the other tables only"
        )
    workers = min(_cpus(), _MOST_WORKERS)
    if workers < 2 or sum(frames.values()) < FRAMES_FOR_TWO or len(videos) < 2:
        layout.verdict.take(_derived(work, videos))
        return
    shares = _shares(videos, frames, work.with_contexts, workers)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for verdict in pool.map(_derived, [work.alone() for _ in shares], shares):
            layout.verdict.take(verdict)


def _shares(
    videos: Sequence[str],
    frames: Mapping[str, int],
    with_contexts: frozenset[str],
    workers: int,
) -> list[list[str]]:
    """Cut the videos into stretches of about equal work: each row group is read by one process."""
    costs = [
        frames.get(video, 0) * (_CONTEXTS_COST if video in with_contexts else 1)
        for video in videos
    ]
    ends = np.searchsorted(np.cumsum(costs), np.arange(1, workers) / workers * sum(costs))
    return [part.tolist() for part in np.split(np.array(videos), ends)]


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _frames_of(tables: Tables) -> dict[str, int]:
    """Count the frames of each video."""
    return {
        video: sum(stop - start for _, start, stop in runs)
        for rows in tables.get("kinematics", {}).values()
        for video, runs in rows.videos().items()
    }


def _sample(layout: Layout, frames: Mapping[str, int]) -> frozenset[str]:
    """Choose the videos whose contexts are derived: all, or some that nobody knows before."""
    videos = list(layout.manifest["videos"])
    if sum(frames.values()) > MOST_CONTEXT_FRAMES:
        seal = layout.digests.get(MANIFEST_FILE, "")
        videos.sort(key=lambda video: hashlib.sha256(f"{seal} {video}".encode()).digest())
    chosen: list[str] = []
    left = MOST_CONTEXT_FRAMES
    for video in videos:
        if chosen and left < frames.get(video, 0):
            break
        chosen.append(video)
        left -= frames.get(video, 0)
    return frozenset(chosen)


def _derived(work: _Work, videos: Sequence[str]) -> Verdict:
    verdict = Verdict()
    for video in videos:
        split = work.layout.manifest["videos"][video]["split"]
        homes = {name: splits[split] for name, splits in work.tables.items() if split in splits}
        for where, cause in _video_issues(work, video, split, homes):
            verdict.add("derived", where, cause)
    return verdict


def _video_issues(
    work: _Work, video: str, split: str, homes: Mapping[str, SplitRows]
) -> Iterator[tuple[str, str]]:
    lacking = sorted(set(_NEEDED) - set(homes))
    if lacking or video not in work.records:
        what = ", ".join(lacking) or "source record"
        yield f"video {video}", f"its rows cannot be derived again without its {what}"
        return
    try:
        one = PublishedVideo(
            video=video,
            split=split,
            entry=work.layout.manifest["videos"][video],
            record=work.records[video],
            tables={name: rows.of(video) for name, rows in homes.items()},
            made_by=work.made_by,
            concern=work.layout.manifest.get("concerns", {}).get(video, ""),
            dropped=dropped_rows(work.layout.manifest, video),
        )
        yield from _issues_of(one, homes, wholly=video in work.with_contexts)
    except _ERRORS as error:
        yield f"video {video}", f"its rows cannot be derived again ({error!r})"[:300]


def _issues_of(
    one: PublishedVideo, homes: Mapping[str, SplitRows], *, wholly: bool
) -> Iterator[tuple[str, str]]:
    entry = f"{MANIFEST_FILE} videos.{one.video}"
    notes, angles = one.entry["kinematics"], one.tables["kinematics"]
    for where, cause in capture_issues(notes, one.motion, angles):
        yield f"{entry}.kinematics.{where}", cause
    for cause in fault_causes(one.session.record, one.entry["source_faults"]):
        yield entry, cause
    for name, place, cause in derived_issues(one, wholly=wholly):
        yield f"{homes[name].place(one.video, place)} (video {one.video})", cause
    if one.made_by.same_writer:
        reasons = one.derived_cycles[1]
        for cause in artifact_issues(one.tables, one.motion, one.entry, reasons, _unreviewed(one)):
            yield f"{entry}.artifacts", cause


def _unreviewed(one: PublishedVideo) -> list[str]:
    reviewed = one.dropped or any(row["review"] for row in one.rows["annotations"])
    known = {"kinematics", *one.made_by.tables} - ({"annotations"} if reviewed else set())
    return sorted(known & set(one.tables))
