"""A release of three made-up sessions, and ways to damage a copy of it."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qevd_bio.capture.monocular import backend
from qevd_bio.pipeline.pipeline import PipelineConfig, open_pipeline
from qevd_bio.release import assembly, publish
from qevd_bio.release.card import card_text, loader_lines
from qevd_bio.release.card_facts import card_facts, rows_of_shards
from qevd_bio.release.croissant import croissant
from qevd_bio.release.loaded_size import loaded_bytes
from qevd_bio.release.row_digest import rows_sha256
from qevd_bio.released.contents import Contents, Shard
from qevd_bio.released.rows import SplitRows, open_shard
from qevd_bio.tables.parquet import write_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.descriptions import contents_of
from tests.pipeline.sessions_made import SPLIT, SQUATS, captured, record, write_root
from tests.verify.odd_motions import Change

TEST_SPLIT = "QEVD-FIT-COACH-Benchmark"
DEPTHS = {"0001": 0.7, "0002": 0.8, "0003": 0.66}


def made_release(home: Path, version: str = "1.0.0", **options: Any) -> Path:
    """Two videos of train in shards of their own where they have many rows, one of test."""
    root = home / "QEVD"
    if not root.exists():
        write_root(root, [record("0001", SQUATS), record("0002", SQUATS)])
        write_root(root, [record("0003", SQUATS)], TEST_SPLIT)
        for video in root.rglob("*.mp4"):
            video.write_bytes(video.stem.encode())
    return released(home, version, DEPTHS, **options)


def released(
    home: Path,
    version: str,
    depths: dict[str, float],
    work: str = "work",
    change: Change = lambda motion: motion,
    **options: Any,
) -> Path:
    """Run the pipeline on a data root, with captures changed, and publish it."""

    def capture(
        path: Path, times_s: Any, *, video_id: str, config: Any, exercises: Any = ()
    ) -> Any:
        found = captured(depths[video_id])(path, times_s, video_id=video_id, config=config)
        return replace(found, motion=change(found.motion))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "capture_motion", capture)
        sharded = functools.partial(publish.publish, rows_per_shard=500)
        patch.setattr(assembly, "publish", sharded)
        pipeline = open_pipeline(PipelineConfig(home / "QEVD"), home / work)
        assert not pipeline.run(argv=["test"], on_event=lambda event: None).failures
        return assembly.release_from(
            pipeline, out=home / "release", version=version, **options
        ).folder


def edit_json(path: Path, change: Callable[[Any], Any]) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    changed = change(value)
    path.write_text(json.dumps(value if changed is None else changed), encoding="utf-8")


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a shard again with other rows or columns."""
    write_parquet(change(pq.ParquetFile(path).read()), path)


def edit_rows(path: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the rows of a shard as plain values."""

    def changed(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        new = change(rows)
        return pa.Table.from_pylist(rows if new is None else new, schema=table.schema)

    rewrite(path, changed)


def is_parquet(path: Path) -> bool:
    try:
        return pq.ParquetFile(path).metadata.num_rows >= 0
    except (OSError, pa.ArrowInvalid):
        return False


def digests_of(folder: Path, shards: list[dict[str, Any]]) -> dict[str, str]:
    """Digests of the rows by video; none where a shard cannot be read."""
    if not all(is_parquet(folder / shard["path"]) for shard in shards):
        return {}
    rows = SplitRows([open_shard(folder, shard["path"]) for shard in shards])
    try:
        return {video: rows_sha256(rows.of(video)) for video in rows.videos()}
    except KeyError:
        return {}


def reseal(folder: Path, *, rows_too: bool = True) -> None:
    """Make sums, manifest and descriptions agree with the files, as a careful forger would.

    Without `rows_too` the forger does not know of the digests of the rows.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for video in manifest["videos"].values() if rows_too else ():
        video["rows_sha256"] = {}
    for config, splits in manifest["configs"].items():
        for entry in splits.values():
            for shard in entry["shards"]:
                file = folder / shard["path"]
                if is_parquet(file):
                    shard["rows"] = pq.ParquetFile(file).metadata.num_rows
                if file.is_file() and not file.is_symlink():
                    shard["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
            entry["rows"] = sum(shard["rows"] for shard in entry["shards"])
            for video, digest in digests_of(folder, entry["shards"]).items():
                if rows_too and video in manifest["videos"]:
                    manifest["videos"][video]["rows_sha256"][config] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    describe_anew(folder, manifest)
    write_sums(folder)


def write_sums(folder: Path) -> None:
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    )
    sums = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def card_anew(folder: Path, contents: Contents, manifest: dict[str, Any]) -> str:
    """Write the card anew; where rows or manifest are too odd, only what loaders read."""
    captures = [one["kinematics"] for one in manifest["videos"].values()]
    try:
        read = functools.partial(rows_of_shards, folder, contents)
        return card_text(contents, card_facts(read, captures))
    except (KeyError, TypeError, ValueError, pa.ArrowException):
        card = (folder / "README.md").read_text(encoding="utf-8")
        front, end, rest = card.partition("\n---\n")
        front = front[: front.index("configs:")] + "\n".join(loader_lines(contents))
        return front + end + rest


def describe_anew(folder: Path, manifest: dict[str, Any]) -> None:
    """Make the card's counts and the Croissant description agree with what can be read."""
    shards = {}
    for config in [name for name in TABLES if name in manifest["configs"]]:
        splits = manifest["configs"][config].items()
        files = {
            split: [folder / one["path"] for one in entry["shards"]] for split, entry in splits
        }
        every = [file for found in files.values() for file in found]
        if not all(is_parquet(one) and pq.ParquetFile(one).metadata.num_rows for one in every):
            return
        shards[config] = {
            split: tuple(
                Shard(
                    str(file.relative_to(folder)),
                    pq.ParquetFile(file).metadata.num_rows,
                    loaded_bytes(file),
                    file.stat().st_size,
                    "",
                )
                for file in found
            )
            for split, found in sorted(files.items(), reverse=True)
        }
    contents = contents_of(manifest, shards)
    (folder / "README.md").write_text(card_anew(folder, contents, manifest), encoding="utf-8")
    log = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    for config, splits in manifest["configs"].items():
        for split, one in splits.items():
            log = re.sub(rf"(`{config}` {split}: )\d+", rf"\g<1>{one['rows']}", log, count=1)
    (folder / "CHANGELOG.md").write_text(log, encoding="utf-8")
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in (".json", ".md", ".parquet") and path.name != "croissant.json"
    }
    sums = {n: (len(data), hashlib.sha256(data).hexdigest()) for n, data in files.items()}
    (folder / "croissant.json").write_text(json.dumps(croissant(contents, sums)), encoding="utf-8")


__all__ = ["SPLIT", "TEST_SPLIT", "edit_json", "edit_rows", "made_release", "reseal", "rewrite",
           "write_sums"]  # fmt: skip
