"""A release as the `datasets` library sees it, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qevd_bio.release import shards
from qevd_bio.released.contents import PublishedVideo, Release
from qevd_bio.released.loading import load_table
from qevd_bio.tables.published import TABLES
from tests.release.fixtures import arguments_for
from tests.release.made_artifacts import publish, published

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def datasets() -> Any:
    library = pytest.importorskip("datasets", reason="datasets reads releases as the hub does")
    hub = pytest.importorskip("huggingface_hub")
    patch = pytest.MonkeyPatch()
    patch.setattr(library.config, "HF_HUB_OFFLINE", True)
    patch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    yield library
    patch.undo()


@pytest.fixture(scope="module")
def folder(
    made: tuple[list[PublishedVideo], Release], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A release in several shards and small row groups, one of which is larger than the first.

    Never changed.
    """
    arguments = arguments_for(tmp_path_factory.mktemp("in_groups"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "ROWS_PER_GROUP", 13)
        return publish(made[0], **arguments, rows_per_shard=25).folder


def left_out(schema: pa.Schema) -> set[str]:
    """Columns that hold nothing in the whole release."""
    return set(json.loads(schema.metadata.get(b"qevd_bio.left_out", b"[]")))


@pytest.mark.parametrize("config", [None, *TABLES])
def test_rows_and_counts_are_those_of_the_card(
    datasets: Any, folder: Path, tmp_path: Path, config: str | None
) -> None:
    cache = str(tmp_path / "cache")
    builder = datasets.load_dataset_builder(str(folder), config, cache_dir=cache)
    stated = {name: (one.num_bytes, one.num_examples) for name, one in builder.info.splits.items()}
    features = builder.info.features
    builder.download_and_prepare(verification_mode="all_checks")
    made = builder.info.splits
    assert {name: (one.num_bytes, one.num_examples) for name, one in made.items()} == stated
    assert builder.info.features == features

    table = config or "annotations"
    written = pq.read_schema(next((folder / table).glob("*.parquet")))
    assert features == datasets.Features.from_arrow_schema(written)
    loaded = datasets.load_dataset(str(folder), config, cache_dir=cache)
    assert "test" in loaded or table in ("cycles", "findings"), "empty splits are not offered"
    for split, rows in loaded.items():
        due = load_table(split, folder, table)
        assert set(due.column_names) - set(written.names) == left_out(written)
        assert rows.to_list() == due.select(written.names).to_pylist()


def test_features_come_back_from_the_shards(datasets: Any, folder: Path, tmp_path: Path) -> None:
    for config, table in TABLES.items():
        schema = pq.read_schema(next((folder / config).glob("train-*")))
        kept = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        features = datasets.Features.from_dict(kept)
        assert features == datasets.Features.from_arrow_schema(schema)
        declared = [field for field in table.schema if field.name not in left_out(schema)]
        assert features == datasets.Features.from_arrow_schema(pa.schema(declared))
        again = tmp_path / f"{config}.parquet"
        pq.write_table(features.arrow_schema.empty_table(), again)
        assert datasets.Features.from_arrow_schema(pq.read_schema(again)) == features


def test_release_of_one_split_without_cycles_loads(
    datasets: Any, tmp_path: Path, arguments: dict[str, Any]
) -> None:
    video = published(tmp_path / "work", "0001", "test", n_cycles=0)
    folder = publish([video], **arguments).folder
    cache = str(tmp_path / "cache")
    assert set(datasets.load_dataset(str(folder), cache_dir=cache)) == {"test"}
    named = datasets.get_dataset_config_names(str(folder))
    assert named == [name for name in TABLES if name not in ("cycles", "findings")]
