"""Counts of a release or a work folder, beside the counts of the paper."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.assets import asset_path
from qevd_bio.errors import UsageError
from qevd_bio.feedback.keep_or_rewrite import REWRITABLE
from qevd_bio.pipeline.pipeline import WORK_FILE, reopen_pipeline
from qevd_bio.qevd.completeness import MANIFEST
from qevd_bio.released.contents import SPLITS
from qevd_bio.released.loading import load_table, splits_of
from qevd_bio.views.work_folder import annotation_tables

COLUMNS = ("video_id", "segment_index", "exercise_text", "exercise", "kind", "status", "reason")
NO_EXERCISE = "outside of exercises"
_NUMBERS_BEGIN = re.compile(r"[:;(]")


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one split or one exercise.

    Attributes
    ----------
    videos, segments, utterances : int
        Segments are those with an utterance, as the original loader counts them.
    kinds, statuses : mapping of str to int
        Utterances by kind, and by status; without empty ones.
    refusals : mapping of str to int
        Corrective and instructional utterances that were not rewritten, by status and reason;
        of the reason the part before the numbers.
    rewritable, rewritten : int
        Corrective and instructional utterances, and those of them that were rewritten.
    rewritten_share : float or None
        None without any to rewrite.
    """

    videos: int
    segments: int
    utterances: int
    kinds: Mapping[str, int]
    statuses: Mapping[str, int]
    refusals: Mapping[str, int]
    rewritable: int
    rewritten: int
    rewritten_share: float | None


@dataclass(frozen=True, slots=True)
class SplitStatistics:
    """One split: counted, and as the paper has it.

    Attributes
    ----------
    counts : Counts
        Of all its rows.
    exercises : mapping of str to Counts
        By type of exercise, left and right of a stretch together.
    types : int
        Types of exercise that have a rule.
    paper_videos, paper_types : int
        Of the paper's supplement, section 1.2.
    """

    counts: Counts
    exercises: Mapping[str, Counts]
    types: int
    paper_videos: int
    paper_types: int

    @property
    def is_complete(self) -> bool:
        """Whether it has as many videos and types of exercise as the paper."""
        return (self.counts.videos, self.types) == (self.paper_videos, self.paper_types)

    def as_json(self) -> dict[str, Any]:
        """Return the statistics as a JSON value."""
        return {
            "paper": {"videos": self.paper_videos, "exercise_types": self.paper_types},
            "complete": self.is_complete,
            "exercise_types": self.types,
            **asdict(self.counts),
            "exercises": {name: asdict(counts) for name, counts in self.exercises.items()},
        }


def split_statistics(
    rows: Iterable[Mapping[str, Any]], *, paper_videos: int, paper_types: int
) -> SplitStatistics:
    """Count the annotation rows of one split, which have the columns `COLUMNS`.

    An exercise without a rule is counted under the trainer's own name for it.
    """
    every = list(rows)
    by_exercise: dict[str, list[Mapping[str, Any]]] = {}
    for row in every:
        by_exercise.setdefault(_type_of(row), []).append(row)
    named = {exercise_type(row["exercise"]) for row in every if row["exercise"] is not None}
    return SplitStatistics(
        counts=_counts(every),
        exercises={name: _counts(own) for name, own in sorted(by_exercise.items())},
        types=len(named),
        paper_videos=paper_videos,
        paper_types=paper_types,
    )


def exercise_type(exercise: str) -> str:
    """Drop the side of an exercise: ``quad_stretch_left`` is a ``quad_stretch``."""
    return exercise.removesuffix("_left").removesuffix("_right")


def _type_of(row: Mapping[str, Any]) -> str:
    if row["exercise"] is not None:
        return exercise_type(row["exercise"])
    return str(row["exercise_text"] or NO_EXERCISE)


def _counts(rows: list[Mapping[str, Any]]) -> Counts:
    rewritable = [row for row in rows if row["kind"] in REWRITABLE]
    refused = [row for row in rewritable if row["status"] != "rewritten"]
    rewritten = len(rewritable) - len(refused)
    segments = {(row["video_id"], row["segment_index"]) for row in rows}
    return Counts(
        videos=len({row["video_id"] for row in rows}),
        segments=sum(index is not None for _, index in segments),
        utterances=len(rows),
        kinds=_counted(row["kind"] for row in rows),
        statuses=_counted(row["status"] for row in rows),
        refusals=_counted(
            f"{row['status']}: {_NUMBERS_BEGIN.split(row['reason'])[0].strip()}" for row in refused
        ),
        rewritable=len(rewritable),
        rewritten=rewritten,
        rewritten_share=rewritten / len(rewritable) if rewritable else None,
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def statistics_of(path: Path) -> dict[str, SplitStatistics]:
    """Count what a release or a work folder holds.

    Parameters
    ----------
    path : Path
        A release, or a work folder; of the latter the videos that are finished.

    Returns
    -------
    dict of str to SplitStatistics
        Both splits of the paper, empty ones included.

    Raises
    ------
    UsageError
        The folder is neither.
    """
    if (path / WORK_FILE).is_file():
        tables = _work_tables(path)
    elif path.is_dir():
        tables = {split: load_table(split, path) for split in splits_of(path)}
    else:
        raise UsageError(
            "there is no such folder", where=str(path), next_step="Give a release or a work folder"
        )
    paper = json.loads(asset_path("manifests", MANIFEST).read_text(encoding="utf-8"))
    videos = {one["split"]: one["videos"] for one in paper["splits"]}
    return {
        split: split_statistics(
            tables[split].select(COLUMNS).to_pylist() if split in tables else [],
            paper_videos=videos[split],
            paper_types=paper["exercise_types"],
        )
        for split in SPLITS
    }


def statistics_tables(
    found: Mapping[str, SplitStatistics],
) -> list[tuple[tuple[str, ...], list[tuple[object, ...]]]]:
    """Lay statistics out as tables, header and rows of each.

    The first compares with the paper; then utterances by kind, reason of refusal and exercise.
    """
    splits = [
        (
            split,
            f"{one.counts.videos} of {one.paper_videos}",
            f"{one.types} of {one.paper_types}",
            one.counts.segments,
            one.counts.utterances,
            one.counts.rewritable,
            _share(one.counts),
            "yes" if one.is_complete else "no",
        )
        for split, one in found.items()
    ]
    kinds = [(s, kind, n) for s, one in found.items() for kind, n in one.counts.kinds.items()]
    refusals = [
        (split, number, reason)
        for split, one in found.items()
        for reason, number in one.counts.refusals.items()
    ]
    exercises = [
        (split, name, own.videos, own.segments, own.utterances, own.rewritable, _share(own))
        for split, one in found.items()
        for name, own in one.exercises.items()
    ]
    head = ("videos", "types", "segments", "utterances", "to rewrite", "rewritten", "complete")
    return [
        (("split", *head), list(splits)),
        (("split", "kind", "utterances"), list(kinds)),
        (("split", "refused", "reason"), list(refusals)),
        (("split", "exercise", "videos", *head[2:6]), list(exercises)),
    ]


def _share(counts: Counts) -> str:
    share = counts.rewritten_share
    return "0" if share is None else f"{counts.rewritten} ({100 * share:.0f} %)"


def _work_tables(work: Path) -> dict[str, pa.Table]:
    pipeline = reopen_pipeline(work)
    found: dict[str, list[pa.Table]] = {}
    for video, table in annotation_tables(pipeline).items():
        split = pipeline.sessions.by_id[video].record.split
        found.setdefault(split, []).append(table.replace_schema_metadata(None))
    return {split: pa.concat_tables(tables) for split, tables in found.items()}
