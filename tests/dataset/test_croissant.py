from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from qevd_bio.dataset.configs import CONFIGS
from qevd_bio.dataset.loading import load_table
from qevd_bio.dataset.publish import publish
from qevd_bio.dataset.release import PublishedVideo, Release
from qevd_bio.errors import UsageError


def described(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    return told


def sums_of(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def test_every_other_file_is_named_with_its_digest(release: Release) -> None:
    told = described(release.folder)
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    objects = {one["@id"]: one for one in told["distribution"] if one["@type"] == "cr:FileObject"}
    sums = sums_of(release.folder)
    assert set(objects) == set(sums) - {"croissant.json"}
    for name, one in objects.items():
        assert one["sha256"] == sums[name]
        assert one["contentSize"] == f"{(release.folder / name).stat().st_size} B"


def test_tables_without_rows_have_no_record_set(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    test_only = [video for video in videos if video.split == "test"]
    release = publish(test_only, **arguments)
    ids = [one["@id"] for one in described(release.folder)["recordSet"]]
    assert ids == ["splits", "annotations", "kinematics", "quality"]


def test_day_and_address_are_told_when_known(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    known = {"date": "2026-11-21", "url": "https://example.org/qevd_bio"}
    told = described(publish(videos, **arguments, **known).folder)
    assert (told["datePublished"], told["url"]) == tuple(known.values())


@pytest.mark.parametrize("date", ["2026-13-01", "today", "20261121", ""])
def test_day_must_be_of_the_calendar(
    videos: list[PublishedVideo], arguments: dict[str, Any], date: str
) -> None:
    with pytest.raises(UsageError, match="no day of the calendar"):
        publish(videos, **arguments, date=date)


@pytest.fixture
def opened(
    videos: list[PublishedVideo], arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> tuple[Path, Any]:
    """A release in several shards, and what mlcroissant makes of its description."""
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs mlcroissant")
    known = {"date": "2026-11-21", "url": "https://example.org/qevd_bio"}
    folder = publish(videos, **arguments, **known, rows_per_shard=25).folder
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not dataset.metadata.issues.errors
    allowed = ("citeAs",)  # there is nothing to cite yet
    told = [text for text in dataset.metadata.issues.warnings if not any(w in text for w in allowed)]
    assert told == []
    return folder, dataset


@pytest.mark.parametrize("config", ["annotations", "kinematics", "cycles", "findings", "quality"])
def test_mlcroissant_reads_every_record(opened: tuple[Path, Any], config: str) -> None:
    folder, dataset = opened
    read = list(dataset.records(config))
    shards = sorted((folder / config).glob("*.parquet"))
    rows = [
        {"split": shard.name.split("-")[0], **row}
        for shard in shards
        for row in pq.ParquetFile(shard).read().to_pylist()
    ]
    assert len(read) == len(rows) > 0
    for record, row in zip(read, rows, strict=True):
        assert record == _as_records(config, row)


def _as_records(path: str, row: dict[str, Any]) -> dict[str, Any]:
    """Name the values of a row as Croissant does: each by its path, texts as bytes."""
    told: dict[str, Any] = {}
    for name, value in row.items():
        key = f"{path}/{name}"
        if isinstance(value, dict):
            told[key] = _as_records(key, value)
        elif isinstance(value, list):
            told[key] = [_as_records(key, v) if isinstance(v, dict) else _plain(v) for v in value]
        else:
            told[key] = _plain(value)
    return told


def _plain(value: object) -> object:
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize("config", CONFIGS)
def test_every_row_obeys_its_json_schema(release: Release, config: str) -> None:
    schema = json.loads((release.folder / "schema" / f"{config}.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    rows = load_table("train", release.folder, config).to_pylist()
    for row in rows:
        validator.validate(row)
    for name in row:
        assert not validator.is_valid({key: row[key] for key in row if key != name})
        assert not validator.is_valid({**row, name: object()})
    assert not validator.is_valid({**row, "another": 1})
