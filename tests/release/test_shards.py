from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.release import shards
from qevd_bio.released.contents import PublishedVideo, Release
from qevd_bio.released.loading import load_table, videos_of
from qevd_bio.tables.published import TABLES
from tests.release.made_artifacts import publish, published


def leaves(file: Path) -> dict[str, Any]:
    footer = pq.read_metadata(file)
    group = footer.row_group(0)
    return {group.column(i).path_in_schema: group.column(i) for i in range(footer.num_columns)}


@pytest.mark.parametrize("config", TABLES)
def test_floats_at_any_depth_are_split_by_byte_and_only_ids_have_dictionaries(
    release: Release, config: str
) -> None:
    found = leaves(release.folder / config / "train-00000-of-00001.parquet")
    for name, column in found.items():
        assert column.compression == "ZSTD"
        is_float = column.physical_type in ("FLOAT", "DOUBLE")
        assert ("BYTE_STREAM_SPLIT" in column.encodings) == is_float, name
        has_dictionary = "RLE_DICTIONARY" in column.encodings
        assert has_dictionary == (name in ("video_id", "exercise")), name
        assert column.is_stats_set == (column.physical_type != "FLOAT"), name


def tables_of(sizes: list[int], text: str) -> list[pa.Table]:
    ends = np.cumsum(sizes)
    return [
        pa.table({"row": pa.array(np.arange(end - size, end)), "text": [text] * size})
        for end, size in zip(ends, sizes, strict=True)
    ]


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), max_size=12),
    rows=st.integers(1, 30),
    size_bytes=st.integers(1, 2000),
    text=st.sampled_from(["", "a sentence of some length"]),
)
def test_row_groups_keep_rows_and_limits(
    sizes: list[int], rows: int, size_bytes: int, text: str
) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(shards, "ROWS_PER_GROUP", rows)
    patch.setattr(shards, "BYTES_PER_GROUP", size_bytes)
    try:
        groups = list(shards._row_groups(tables_of(sizes, text)))
    finally:
        patch.undo()
    assert [row for group in groups for row in group["row"].to_pylist()] == list(range(sum(sizes)))
    for group in groups:
        assert 1 <= group.num_rows <= rows
        assert group.nbytes <= size_bytes or group.num_rows == 1
    for one, following in pairwise(groups):
        cut = one.num_rows + following.num_rows > rows
        assert cut or one.nbytes + following.nbytes > size_bytes, "no group too many"


def test_row_groups_of_the_defaults_stay_below_a_hundred_megabytes() -> None:
    assert shards.BYTES_PER_GROUP < 100e6
    width = sum(field.type.bit_width for field in TABLES["kinematics"].schema if
                pa.types.is_primitive(field.type)) / 8  # fmt: skip
    assert shards.ROWS_PER_GROUP * width < 10e6, "a window is read with at most two of them"


def test_rows_in_order_are_taken_as_they_are_and_others_sorted(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    sorted_of = publish(videos, **arguments)
    for video in videos:
        path = video.artifacts["kinematics"]
        table = pq.read_table(path)
        backwards = table.take(list(reversed(range(table.num_rows))))
        pq.write_table(backwards, path)
    again = publish(videos, **arguments | {"out": arguments["out"] / "again"})
    for split in ("train", "test"):
        first, second = (load_table(split, one.folder, "kinematics") for one in (sorted_of, again))
        assert first.equals(second)


def test_video_without_an_artifact_of_a_table_is_refused(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    cut = {name: path for name, path in videos[0].artifacts.items() if name != "quality"}
    with pytest.raises(DataError, match="0146: has no artifact for quality"):
        publish([dataclasses.replace(videos[0], artifacts=cut)], **arguments)
    assert not arguments["out"].exists()


@pytest.mark.parametrize("rows_per_shard", [1, 1000])
@pytest.mark.parametrize("rows_per_group", [3, 1000])
def test_videos_come_one_by_one_across_groups_and_shards(
    tmp_path: Path,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    rows_per_shard: int,
    rows_per_group: int,
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", rows_per_group)
    frames = {"a": 7, "b": 4, "c": 12}
    videos = [
        published(tmp_path / "w", name, "train", frames=n, n_cycles=0)
        for name, n in frames.items()
    ]
    release = publish(videos, **arguments, rows_per_shard=rows_per_shard)
    whole = load_table("train", release.folder, "kinematics")
    found = list(videos_of("train", release.folder, "kinematics", ["frame"]))
    assert [(name, rows.num_rows) for name, rows in found] == list(frames.items())
    joined = pa.concat_tables([rows for _, rows in found])
    assert joined.equals(whole.select(["video_id", "frame"]))
    assert list(videos_of("train", release.folder, "kinematics"))[2][1].equals(whole.slice(11))


def test_page_of_a_shard_that_is_damaged_is_named(release: Release) -> None:
    file = release.folder / "kinematics" / "train-00000-of-00001.parquet"
    data = bytearray(file.read_bytes())
    start = leaves(file)["time_s"].data_page_offset
    data[start : start + 40] = bytes(40)
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"train-00000-of-00001.parquet: cannot be read"):
        load_table("train", release.folder, "kinematics")
    with pytest.raises(DataError, match=r"train-00000-of-00001.parquet: cannot be read"):
        list(videos_of("train", release.folder, "kinematics"))
