"""The rows of a video derived again from what the release itself holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError, QevdBioError
from qevd_bio.released.contents import MANIFEST_FILE
from qevd_bio.released.review_cause import dropped_rows
from qevd_bio.released.rows import SplitRows
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.verify.artifact_bytes import artifact_issues
from qevd_bio.verify.capture_facts import capture_issues
from qevd_bio.verify.derived_rows import PublishedVideo, derived_issues
from qevd_bio.verify.files import Layout
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.made_by import MadeBy
from qevd_bio.verify.source_records import Records, fault_causes
from qevd_bio.verify.tables import Tables

MOST_CONTEXT_FRAMES = 30_000
"""Contexts are made frame by frame, several times as slow as all other tables together: of a
longer release a sample of videos is derived, which changes with every byte of the manifest."""

_NEEDED = ("kinematics", "morphometrics", "cycles", "findings", "annotations")
_ERRORS = (
    QevdBioError, KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError,
    pa.ArrowException,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Derivation:
    """What rows are derived from, besides the angles.

    Attributes
    ----------
    made_by : MadeBy
        How the release was made.
    records : mapping of str to mapping
        Source record of each video.
    with_contexts : frozenset of str
        Videos whose contexts are derived, too.
    """

    made_by: MadeBy
    records: Mapping[str, Mapping[str, Any]]
    with_contexts: frozenset[str]

    def note_sample(self, layout: Layout) -> None:
        """Say which rows are not derived in a large release."""
        videos = len(layout.manifest["videos"])
        if len(self.with_contexts) < videos:
            layout.verdict.skip(
                f"the contexts of {videos - len(self.with_contexts)} of {videos} videos "
                "derived again: they are compared with the other tables only"
            )


def derivation_of(
    layout: Layout, made_by: MadeBy, records: Records, frames: Mapping[str, int]
) -> Derivation:
    """Gather what rows are derived from; `frames` counts those of each video."""
    by_video = {row["video_id"]: row for rows in records.values() for row in rows}
    return Derivation(made_by, by_video, _sample(layout, frames))


def frames_of(tables: Tables) -> dict[str, int]:
    """Count the frames of each video, where they can be read."""
    frames: dict[str, int] = {}
    for rows in tables.get("kinematics", {}).values():
        with suppress(DataError):  # named where the rows of a video are asked for
            for video, runs in rows.videos().items():
                frames[video] = sum(stop - start for _, start, stop in runs)
    return frames


def check_derived(
    derivation: Derivation,
    layout: Layout,
    video: str,
    own: VideoRows,
    homes: Mapping[str, SplitRows],
    verdict: Verdict,
) -> None:
    """Compare the rows of a video with those that follow from angles, rules and source record.

    `homes` are the tables of its split; `verdict` takes the issues.
    """
    for where, cause in _video_issues(derivation, layout, video, own, homes):
        verdict.add("derived", where, cause)


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


def _video_issues(
    derivation: Derivation,
    layout: Layout,
    video: str,
    own: VideoRows,
    homes: Mapping[str, SplitRows],
) -> Iterator[tuple[str, str]]:
    lacking = sorted(set(_NEEDED) - set(own))
    if lacking or video not in derivation.records:
        what = ", ".join(lacking) or "source record"
        yield f"video {video}", f"its rows cannot be derived again without its {what}"
        return
    manifest = layout.manifest
    try:
        one = PublishedVideo(
            video=video,
            split=manifest["videos"][video]["split"],
            entry=manifest["videos"][video],
            record=derivation.records[video],
            tables=own,
            made_by=derivation.made_by,
            concern=manifest.get("concerns", {}).get(video, ""),
            dropped=dropped_rows(manifest, video),
        )
        yield from _issues_of(one, homes, wholly=video in derivation.with_contexts)
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
