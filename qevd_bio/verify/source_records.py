"""Source records, published videos and missing ones: each record is one or the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.qevd.layout import SPLIT_FOLDERS
from qevd_bio.qevd.record import Record
from qevd_bio.qevd.utterances import reconcile
from qevd_bio.released.contents import MANIFEST_FILE
from qevd_bio.released.drop_in import DROP_IN_FOLDER, TABLE_FILE
from qevd_bio.released.rows import open_shard
from qevd_bio.tables.records import SCHEMA
from qevd_bio.verify.files import Layout

SOURCE = "source"
"""Stage of records that cannot be used."""

Records = Mapping[str, list[dict[str, Any]]]
"""Rows of ``records.parquet`` by split."""


def read_records(layout: Layout) -> Records:
    """Read the source records; those of a split that cannot be read are issues of the drop-in."""
    found: dict[str, list[dict[str, Any]]] = {}
    for split, home in SPLIT_FOLDERS.items():
        name = f"{DROP_IN_FOLDER}/{home}/{TABLE_FILE}"
        if name not in layout.folder.files:
            continue
        try:
            shard = open_shard(layout.folder.path, name)
            groups = [shard.group(index) for index in range(len(shard.group_rows))]
        except DataError:
            continue
        if set(SCHEMA.names) <= set(shard.schema.names):
            found[split] = [row for group in groups for row in group.to_pylist()]
    return found


def check_missing(layout: Layout, records: Records) -> None:
    """Compare the missing videos that the manifest names with the records that are not published.

    Splits without records are not checked.
    """
    manifest = layout.manifest
    stages = {SOURCE, *(n.removeprefix("stage ") for n in manifest["generator"])}
    for number, one in enumerate(manifest.get("missing", ())):
        for cause in _causes(one, manifest["videos"], records, stages):
            layout.verdict.add("manifest", f"{MANIFEST_FILE} missing.{number}", cause)
    for video in manifest.get("concerns", {}):
        if video not in manifest["videos"]:
            cause = f"names {video}, which is not published"
            layout.verdict.add("manifest", f"{MANIFEST_FILE} concerns", cause)
    named = [(one["split"], one["video_id"]) for one in manifest.get("missing", ())]
    for split, rows in records.items():
        for row in rows:
            video = row["video_id"]
            if video is None or video in manifest["videos"] or (split, video) in named:
                continue
            cause = f"does not name {video}, which has a record in {split} and is not published"
            layout.verdict.add("manifest", f"{MANIFEST_FILE} missing", cause)
        unusable = sum(row["video_id"] is None for row in rows)
        stated = sum(
            (one["split"], one["stage"]) == (split, SOURCE) for one in manifest.get("missing", ())
        )
        if unusable != stated:
            cause = f"names {stated} unusable records of {split}, the source has {unusable}"
            layout.verdict.add("manifest", f"{MANIFEST_FILE} missing", cause)


def _causes(
    one: Mapping[str, str],
    videos: Mapping[str, Any],
    records: Records,
    stages: set[str],
) -> Iterator[str]:
    if one["stage"] not in stages:
        yield f"names the stage {one['stage']!r}, which made no part of the release"
    if one["stage"] == SOURCE or one["split"] not in records:
        return
    if one["video_id"] in videos:
        yield f"names {one['video_id']}, which is published"
    elif all(row["video_id"] != one["video_id"] for row in records[one["split"]]):
        yield f"names {one['video_id']}, which has no record in {one['split']}"


def fault_causes(record: Record, stated: list[str]) -> Iterator[str]:
    """Compare the faults stated of a source record with those that it has."""
    # that it has more or fewer times than texts is known to the loader only
    is_uneven = record.times_s is None or len(record.times_s) != len(record.feedbacks)
    own = stated[1:] if is_uneven else stated
    due = [issue.message for issue in reconcile(record).issues]
    if own != due:
        yield f"source_faults are {own}, its record has {due}"
