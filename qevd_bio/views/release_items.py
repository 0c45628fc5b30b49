"""The utterances of a release, with all that can be shown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.exercises.load import load_rules
from qevd_bio.qevd.load import load_records
from qevd_bio.released.contents import RESTORE
from qevd_bio.released.opened_release import OpenedRelease
from qevd_bio.released.rows import ShardFile, SplitRows, open_split
from qevd_bio.tables.published import DEFAULT_TABLE
from qevd_bio.views.annotation_snapshot import AnnotationSnapshot
from qevd_bio.views.item_source import CYCLE_COLUMNS, ItemParts, ItemSource
from qevd_bio.views.motion_windows import FrameRows
from qevd_bio.views.work_items import media_inside

Content = TypeVar("Content")


def release_items(folder: Path, data_root: Path | None = None) -> ItemSource:
    """Read a release; its videos can be shown where `data_root` is the source they came from.

    Cycles and qualities that cannot be read are a concern about their videos, and motion that
    cannot be read is an error of `ItemSource.window`: the sentences are still there.

    Raises
    ------
    UsageError, DataError
        The folder is no release, or its annotations, the source or a rule cannot be read.
    """
    opened = OpenedRelease(folder, [DEFAULT_TABLE])
    frames = _shards(folder, opened, "kinematics", _places)
    cycles = _shards(folder, opened, "cycles", lambda rows: _columns(rows, CYCLE_COLUMNS))
    quality = _shards(
        folder, opened, "quality", lambda rows: _columns(rows, ("video_id", "concerns"))
    )
    files = {} if data_root is None else _video_files(data_root)

    def media_of(video: str) -> Path | None:
        if data_root is None or video not in files:
            return None
        return media_inside(files[video], data_root)

    return ItemSource(
        ItemParts(
            name=str(folder),
            is_release=True,
            annotations=AnnotationSnapshot(_annotations(opened)),
            cycles=_table(cycles.read, CYCLE_COLUMNS),
            concerns=_concerns(opened, cycles, quality),
            backends={
                video: str(one.get("kinematics", {}).get("motion", {}).get("backend", ""))
                for video, one in opened.videos.items()
            },
            rules=load_rules(),
            frames_of=lambda video: _frames(opened, frames, video),
            media_of=media_of,
            span_of=lambda _video, _segment: None,
        )
    )


@dataclass(frozen=True, slots=True)
class _Shards(Generic[Content]):
    """What was read of each shard of a table, and by split why another one cannot be."""

    read: list[Content]
    faults: dict[str, DataError]


def _shards(
    folder: Path, opened: OpenedRelease, config: str, read: Callable[[SplitRows], Content]
) -> _Shards[Content]:
    found: _Shards[Content] = _Shards([], {})
    for split, entry in opened.manifest["configs"].get(config, {}).items():
        for shard in entry["shards"]:
            try:
                found.read.append(read(open_split(folder, [shard])))
            except DataError as error:
                found.faults.setdefault(split, error)
    return found


def _places(rows: SplitRows) -> tuple[ShardFile, dict[str, list[tuple[int, int, int]]]]:
    return rows.shards[0], rows.videos()


def _columns(rows: SplitRows, columns: Sequence[str]) -> pa.Table:
    tables = [table for _, _, table in rows.groups(list(columns))]
    return _table(tables, columns)


def _table(tables: Sequence[pa.Table], columns: Sequence[str]) -> pa.Table:
    held = [one.select(list(columns)).replace_schema_metadata(None) for one in tables if len(one)]
    return pa.concat_tables(held) if held else pa.table({name: [] for name in columns})


def _video_files(data_root: Path) -> dict[str, Path]:
    return {one.unit_id: one.video_file for one in load_records(data_root).records}


def _annotations(opened: OpenedRelease) -> Iterator[tuple[str, pa.Table]]:
    for split, rows in opened.tables.get(DEFAULT_TABLE, {}).items():
        for _, _, table in rows.groups():
            yield split, table


def _concerns(
    opened: OpenedRelease, cycles: _Shards[pa.Table], quality: _Shards[pa.Table]
) -> dict[str, list[str]]:
    """Name the concerns of each video: those of its quality, and the tables that lack it.

    Which videos an unreadable shard holds is not known: those of its split that no other holds.
    """
    rows = _table(quality.read, ("video_id", "concerns")).to_pylist()
    concerns = {row["video_id"]: list(row["concerns"]) for row in rows}
    seen = (
        (quality, set(concerns)),
        (cycles, set(_table(cycles.read, CYCLE_COLUMNS)["video_id"].to_pylist())),
    )
    for shards, held in seen:
        for video, split in opened.split_of.items():
            if video not in held and split in shards.faults:
                concerns.setdefault(video, []).append(str(shards.faults[split]))
    return concerns


def _frames(
    opened: OpenedRelease,
    shards: _Shards[tuple[ShardFile, dict[str, list[tuple[int, int, int]]]]],
    video: str,
) -> FrameRows | None:
    runs = [
        (shard.file, start, stop)
        for shard, places in shards.read
        for _, start, stop in places.get(video, ())
    ]
    if not runs:
        fault = shards.faults.get(opened.split_of.get(video, ""))
        if fault is not None:
            raise DataError(fault.message, where=fault.where, next_step=fault.next_step)
        return None
    if len(runs) > 1:
        raise DataError(
            f"the frames of video {video} stand in {len(runs)} places",
            where="kinematics",
            next_step=RESTORE,
        )
    file, start, stop = runs[0]
    notes: Mapping[str, Any] = opened.videos[video].get("kinematics", {})
    return FrameRows(file, start, stop, lambda: notes)
