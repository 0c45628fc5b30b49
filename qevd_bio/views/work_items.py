"""The utterances of a work folder, with all that can be shown of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.files.path_containment import contained_path
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import quality as quality_table
from qevd_bio.tables.parquet import notes_of_schema, read_metadata, read_parquet
from qevd_bio.views.annotation_snapshot import AnnotationSnapshot
from qevd_bio.views.item_source import CYCLE_COLUMNS, ItemParts, ItemSource
from qevd_bio.views.motion_windows import FrameRows

_NEEDED = ("annotations", "cycles", "kinematics")
_NO_CYCLES = cycle_table.SCHEMA.empty_table()


def work_items(pipeline: Pipeline) -> ItemSource:
    """Read the finished videos of a work folder.

    Cycles and qualities that cannot be read are a concern about their video, and motion that
    cannot be read is an error of `ItemSource.window`: the sentences are still there.

    Raises
    ------
    DataError
        No video is finished, or annotations cannot be read.
    """
    artifacts = {
        video: found
        for video, found in pipeline.artifacts().items()
        if all(name in found for name in _NEEDED)
    }
    if not artifacts:
        raise DataError(
            "no video is finished",
            where=str(pipeline.store.root),
            next_step="Run `qevd-bio run` first; `qevd-bio plan --why` lists what is open",
        )
    root = pipeline.config.data_root

    def media_of(video: str) -> Path | None:
        return media_inside(pipeline.sessions.by_id[video].record.video_file, root)

    def span_of(video: str, segment: int) -> tuple[int, int] | None:
        found = (s for s in pipeline.sessions.by_id[video].segments if s.index == segment)
        return next(((one.frame_start, one.frame_end) for one in found), None)

    concerns: dict[str, list[str]] = {}
    cycles = [_NO_CYCLES]
    for video, found in artifacts.items():
        own = concerns.setdefault(video, [])
        cycles += _readable(found["cycles"], cycle_table.SCHEMA, own)
        for table in _readable(found.get("quality"), quality_table.SCHEMA, own):
            own += [text for row in table["concerns"].to_pylist() for text in row]
    return ItemSource(
        ItemParts(
            name=str(pipeline.store.root),
            is_release=False,
            annotations=AnnotationSnapshot(_annotations(pipeline, artifacts)),
            cycles=pa.concat_tables(
                one.select(list(CYCLE_COLUMNS)).replace_schema_metadata(None) for one in cycles
            ),
            concerns=concerns,
            backends={video: _backend(found["kinematics"]) for video, found in artifacts.items()},
            rules=pipeline.sessions.rules,
            frames_of=lambda video: _frames(artifacts, video),
            media_of=media_of,
            span_of=span_of,
        )
    )


def media_inside(path: Path, root: Path) -> Path | None:
    """Return a video file, resolved, if it is one inside the data root at this moment."""
    home = root.resolve()
    try:
        found = contained_path(home, path.relative_to(home).as_posix(), where=str(path))
    except (DataError, ValueError):
        return None
    return found if found.is_file() else None


def _annotations(
    pipeline: Pipeline, artifacts: Mapping[str, Mapping[str, Path]]
) -> Iterator[tuple[str, pa.Table]]:
    for video, found in artifacts.items():
        table = read_parquet(found["annotations"], annotation_table.SCHEMA)
        yield pipeline.sessions.by_id[video].record.split, table


def _readable(path: Path | None, schema: pa.Schema, concerns: list[str]) -> list[pa.Table]:
    """Read a table, as a list of one; where that is not possible the cause is a concern."""
    if path is None:
        return []
    try:
        return [read_parquet(path, schema)]
    except DataError as error:
        concerns.append(str(error))
        return []


def _backend(kinematics: Path) -> str:
    try:
        return str(_notes(kinematics)["motion"]["backend"])
    except (DataError, KeyError, TypeError):
        return ""  # the sentences of this video are shown with the cause


def _frames(artifacts: Mapping[str, Mapping[str, Path]], video: str) -> FrameRows | None:
    if video not in artifacts:
        return None
    path = artifacts[video]["kinematics"]
    return FrameRows(path, 0, read_metadata(path).num_rows, lambda: _notes(path))


def _notes(path: Path) -> dict[str, Any]:
    try:
        return notes_of_schema(read_metadata(path).schema.to_arrow_schema())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"its notes cannot be read ({error})",
            where=str(path),
            next_step="Delete it and run again; the stage will be repeated",
        ) from error
