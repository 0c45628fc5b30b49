from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.released.contents import PublishedVideo, Release
from qevd_bio.released.loading import load_split
from tests.release.made_artifacts import publish


def test_annotations_by_default(release: Release) -> None:
    frame = load_split("train", release.folder)
    assert frame["video_id"].tolist() == ["0007", "0007", "0146", "0146"]
    assert frame["segment_index"].tolist() == [0, pd.NA, 0, pd.NA]
    assert frame["segment_index"].dtype == pd.Int32Dtype()
    assert frame.loc[0, "cycle"]["phase"] == "bottom"
    assert frame.loc[0, "findings"][0]["measured"] == 72.0


def test_path_may_be_a_text(release: Release) -> None:
    assert len(load_split("test", str(release.folder), "kinematics")) == 7


def test_several_shards_come_in_order(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    release = publish(videos, **arguments, rows_per_shard=1)
    frame = load_split("train", release.folder, "kinematics")
    assert frame["frame"].tolist() == [*range(30), *range(20)]


def test_split_without_rows_is_an_empty_frame(release: Release) -> None:
    frame = load_split("test", release.folder, "cycles")
    assert len(frame) == 0
    assert list(frame.columns) == list(load_split("train", release.folder, "cycles").columns)


@pytest.mark.parametrize(
    ("arguments_", "words"),
    [
        (("validation",), "no split 'validation'.*test, train"),
        (("train", "angles"), "no config 'angles'.*annotations"),
    ],
    ids=["split", "config"],
)
def test_unknown_names_list_the_known(
    release: Release, arguments_: tuple[str, ...], words: str
) -> None:
    split, *config = arguments_
    with pytest.raises(UsageError, match=words):
        load_split(split, release.folder, *config)


def test_folder_that_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no manifest.json"):
        load_split("train", tmp_path)


def _remove(file: Path) -> None:
    file.unlink()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def _drop_column(file: Path) -> None:
    pq.write_table(pq.ParquetFile(file).read().drop_columns(["hip_flexion_l_rad"]), file)


def _drop_row(file: Path) -> None:
    pq.write_table(pq.ParquetFile(file).read().slice(1), file)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_remove, "cannot be read"),
        (_cut, "cannot be read"),
        (_drop_column, "columns differ"),
        (_drop_row, "has 19 rows, the manifest lists 20"),
    ],
    ids=["missing", "cut", "column", "row"],
)
def test_damaged_shards_are_named(
    videos: list[PublishedVideo], arguments: dict[str, Any], damage: Any, words: str
) -> None:
    release = publish(videos, **arguments, rows_per_shard=1)
    damage(release.folder / "kinematics" / "train-00001-of-00002.parquet")
    with pytest.raises(DataError, match=f"train-00001-of-00002.parquet: {words}"):
        load_split("train", release.folder, "kinematics")


def test_manifest_cannot_point_outside(release: Release) -> None:
    manifest = release.folder / "manifest.json"
    outside = manifest.read_text().replace(
        '"annotations/train-00000-of-00001.parquet"', '"../outside.parquet"'
    )
    manifest.write_text(outside)
    with pytest.raises(DataError, match=r"holds '\.\.'"):
        load_split("train", release.folder)
