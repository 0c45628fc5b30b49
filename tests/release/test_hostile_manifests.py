"""A manifest or file of a release that somebody spoilt: one clear error that names the place."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qevd_bio.audit.source_videos import notes_of_release
from qevd_bio.errors import DataError
from qevd_bio.release.compare import compare_releases
from qevd_bio.released.contents import Release
from qevd_bio.released.loading import load_split
from qevd_bio.released.manifest import read_manifest
from qevd_bio.tables.bounded_parquet import read_group
from qevd_bio.verify.release import verify_release

A_SHARD = "annotations/train-00000-of-00001.parquet"


def at(*path: str | int, value: Any) -> Callable[[Any], Any]:
    """Set a value deep in a manifest."""

    def change(manifest: Any) -> Any:
        inner = manifest
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return manifest

    return change


def without(*path: str | int) -> Callable[[Any], Any]:
    def change(manifest: Any) -> Any:
        inner = manifest
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        return manifest

    return change


SHARD = ("configs", "annotations", "train", "shards", 0)
DEEP: Any = "x"
for _ in range(200):
    DEEP = [DEEP]

SPOILT: dict[str, Callable[[Any], Any]] = {
    "surrogate in a path": at(*SHARD, "path", value="annotations/\ud800.parquet"),
    "surrogate in an id": lambda m: {**m, "videos": {**m["videos"], "\ud800": {"split": "train"}}},
    "configs empty": at("configs", value={}),
    "configs a list": at("configs", value=[]),
    "a split in one config only": without("configs", "annotations", "train"),
    "another split in one config": at(
        "configs", "quality", "extra", value={"rows": 0, "shards": []}
    ),
    "schema version of 5000 digits": at("schema_version", value="1." + "9" * 5000 + ".0"),
    "schema version null": at("schema_version", value=None),
    "schema version a number": at("schema_version", value=1.3),
    "path a number": at(*SHARD, "path", value=7),
    "path null": at(*SHARD, "path", value=None),
    "path a list": at(*SHARD, "path", value=["annotations"]),
    "path absolute": at(*SHARD, "path", value="/etc/passwd"),
    "path empty": at(*SHARD, "path", value=""),
    "path with NUL": at(*SHARD, "path", value="a\x00b"),
    "path of 5000 letters": at(*SHARD, "path", value="a" * 5000),
    "path a folder": at(*SHARD, "path", value="annotations"),
    "rows beyond any file": at(*SHARD, "rows", value=10**40),
    "rows negative": at(*SHARD, "rows", value=-1),
    "rows true": at(*SHARD, "rows", value="12"),
    "digest short": at(*SHARD, "sha256", value="12"),
    "videos null": at("videos", value=None),
    "videos of another split": at("videos", "0007", "split", value="nowhere"),
    "video a list": at("videos", "0007", value=[]),
    "shards null": at("configs", "annotations", "train", "shards", value=None),
    "version null": at("version", value=None),
    "generator a list": at("generator", value=[]),
    "splits null": at("splits", value=None),
    "notes deep": at("videos", "0007", "kinematics", value={"x": DEEP}),
    "a list": lambda m: [m],
}

TEXTS: dict[str, Callable[[str], bytes]] = {
    "not UTF-8": lambda text: text.encode().replace(b"qevd_bio", b"qevd\xff\xfebio"),
    "thousand deep": lambda text: ("[" * 1000 + "]" * 1000).encode(),
    "in a key, thousand deep": lambda text: (
        text.rstrip()[:-1] + ', "x": ' + '{"a":' * 990 + "1" + "}" * 991
    ).encode(),
    "empty": lambda text: b"",
    "cut": lambda text: text.encode()[: len(text) // 2],
    "NaN": lambda text: text.replace('"rows": ', '"rows": NaN, "was": ', 1).encode(),
    "huge number": lambda text: text.replace('"rows": ', '"rows": 1' + "0" * 400, 1).encode(),
    "key twice": lambda text: text.replace('"rows": ', '"rows": 1, "rows": ', 1).encode(),
}


def check_readers(folder: Path, sound: Path) -> None:
    """Every reader ends with a DataError that names the file, and `verify` with issues."""
    for read in (
        lambda: load_split("train", folder),
        lambda: compare_releases(folder, sound),
        lambda: compare_releases(sound, folder),
        lambda: notes_of_release(folder),
    ):
        with pytest.raises(DataError) as caught:
            read()
        message = str(caught.value)
        assert len(message.splitlines()) == 1 and len(message) < 1000
        assert message.isprintable()
    assert verify_release(folder).issues


@pytest.fixture
def sound(made: Any) -> Path:
    folder: Path = made[1].folder
    return folder


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_manifest_is_one_clear_error(name: str, release: Release, sound: Path) -> None:
    file = release.folder / "manifest.json"
    file.write_text(json.dumps(SPOILT[name](json.loads(file.read_text()))))
    if name == "path a folder":  # sound for who does not open it
        with pytest.raises(DataError, match=r"annotations.* is a folder"):
            load_split("train", release.folder)
        return
    check_readers(release.folder, sound)


@pytest.mark.parametrize("name", TEXTS)
def test_a_manifest_that_is_no_json_is_one_clear_error(
    name: str, release: Release, sound: Path
) -> None:
    file = release.folder / "manifest.json"
    file.write_bytes(TEXTS[name](file.read_text()))
    check_readers(release.folder, sound)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link_out(path: Path) -> None:
    real = path.parents[2] / "real"
    path.rename(real)
    path.symlink_to(real)


def folder_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("replace", [pipe, link_out, folder_there])
@pytest.mark.parametrize("name", ["manifest.json", A_SHARD])
def test_pipes_links_and_folders_are_refused(
    name: str, replace: Callable[[Path], None], release: Release, sound: Path
) -> None:
    replace(release.folder / name)
    with pytest.raises(DataError, match=r"pipe|symbolic link|folder"):
        load_split("train", release.folder)
    with pytest.raises(DataError, match=r"pipe|symbolic link|folder"):
        compare_releases(release.folder, sound)
    assert verify_release(release.folder).issues


def bomb(path: Path, encoding: dict[str, Any]) -> pa.Table:
    """Write a shard in which one text of 170 kB is named 12,000 times: 2 GB in memory."""
    text = "x" * 170_000
    named = pa.DictionaryArray.from_arrays(pa.array([0] * 12_000, pa.int32()), [text])
    table = pa.table({"video_id": ["0007"] * 12_000, "feedback": named})
    pq.write_table(table, path, compression="zstd", store_schema=False, **encoding)
    return table


def test_a_text_that_is_named_again_and_again_is_not_written_out(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    bomb(path, {})
    assert path.stat().st_size < 200_000
    with path.open("rb") as file, pytest.raises(ValueError, match="unpack to more"):
        read_group(file, 0, None)


def test_fixed_size_bytes_named_often_are_not_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, width = tmp_path / "fixed.parquet", 1000
    value = pa.array([b"x" * width], pa.binary(width))
    pq.write_table(pa.table({"x": value.take(pa.array([0] * 20_000))}), path)
    assert path.stat().st_size < 20_000
    with path.open("rb") as file:
        assert read_group(file, 0, None).num_rows == 20_000
    monkeypatch.setattr(pq, "ParquetFile", None)  # it is refused before pyarrow reads a value
    with path.open("rb") as file, pytest.raises(ValueError, match="unpacks to more"):
        read_group(file, 0, None, most_bytes=1 << 24)


def test_a_run_of_equal_numbers_is_not_written_out(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    table = pa.table({"x": pa.array([True]).take(pa.array([0] * 10_000))})
    table = pa.concat_tables([table] * 3000)
    pq.write_table(table, path, row_group_size=table.num_rows)
    assert path.stat().st_size < 400_000
    with path.open("rb") as file, pytest.raises(ValueError, match="unpacks to more"):
        read_group(file, 0, None, most_bytes=1 << 26)


SMALL = io.BytesIO()
pq.write_table(
    pa.table(
        {
            "a": ["x", "y", None] * 20,
            "b": [[1.0, None], None, []] * 20,
            "c": [{"t": ["u"]}, None, {"t": None}] * 20,
        }
    ),
    SMALL,
    row_group_size=25,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(SMALL.getvalue()) - 1), st.integers(0, 255)), max_size=4
    )
)
def test_changed_bytes_of_a_shard_give_a_table_or_a_known_error(
    changes: list[tuple[int, int]],
) -> None:
    content = bytearray(SMALL.getvalue())
    for place, value in changes:
        content[place] = value
    try:
        file = io.BytesIO(bytes(content))
        for index in range(pq.read_metadata(io.BytesIO(bytes(content))).num_row_groups):
            read_group(file, index, None, most_bytes=1 << 24)
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError):
        pass


def test_the_manifest_of_a_sound_release_is_read(sound: Path) -> None:
    assert read_manifest(sound)["version"] == "1.0.0"
