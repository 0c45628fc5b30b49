"""From a work folder to a release: what is finished, what is missing, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from qevd_bio import __version__
from qevd_bio.choices import OnConcern
from qevd_bio.engine.maintain.garbage import holds_any, note_published
from qevd_bio.engine.plan import PlannedUnit, current_artifacts
from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.pipeline.pipeline import Pipeline, outside_of_source
from qevd_bio.qevd.drop_in import drop_in_records
from qevd_bio.qevd.layout import find_splits
from qevd_bio.qevd.load import read_source
from qevd_bio.release.made_with import files_used
from qevd_bio.release.publish import publish, refuse_unbacked
from qevd_bio.release.reviewed import reviewed_table
from qevd_bio.released.contents import (
    MANIFEST_FILE,
    SUMS_FILE,
    MissingVideo,
    PublishedVideo,
    Release,
    ReleaseInput,
)
from qevd_bio.released.drop_in import records_table
from qevd_bio.released.manifest import read_manifest
from qevd_bio.stages.quality import QualityStage
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.verdicts.applied import APPLIED_FILE, REVIEW_FOLDER, RejectedPolicy, read_applied


def release_from(
    pipeline: Pipeline,
    *,
    out: Path,
    version: str,
    previous: Path | None = None,
    date: str | None = None,
    url: str | None = None,
    on_concern: OnConcern = "flag",
    check: Callable[[Path], None] = refuse_unbacked,
) -> Release:
    """Publish what a work folder holds for the current inputs and rules.

    Parameters
    ----------
    pipeline : Pipeline
        The work; nothing in it is changed. The release is noted there before it appears, so that
        `gc` keeps its units; one that exists already is noted again.
    out : Path
        Folder of releases.
    version : str
        Semantic version.
    previous, date, url : Path, str, str, optional
        As for `qevd_bio.release.publish.publish`.
    check : callable
        Raises where the complete folder should not be published:
        `qevd_bio.verify.before_publishing.refuse_condemned`.
    on_concern : {"flag", "drop", "fail"}
        What happens to a video whose capture gives reason to doubt it: it is published and named
        with its concerns, left out, or nothing is published.

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
        An artifact is damaged, or a video has concerns and `on_concern` is ``fail``.
    """
    outside_of_source(out, pipeline.config.data_root)
    _note_again(pipeline, out / version, version)
    planned = pipeline.plan()
    artifacts = _table_artifacts(pipeline, planned)
    required = {name for name, table in TABLES.items() if table.required}
    finished = {unit: found for unit, found in artifacts.items() if required <= set(found)}
    concerns = {unit: found for unit, found in pipeline.concerns().items() if unit in finished}
    dropped = _dropped(pipeline, concerns, on_concern)
    finished = {unit: found for unit, found in finished.items() if unit not in dropped}
    sessions = pipeline.sessions.by_id
    review = read_applied(pipeline.store.root / REVIEW_FOLDER / APPLIED_FILE)
    videos = [
        PublishedVideo(
            unit,
            sessions[unit].record.split,
            found,
            issues=tuple(issue.message for issue in sessions[unit].record.issues),
            verdicts=review.verdicts.get(unit, {}),
        )
        for unit, found in finished.items()
    ]
    digests = _sound_digests(pipeline, planned, finished)
    records, drop_in = _source_files(pipeline, videos, review.rejected)
    given = ReleaseInput(
        videos=videos,
        missing=[
            *_unfinished(pipeline, planned, {*finished, *dropped}),
            *dropped.values(),
            *_rejected(pipeline),
        ],
        concerns={unit: concerns[unit] for unit in finished if unit in concerns},
        records=records,
        drop_in=drop_in,
        generator=_generator(pipeline),
        made_with=files_used(pipeline.sessions.rules.values()),
        review=review,
    )
    return publish(
        given,
        out=out,
        version=version,
        previous=previous,
        date=date,
        url=url,
        check=lambda folder: _before_commit(pipeline, folder, version, digests, check),
    )


def _before_commit(
    pipeline: Pipeline,
    folder: Path,
    version: str,
    artifacts: Iterable[str],
    check: Callable[[Path], None],
) -> None:
    """Check a complete release, then note it: after a kill the note is there too early at most."""
    check(folder)
    _note(pipeline, folder, version, artifacts)


def _note(pipeline: Pipeline, folder: Path, version: str, artifacts: Iterable[str]) -> None:
    name = f"{version}-{sha256_file(folder / SUMS_FILE)[:12]}"
    note_published(pipeline.store.root, name, artifacts)


def _note_again(pipeline: Pipeline, folder: Path, version: str) -> None:
    """Note a release that exists already, if it was made from this work folder."""
    if not (folder / MANIFEST_FILE).is_file() or not (folder / SUMS_FILE).is_file():
        return
    videos = read_manifest(folder)["videos"].values()
    artifacts = {digest for video in videos for digest in video.get("artifacts", {}).values()}
    if holds_any(pipeline.stages, pipeline.store, artifacts):
        _note(pipeline, folder, version, artifacts)


def _dropped(
    pipeline: Pipeline, concerns: Mapping[str, str], on_concern: OnConcern
) -> dict[str, MissingVideo]:
    """Name the finished videos that their concerns keep out of the release."""
    if on_concern == "fail" and concerns:
        video, reason = next(iter(concerns.items()))
        raise DataError(
            f"its capture is not to be trusted: {reason} ({len(concerns)} such videos)",
            where=f"video {video}",
            next_step="Nothing was published; look at it, or give --on-concern drop or flag",
        )
    if on_concern != "drop":
        return {}
    sessions = pipeline.sessions.by_id
    return {
        unit: MissingVideo(
            unit, sessions[unit].record.split, QualityStage.name, f"not to be trusted: {reason}"
        )
        for unit, reason in concerns.items()
    }


def _generator(pipeline: Pipeline) -> dict[str, str]:
    """Name what the release is made by, and the version of each part."""
    return {
        "qevd_bio": __version__,
        "policy": pipeline.config.policy,
        "variants": "yes" if pipeline.config.variants else "no",
        "salient_joints": pipeline.config.salient_source,
        **({} if pipeline.config.kinds is None else {"kinds": "opinions"}),
        **{f"stage {stage.name}": str(stage.version) for stage in pipeline.stages},
        **{f"rule {rule.id}": str(rule.version) for rule in pipeline.sessions.rules.values()},
        **{f"reference {rule.id}": rule.given.digest
           for rule in pipeline.sessions.rules.values() if rule.given is not None},
    }  # fmt: skip


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
    pipeline: Pipeline, planned: list[PlannedUnit], finished: Collection[str]
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
    pipeline: Pipeline, videos: Sequence[PublishedVideo], rejected: RejectedPolicy
) -> tuple[dict[str, pa.Table], dict[str, list[JsonValue]]]:
    """Return the source records of each split as a table, and with the new sentences."""
    replacements: dict[str, dict[int, str]] = {}
    for video in videos:
        rows = read_parquet(video.artifacts["annotations"], annotation_table.SCHEMA)
        rows = reviewed_table(rows, video.verdicts, rejected)
        columns = (rows[name].to_pylist() for name in ("feedback_index", "feedback", "status"))
        replacements[video.video_id] = {
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
