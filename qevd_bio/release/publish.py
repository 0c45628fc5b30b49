"""Making a release: Parquet splits with card, manifest, schemas and sums."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.contain import plain_name
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.new_folder import new_folder
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.qevd.layout import RECORDS_FILE
from qevd_bio.release.card import card_text
from qevd_bio.release.changelog import (
    CHANGELOG_FILE,
    PreviousRelease,
    changelog_text,
    previous_release,
)
from qevd_bio.release.compare import refuse_small_step
from qevd_bio.release.configs import CONFIGS, SPLITS
from qevd_bio.release.contents import (
    MANIFEST_FILE,
    Contents,
    MissingVideo,
    PublishedVideo,
    Release,
    Shard,
)
from qevd_bio.release.croissant import croissant
from qevd_bio.release.drop_in import DROP_IN_FOLDER, TABLE_FILE
from qevd_bio.release.evidence import release_faults
from qevd_bio.release.json_schemas import row_schema
from qevd_bio.release.shards import (
    ROWS_PER_SHARD,
    kinematics_notes,
    release_schema,
    row_digests,
    write_config,
)
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.parquet import write_parquet
from qevd_bio.tables.records import SCHEMA as RECORDS

CARD_FILE = "README.md"
CROISSANT_FILE = "croissant.json"
SUMS_FILE = "SHA256SUMS"

_NUMBER = r"(0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?", re.A)


def publish(
    videos: Sequence[PublishedVideo],
    *,
    out: Path,
    version: str,
    missing: Sequence[MissingVideo],
    drop_in: Mapping[str, Sequence[JsonValue]],
    records: Mapping[str, pa.Table],
    generator: Mapping[str, str],
    rows_per_shard: int = ROWS_PER_SHARD,
    previous: Path | None = None,
    date: str | None = None,
    url: str | None = None,
) -> Release:
    """Publish the videos that reached the end.

    Parameters
    ----------
    videos : sequence of PublishedVideo
        In any order.
    out : Path
        Folder of releases; the new one is ``out/<version>``.
    version : str
        Semantic version, such as ``1.0.0``.
    missing : sequence of MissingVideo
        What the source holds and the release does not, and why.
    drop_in : mapping of str to sequence
        Records of the source with the new sentences, by split folder.
    records : mapping of str to Table
        The same records as they were, from `qevd_bio.release.drop_in.records_table`.
    generator : mapping of str to str
        Names and versions of what made the release; it stands in every shard.
    rows_per_shard : int
        Most rows of a shard that holds more than one video.
    previous : Path, optional
        The release before this one; its version is recorded and its changelog continued.
    date, url : str, optional
        Day of publishing (ISO 8601) and address of the release, for the Croissant description.

    Returns
    -------
    Release

    Raises
    ------
    UsageError
        The version is none, exists or is too low for what changed, the previous release is
        none, the date is none, or there is nothing to publish.
    DataError
        A video is given twice, an artifact is damaged, or a sentence holds a number that no
        finding of its row backs.

    Notes
    -----
    The release is made beside its place and renamed at the end: it is there whole or not at
    all. No clock enters a file; equal inputs give equal SHA256SUMS, in whatever order the
    videos are given.
    """
    _check(videos, missing, version, rows_per_shard, date)
    before = None if previous is None else previous_release(previous, SUMS_FILE)
    videos = sorted(videos, key=lambda video: video.video_id)
    target = out / version
    with new_folder(target) as folder:
        contents = _write_tables(videos, missing, version, generator, folder, rows_per_shard)
        contents = replace(contents, date=date, url=url, previous=_named(before))
        schemas = {name: (config.schema, config.order) for name, config in CONFIGS.items()}
        schemas["records"] = (RECORDS, ("record_index",))
        for name, (schema, order) in schemas.items():
            _write_json(folder / "schema" / f"{name}.json", row_schema(name, schema, order))
        for name, dense in drop_in.items():
            home = folder / DROP_IN_FOLDER / plain_name(name, where="drop-in split folder")
            # As the source writes it: key order and shortest floats kept, ASCII.
            text = json.dumps(list(dense), allow_nan=False) + "\n"
            write_text_atomic(home / RECORDS_FILE, text)
            write_parquet(records[name], home / TABLE_FILE)
        _write_json(folder / MANIFEST_FILE, _manifest(contents, videos, folder))
        _refuse_faults(folder)
        if previous is not None:
            refuse_small_step(previous, folder)
        write_text_atomic(folder / CARD_FILE, card_text(contents))
        splits = {video.video_id: video.split for video in videos}
        write_text_atomic(folder / CHANGELOG_FILE, changelog_text(contents, splits, before))
        files = _write_sums(folder, contents)
    return Release(folder=target, contents=contents, files=files)


def _named(before: PreviousRelease | None) -> dict[str, str] | None:
    if before is None:
        return None
    return {"version": before.version, "sha256sums_sha256": before.sums_sha256}


def _refuse_faults(folder: Path) -> None:
    faults = release_faults(folder)
    if faults:
        raise DataError(
            f"{faults[0].cause} ({len(faults)} such faults in all)",
            where=f"video {faults[0].video_id} utterance {faults[0].feedback_index}",
            next_step="Nothing was published; report this with the annotations artifact",
        )


def _check(
    videos: Sequence[PublishedVideo],
    missing: Sequence[MissingVideo],
    version: str,
    rows_per_shard: int,
    date: str | None,
) -> None:
    if _VERSION.fullmatch(version) is None:
        raise UsageError(
            "is no semantic version",
            where=f"version {version!r}",
            next_step="Give three numbers, such as 1.0.0",
        )
    if date is not None and not _is_day(date):
        raise UsageError(
            "is no day of the calendar",
            where=f"date {date!r}",
            next_step="Give it as in 2026-12-31",
        )
    if rows_per_shard < 1:
        raise UsageError(
            f"a shard of {rows_per_shard} rows cannot be written",
            where="rows_per_shard",
            next_step=f"Give a positive number, or none for {ROWS_PER_SHARD}",
        )
    if not videos:
        raise UsageError(
            _nothing_finished(missing),
            where=f"release {version}",
            next_step="Run the stages first; `qevd-bio plan --why` says what is open",
        )
    for video in videos:
        plain_name(video.video_id, where="video to publish")
        absent = [config for config in CONFIGS if config not in video.artifacts]
        if absent:
            raise DataError(
                f"has no artifact for {', '.join(absent)}",
                where=f"video {video.video_id}",
                next_step="Run the stages to the end first",
            )
    given = [(one.video_id, one.split) for one in videos]
    given += [(one.video_id, one.split) for one in missing]
    for video_id, split in given:
        if split not in SPLITS:
            raise DataError(
                f"belongs to split {split!r}",
                where=f"video {video_id}",
                next_step=f"The splits are {', '.join(SPLITS)}",
            )
    counts = Counter(video.video_id for video in videos)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise DataError(
            "is published twice",
            where=f"video {', '.join(twice)}",
            next_step="Give every video once, in one split",
        )


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _nothing_finished(missing: Sequence[MissingVideo]) -> str:
    first = f", the first: {missing[0].video_id}: {missing[0].reason}" if missing else ""
    return f"no video is finished, {len(missing)} are missing{first}"


def _write_tables(
    videos: Sequence[PublishedVideo],
    missing: Sequence[MissingVideo],
    version: str,
    generator: Mapping[str, str],
    folder: Path,
    rows_per_shard: int,
) -> Contents:
    by_split = {split: [video for video in videos if video.split == split] for split in SPLITS}
    by_split = {split: group for split, group in by_split.items() if group}
    shards = {}
    for config in CONFIGS:
        schema = release_schema(config, version, generator)
        shards[config] = write_config(
            config, by_split, schema, folder, rows_per_shard=rows_per_shard
        )
    return Contents(
        version=version,
        generator=dict(generator),
        shards=shards,
        statuses={
            split: _count_statuses(folder, group) for split, group in shards["annotations"].items()
        },
        videos={split: len(group) for split, group in by_split.items()},
        faults={video.video_id: video.faults for video in videos if video.faults},
        missing=tuple(
            sorted(missing, key=lambda one: (one.video_id, one.split, one.stage, one.reason))
        ),
    )


def _count_statuses(folder: Path, shards: Sequence[Shard]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for shard in shards:
        counts.update(pq.read_table(folder / shard.path, columns=["status"])["status"].to_pylist())
    return dict(sorted(counts.items()))


def _manifest(
    contents: Contents, videos: Sequence[PublishedVideo], folder: Path
) -> dict[str, JsonValue]:
    digests = row_digests(folder, contents.shards)
    return {
        "name": "qevd_bio",
        "schema_version": SCHEMA_VERSION,
        **contents.as_json(),
        "videos": {
            video.video_id: {
                "split": video.split,
                "source_faults": list(video.faults),
                "artifacts": {name: sha256_file(video.artifacts[name]) for name in CONFIGS},
                "rows_sha256": digests[video.video_id],
                "kinematics": kinematics_notes(video),
            }
            for video in videos
        },
    }


def _write_json(path: Path, value: Mapping[str, JsonValue]) -> None:
    write_text_atomic(path, dump_json(value, where=path.name, indent=1) + "\n")


def _write_sums(folder: Path, contents: Contents) -> tuple[str, ...]:
    """Hash every file once, name them in the Croissant description, and that one with them."""
    sums = {
        shard.path: shard.sha256
        for splits in contents.shards.values()
        for shards in splits.values()
        for shard in shards
    }
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in sums:
            sums[name] = sha256_file(path)
    files = {name: ((folder / name).stat().st_size, sha256) for name, sha256 in sums.items()}
    _write_json(folder / CROISSANT_FILE, croissant(contents, files))
    sums[CROISSANT_FILE] = sha256_file(folder / CROISSANT_FILE)
    text = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    write_text_atomic(folder / SUMS_FILE, text)
    return (*sorted(sums), SUMS_FILE)
