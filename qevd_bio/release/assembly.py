"""From a work folder to a release: what is finished, what is missing, and why."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from qevd_bio import __version__
from qevd_bio.engine.maintain.garbage import note_published
from qevd_bio.engine.plan import PlannedUnit, current_artifacts
from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.pipeline.pipeline import Pipeline, outside_of_source
from qevd_bio.qevd.drop_in import drop_in_records
from qevd_bio.qevd.layout import find_splits
from qevd_bio.qevd.load import read_source
from qevd_bio.release.contents import (
    SUMS_FILE,
    MissingVideo,
    PublishedVideo,
    Release,
    ReleaseInput,
)
from qevd_bio.release.drop_in import records_table
from qevd_bio.release.publish import publish
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.tables.published import TABLES


def release_from(
    pipeline: Pipeline,
    *,
    out: Path,
    version: str,
    previous: Path | None = None,
    date: str | None = None,
    url: str | None = None,
) -> Release:
    """Publish what a work folder holds for the current inputs and rules.

    Parameters
    ----------
    pipeline : Pipeline
        The work; nothing in it is changed, the release is noted so that `gc` keeps its units.
    out : Path
        Folder of releases.
    version : str
        Semantic version.
    previous, date, url : Path, str, str, optional
        As for `qevd_bio.release.publish.publish`.

    Returns
    -------
    Release
        Videos that are not finished, and records that cannot be used, are named in it. A video
        is finished when it has every table that is required.

    Raises
    ------
    UsageError
        Nothing is finished, or the version exists.
    DataError
        An artifact is damaged.
    """
    outside_of_source(out, pipeline.config.data_root)
    planned = pipeline.plan()
    artifacts = _table_artifacts(pipeline, planned)
    required = {name for name, table in TABLES.items() if table.required}
    finished = {unit: found for unit, found in artifacts.items() if required <= set(found)}
    sessions = pipeline.sessions.by_id
    videos = [
        PublishedVideo(
            unit,
            sessions[unit].record.split,
            found,
            issues=tuple(issue.message for issue in sessions[unit].record.issues),
        )
        for unit, found in finished.items()
    ]
    digests = _sound_digests(pipeline, planned, finished)
    annotations = {unit: found["annotations"] for unit, found in finished.items()}
    records, drop_in = _source_files(pipeline, annotations)
    given = ReleaseInput(
        videos=videos,
        missing=[*_unfinished(pipeline, planned, finished), *_rejected(pipeline)],
        records=records,
        drop_in=drop_in,
        generator={
            "qevd_bio": __version__,
            "policy": pipeline.config.policy,
            **{f"stage {stage.name}": str(stage.version) for stage in pipeline.stages},
            **{f"rule {rule.id}": str(rule.version) for rule in pipeline.sessions.rules.values()},
        },
    )
    release = publish(given, out=out, version=version, previous=previous, date=date, url=url)
    name = f"{version}-{sha256_file(release.folder / SUMS_FILE)[:12]}"
    note_published(pipeline.store.root, name, digests)
    return release


def _table_artifacts(pipeline: Pipeline, planned: list[PlannedUnit]) -> dict[str, dict[str, Path]]:
    """Find the current artifacts by video and published table."""
    stages = {stage.name: stage.writes for stage in pipeline.stages if stage.writes in TABLES}
    found = current_artifacts(planned, pipeline.store)
    return {
        unit: {stages[stage]: path for stage, path in of_unit.items() if stage in stages}
        for unit, of_unit in found.items()
    }


def _sound_digests(
    pipeline: Pipeline, planned: list[PlannedUnit], finished: dict[str, dict[str, Path]]
) -> list[str]:
    """Hash every artifact to publish, and refuse one that is not as it was written."""
    digests = []
    for unit in planned:
        if unit.record is None or not unit.record.outputs:
            continue
        path, written = pipeline.store.artifact_path(unit.record), unit.record.outputs[0].sha256
        if path not in finished.get(unit.video_id, {}).values():
            continue
        if sha256_file(path) != written:
            raise DataError(
                "has other bytes than were written",
                where=str(path),
                next_step="Run `qevd-bio verify`, then `qevd-bio run`, and publish again",
            )
        digests.append(written)
    return digests


def _unfinished(
    pipeline: Pipeline, planned: list[PlannedUnit], finished: dict[str, dict[str, Path]]
) -> list[MissingVideo]:
    """Name the first unit of each video that did not complete.

    Paths begin at the data root: where it lies on this machine is private, and equal inputs
    must give equal bytes.
    """
    data_root = pipeline.config.data_root
    missing: dict[str, MissingVideo] = {}
    for unit in planned:
        complete = unit.record is not None and unit.record.status == "completed"
        if complete or unit.video_id in finished or unit.video_id in missing:
            continue
        reason = unit.record.reason if unit.record else f"not run: {'; '.join(unit.why)}"
        for root in (data_root, data_root.absolute(), data_root.resolve()):
            reason = reason.replace(f"{root}/", "")
        split = pipeline.sessions.by_id[unit.video_id].record.split
        missing[unit.video_id] = MissingVideo(unit.video_id, split, unit.stage, reason)
    return list(missing.values())


def _rejected(pipeline: Pipeline) -> list[MissingVideo]:
    return [
        MissingVideo(
            record.video_id or f"record {record.index}", record.split, "source", record.reason
        )
        for record in pipeline.sessions.loaded.rejected
    ]


def _source_files(
    pipeline: Pipeline, annotations: dict[str, Path]
) -> tuple[dict[str, pa.Table], dict[str, list[JsonValue]]]:
    """Return the source records of each split as a table, and with the new sentences."""
    replacements: dict[str, dict[int, str]] = {}
    for unit, path in annotations.items():
        rows = read_parquet(path, annotation_table.SCHEMA)
        columns = (rows[name].to_pylist() for name in ("feedback_index", "feedback", "status"))
        replacements[unit] = {
            index: text
            for index, text, status in zip(*columns, strict=True)
            if status == "rewritten"
        }
    tables, drop_in = {}, {}
    for split in find_splits(pipeline.config.data_root):
        source, name = read_source(split.records_file), split.folder.name
        own = [one for one in pipeline.sessions.loaded.records if one.split == split.split]
        tables[name] = records_table(source, {one.index: one.unit_id for one in own})
        new = {r.unit_id: replacements[r.unit_id] for r in own if r.unit_id in replacements}
        drop_in[name] = drop_in_records(source, own, new)
    return tables, drop_in
