from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from qevd_bio.release.contents import Release
from qevd_bio.tables.published import TABLES
from tests.release.made_artifacts import publish, published


def front_matter(release: Release) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="pyyaml reads the front matter as loaders do")
    _, front, _ = (release.folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    read: dict[str, Any] = yaml.safe_load(front)
    return read


def body(release: Release) -> str:
    return (release.folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2]


def test_configs_name_every_shard_once(release: Release) -> None:
    configs = front_matter(release)["configs"]
    assert [one["config_name"] for one in configs] == list(TABLES)
    assert [one["config_name"] for one in configs if one.get("default")] == ["annotations"]
    named = [
        path.relative_to(release.folder).as_posix()
        for one in configs
        for files in one["data_files"]
        for path in release.folder.glob(files["path"])
    ]
    present = [
        name
        for name in release.files
        if name.endswith(".parquet") and not name.startswith("drop_in/")
    ]
    assert sorted(named) == sorted(present)
    cycles = next(one for one in configs if one["config_name"] == "cycles")
    assert [files["split"] for files in cycles["data_files"]] == ["train"], "no empty split"


def test_config_without_rows_is_not_offered(tmp_path: Path, arguments: dict[str, Any]) -> None:
    video = published(tmp_path / "work", "0001", "train", n_cycles=0)
    front = front_matter(publish([video], **arguments))
    for key in ("configs", "dataset_info"):
        named = [one["config_name"] for one in front[key]]
        assert named == [name for name in TABLES if name not in ("cycles", "findings")]


def test_dataset_info_equals_the_files(release: Release) -> None:
    for info in front_matter(release)["dataset_info"]:
        folder = release.folder / info["config_name"]
        shards = sorted(folder.glob("*.parquet"))
        assert info["download_size"] == sum(shard.stat().st_size for shard in shards)
        for split in info["splits"]:
            tables = [pq.ParquetFile(file).read() for file in folder.glob(f"{split['name']}-*")]
            assert split["num_examples"] == sum(table.num_rows for table in tables) > 0
        assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"])
        assert [one["name"] for one in info["features"]] == pq.read_schema(shards[0]).names


def test_counts_without_a_yaml_reader(release: Release) -> None:
    text = (release.folder / "README.md").read_text(encoding="utf-8")
    lines = text.split("---\n", 2)[1].splitlines()
    counts = [int(line.split(":")[1]) for line in lines if "num_examples:" in line]
    assert counts[:6] == [4, 2, 50, 7, 4, 8]


def test_card_states_licence_counts_units_and_missing_data(release: Release) -> None:
    text = body(release)
    assert "licence of QEVD" in text and "you must hold that licence" in text
    assert "| `annotations` rows | 4 | 2 |" in text
    assert "| `rewritten` | 2 | 0 |" in text
    assert "| `knee_angle_r_rad` | float32, may be null | rad |" in text
    assert "| `findings.violated` | bool |" in text
    assert "| `cycle.key_s` | float64 | s |" in text
    assert "| 0009 | train | source | video file is absent |" in text


def test_texts_cannot_break_the_table(release: Release) -> None:
    line = next(line for line in body(release).splitlines() if line.startswith("| 0151"))
    assert line == "| 0151 | test | kinematics | moov \\| atom &lt;not&gt; found in file |"
