"""Write a release: Parquet splits with card, manifest, schemas and sums."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.new_folder import new_folder
from qevd_bio.files.path_containment import plain_name
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.qevd.layout import RECORDS_FILE
from qevd_bio.release.card import card_text
from qevd_bio.release.card_facts import card_facts, rows_of_shards
from qevd_bio.release.changelog import PreviousRelease, changelog_text, previous_release
from qevd_bio.release.compare import refuse_small_step
from qevd_bio.release.context_evidence import context_issues
from qevd_bio.release.croissant import croissant
from qevd_bio.release.evidence import sentence_issues
from qevd_bio.release.json_schemas import row_schema
from qevd_bio.release.made_with import writer_of_artifacts
from qevd_bio.release.reviewed import review_of
from qevd_bio.release.shards import (
    ROWS_PER_SHARD,
    empty_columns_of,
    kinematics_notes,
    release_schema,
    row_digests,
    write_config,
)
from qevd_bio.release.version_steps import release_numbers
from qevd_bio.released.contents import (
    CARD_FILE,
    CHANGELOG_FILE,
    CROISSANT_FILE,
    MANIFEST_FILE,
    SPLITS,
    SUMS_FILE,
    Contents,
    Release,
    ReleaseInput,
    Shard,
)
from qevd_bio.released.drop_in import DROP_IN_FOLDER, TABLE_FILE
from qevd_bio.tables import records
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.parquet import write_parquet
from qevd_bio.tables.published import TABLES


def publish(
    given: ReleaseInput,
    *,
    out: Path,
    version: str,
    rows_per_shard: int = ROWS_PER_SHARD,
    previous: Path | None = None,
    date: str | None = None,
    url: str | None = None,
    check: Callable[[Path], None] | None = None,
) -> Release:
    """Publish the videos that reached the end.

    Parameters
    ----------
    given : ReleaseInput
        Videos, source records and versions.
    out : Path
        Folder of releases; the new one is ``out/<version>``.
    version : str
        Semantic version, such as ``1.0.0``.
    rows_per_shard : int
        Most rows of a shard that holds more than one video.
    previous : Path, optional
        The release before this one; its version is recorded and its changelog continued.
    date, url : str, optional
        Day of publishing (ISO 8601) and address of the release, for the Croissant description.
    check : callable, optional
        Called with the complete folder before it is renamed; raises where it should not be
        published: `qevd_bio.verify.before_publishing.refuse_condemned`, or `refuse_unbacked`
        where none is given. May note elsewhere that the release exists.

    Returns
    -------
    Release

    Raises
    ------
    UsageError
        The version is none, exists or is too low for what changed, the previous release is
        none, the date is none, or there is nothing to publish.
    DataError
        A video is given twice, an artifact is absent or damaged, or a sentence holds a number
        that no finding of its row backs, or a context does not follow from its past.

    Notes
    -----
    The release is written beside its place and renamed at the end: it is complete or not there at
    all. No clock enters a file; equal inputs give equal SHA256SUMS, in whatever order the
    videos are given. A table that is not required is left out where no video has it.
    """
    _check_options(version, rows_per_shard, date)
    _check_videos(given, version)
    before = None if previous is None else previous_release(previous)
    given = replace(given, videos=sorted(given.videos, key=lambda video: video.video_id))
    target = out / version
    with new_folder(target) as folder:
        contents = _write_tables(given, version, folder, rows_per_shard)
        contents = replace(contents, date=date, url=url, previous=_named(before))
        contents = replace(contents, review=review_of(given))
        _write_sources(given, contents, folder)
        _write_json(folder / MANIFEST_FILE, _manifest(contents, given, folder))
        if previous is not None:
            refuse_small_step(previous, folder)
        read = functools.partial(rows_of_shards, folder, contents)
        facts = card_facts(read, map(kinematics_notes, given.videos))
        write_text_atomic(folder / CARD_FILE, card_text(contents, facts))
        splits = {video.video_id: video.split for video in given.videos}
        write_text_atomic(folder / CHANGELOG_FILE, changelog_text(contents, splits, before))
        files = _write_sums(folder, contents)
        (refuse_unbacked if check is None else check)(folder)
    return Release(folder=target, contents=contents, files=files)


def _named(before: PreviousRelease | None) -> dict[str, str] | None:
    if before is None:
        return None
    return {"version": before.version, "sha256sums_sha256": before.sums_sha256}


def refuse_unbacked(folder: Path) -> None:
    """Raise `DataError` if a sentence or context does not follow from its evidence."""
    _check_sentences(folder)
    _check_contexts(folder)


def _check_sentences(folder: Path) -> None:
    issues = sentence_issues(folder)
    if issues:
        raise DataError(
            f"{issues[0].cause} ({len(issues)} such issues in all)",
            where=f"video {issues[0].video_id} utterance {issues[0].feedback_index}",
            next_step="Nothing was published; report this with the annotations artifact",
        )


def _check_contexts(folder: Path) -> None:
    issues = context_issues(folder)
    if issues:
        raise DataError(
            f"{issues[0].cause} ({len(issues)} such issues in all)",
            where=f"video {issues[0].video_id} context {issues[0].place}",
            next_step="Nothing was published; report this with the contexts artifact",
        )


def _check_options(version: str, rows_per_shard: int, date: str | None) -> None:
    release_numbers(version)
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


def _check_videos(given: ReleaseInput, version: str) -> None:
    if not given.videos:
        first = given.missing[0] if given.missing else None
        example = f", the first: {first.video_id}: {first.reason}" if first else ""
        raise UsageError(
            f"no video is finished, {len(given.missing)} are missing{example}",
            where=f"release {version}",
            next_step="Run the stages first; `qevd-bio plan --why` lists what is open",
        )
    required = [name for name, table in TABLES.items() if table.required]
    for video in given.videos:
        plain_name(video.video_id, where="video to publish")
        absent = [name for name in required if name not in video.artifacts]
        if absent:
            raise DataError(
                f"has no artifact for {', '.join(absent)}",
                where=f"video {video.video_id}",
                next_step="Run the stages to the end first",
            )
    placed = [(one.video_id, one.split) for one in given.videos]
    placed += [(one.video_id, one.split) for one in given.missing]
    for video_id, split in placed:
        if split not in SPLITS:
            raise DataError(
                f"belongs to split {split!r}",
                where=f"video {video_id}",
                next_step=f"The splits are {', '.join(SPLITS)}",
            )
    counts = Counter(video.video_id for video in given.videos)
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


def _write_tables(
    given: ReleaseInput, version: str, folder: Path, rows_per_shard: int
) -> Contents:
    by_split = {split: [one for one in given.videos if one.split == split] for split in SPLITS}
    by_split = {split: videos for split, videos in by_split.items() if videos}
    lacking = {
        name: [video.video_id for video in given.videos if name not in video.artifacts]
        for name in TABLES
    }
    published = [name for name in TABLES if len(lacking[name]) < len(given.videos)]
    left_out = {name: empty_columns_of(name, given.videos) for name in published}
    shards = {
        name: write_config(
            name,
            by_split,
            release_schema(name, version, given.generator, left_out[name]),
            folder,
            rows_per_shard=rows_per_shard,
            rejected=given.review.rejected,
        )
        for name in published
    }
    sentences = shards["annotations"]
    return Contents(
        version=version,
        generator=dict(given.generator),
        shards=shards,
        videos={split: len(videos) for split, videos in by_split.items()},
        statuses={
            split: _count_statuses(folder, of_split) for split, of_split in sentences.items()
        },
        missing=tuple(sorted(given.missing)),
        issues={video.video_id: video.issues for video in given.videos if video.issues},
        lacking={name: lacking[name] for name in shards if lacking[name]},
        concerns=dict(sorted(given.concerns.items())),
        left_out={name: columns for name, columns in left_out.items() if columns},
    )


def _write_sources(given: ReleaseInput, contents: Contents, folder: Path) -> None:
    """Write the schemas of all tables, the rules and prompts, and the source's own records."""
    for table in (*(TABLES[name] for name in contents.shards), records.TABLE):
        columns = row_schema(table, left_out=contents.left_out.get(table.name, ()))
        _write_json(folder / "schema" / f"{table.name}.json", columns)
    for path, content in given.made_with.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    for name, dense in given.drop_in.items():
        home = folder / DROP_IN_FOLDER / plain_name(name, where="drop-in split folder")
        # As the source writes it: key order and shortest floats kept, ASCII.
        text = json.dumps(list(dense), allow_nan=False) + "\n"
        write_text_atomic(home / RECORDS_FILE, text)
        write_parquet(given.records[name], home / TABLE_FILE)


def _count_statuses(folder: Path, shards: Sequence[Shard]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for shard in shards:
        counts.update(pq.read_table(folder / shard.path, columns=["status"])["status"].to_pylist())
    return dict(sorted(counts.items()))


def _manifest(contents: Contents, given: ReleaseInput, folder: Path) -> dict[str, JsonValue]:
    digests = row_digests(folder, contents.shards)
    return {
        "name": "qevd_bio",
        "schema_version": SCHEMA_VERSION,
        **contents.as_json(),
        "parquet_writer": writer_of_artifacts(
            [path for video in given.videos for path in video.artifacts.values()]
        ),
        "made_with": {
            path: hashlib.sha256(content).hexdigest() for path, content in given.made_with.items()
        },
        "videos": {
            video.video_id: {
                "split": video.split,
                "source_faults": list(video.issues),
                "artifacts": {
                    name: sha256_file(video.artifacts[name])
                    for name in contents.shards
                    if name in video.artifacts
                },
                "rows_sha256": digests.get(video.video_id, {}),
                "kinematics": kinematics_notes(video),
            }
            for video in given.videos
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
