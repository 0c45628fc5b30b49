from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.released.contents import PublishedVideo, Release
from qevd_bio.tables.published import TABLES
from tests.release.fixtures import arguments_for
from tests.release.made_artifacts import publish


def described(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    return content


def sums_of(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def test_every_other_file_is_named_with_its_digest(release: Release) -> None:
    content = described(release.folder)
    assert content["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    objects = {
        one["@id"]: one for one in content["distribution"] if one["@type"] == "cr:FileObject"
    }
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
    assert ids == ["splits", *(name for name in TABLES if name not in ("cycles", "findings"))]


def test_day_and_address_are_stated_when_known(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    known = {"date": "2026-11-21", "url": "https://example.org/qevd_bio"}
    content = described(publish(videos, **arguments, **known).folder)
    assert (content["datePublished"], content["url"]) == tuple(known.values())


@pytest.mark.parametrize("date", ["2026-13-01", "today", "20261121", ""])
def test_day_must_be_of_the_calendar(
    videos: list[PublishedVideo], arguments: dict[str, Any], date: str
) -> None:
    with pytest.raises(UsageError, match="no day of the calendar"):
        publish(videos, **arguments, date=date)


@pytest.fixture(scope="module")
def shown(
    made: tuple[list[PublishedVideo], Release], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A release in several shards with everything that Croissant asks for. Never changed."""
    known = {"date": "2026-11-21", "url": "https://example.org/qevd_bio"}
    arguments = arguments_for(tmp_path_factory.mktemp("shown"))
    return publish(made[0], **arguments, **known, rows_per_shard=25).folder


def opened(folder: Path) -> Any:
    """The data set of mlcroissant for a release; its records can be read once."""
    reason = "mlcroissant reads the description as data set tools do"
    mlcroissant = pytest.importorskip("mlcroissant", reason=reason)
    return mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))


def test_mlcroissant_finds_no_fault(shown: Path) -> None:
    issues = opened(shown).metadata.ctx.issues
    assert not issues.errors
    # there is nothing to cite yet
    assert [text for text in issues.warnings if "citeAs" not in text] == []


@pytest.mark.parametrize("config", TABLES)
def test_mlcroissant_reads_every_record(shown: Path, config: str) -> None:
    read = list(opened(shown).records(config))
    rows = [
        {"split": shard.name.split("-")[0], **row}
        for shard in sorted((shown / config).glob("*.parquet"))
        for row in pq.ParquetFile(shard).read().to_pylist()
    ]
    assert len(rows) > 0
    schema = TABLES[config].schema
    assert read == [_as_record(config, row, schema) for row in rows]
    of_test = list(opened(shown).records(config, filters={f"{config}/split": "test"}))
    assert of_test == [row for row in read if row[f"{config}/split"] == b"test"]


def _as_record(path: str, row: dict[str, Any], fields: Iterable[pa.Field]) -> dict[str, Any]:
    """Name the values of a row as Croissant does: by path, texts as bytes, no null structs."""
    kinds = {field.name: field.type for field in fields}
    content: dict[str, Any] = {}
    for name, value in row.items():
        key, kind = f"{path}/{name}", kinds.get(name, pa.string())
        if pa.types.is_struct(kind):
            content[key] = _as_record(key, value or {field.name: None for field in kind}, kind)
        elif pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
            content[key] = [_as_record(key, inner, kind.value_type) for inner in value]
        elif pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
            content[key] = [inner.encode() for inner in value]
        else:
            content[key] = value.encode() if isinstance(value, str) else value
    return content


@pytest.mark.parametrize("config", TABLES)
def test_every_row_obeys_its_json_schema(release: Release, config: str) -> None:
    schema = json.loads((release.folder / "schema" / f"{config}.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    rows = pq.read_table(next((release.folder / config).glob("train-*"))).to_pylist()
    for row in rows:
        validator.validate(row)
    for name in row:
        assert not validator.is_valid({key: row[key] for key in row if key != name})
        assert not validator.is_valid({**row, name: object()})
    assert not validator.is_valid({**row, "another": 1})
