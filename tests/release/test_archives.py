"""Releases of every schema version, opened by today's loaders."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError
from qevd_bio.model.windows import UtteranceWindows
from qevd_bio.release.json_schemas import row_schema
from qevd_bio.released.contents import Release
from qevd_bio.released.drop_in import drop_in_of_release, records_of
from qevd_bio.released.loading import load_split, load_table, splits_of, videos_of
from qevd_bio.tables.columns import SCHEMA_VERSION, version_numbers
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.tables.records import SCHEMA as RECORDS
from qevd_bio.verify.release import verify_release
from tests.release.made_artifacts import START_S

ARCHIVES = Path(__file__).parents[1] / "archives"
VERSIONS = sorted(path.name.removesuffix(".tar.xz") for path in ARCHIVES.glob("*.tar.xz"))
PUBLISHED = [version for version in VERSIONS if version != "1.4.0"]
"""Builds of one day wrote 1.4.0, which changed columns of 1.3.0: today's are 2.0.0."""

FROM_OTHER_ARTIFACTS = {
    "copy": ("frames of video",),
    "time": ("duration_s of video 0146",),
    "reference": ("is not in kinematics",),
}
"""The artifacts made up for the first two versions did not agree with each other."""

CONTRADICTIONS = {
    "1.0.0": FROM_OTHER_ARTIFACTS | {"missing file": ("has one",)},
    "1.1.0": {
        **FROM_OTHER_ARTIFACTS,
        "missing file": ("has one",),
        "reference": ("is not in kinematics", "no record is of video"),
    },
}
"""The issues that an archive has, by kind; the others have none."""

Columns = dict[tuple[str, ...], str]


@pytest.fixture(scope="module", params=VERSIONS)
def archived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    with tarfile.open(ARCHIVES / f"{request.param}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / request.param


def test_archives_are_small_and_one_is_of_today() -> None:
    assert SCHEMA_VERSION in VERSIONS and "1.0.0" in VERSIONS
    assert all(path.stat().st_size < 200_000 for path in ARCHIVES.glob("*.tar.xz"))


def test_archive_is_as_it_was_written(archived: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=archived, check=False
    )
    assert done.returncode == 0
    assert json.loads((archived / "manifest.json").read_text())["schema_version"] == archived.name
    for shard in archived.glob("*/*.parquet"):
        metadata = pq.read_schema(shard).metadata
        assert metadata[b"qevd_bio.schema_version"].decode() == archived.name


def test_tables_of_the_archive_load(archived: Path) -> None:
    assert set(splits_of(archived)) == {"train", "test"}
    said = load_split("train", archived)
    assert said["video_id"].tolist() == ["0007", "0007", "0146", "0146"]
    assert said["timestamp_s"].tolist() == [START_S + 1.7, START_S + 2.7] * 2
    assert said.loc[0, "findings"][0]["measured"] == 72.0
    assert said["status"].tolist() == ["rewritten", "kept"] * 2
    angles = load_split("test", archived, "kinematics")
    assert len(angles) == 7 and angles["knee_angle_r_rad"].notna().all()
    assert [len(load_split("train", archived, name)) for name in ("cycles", "findings")] == [4, 8]
    assert len(load_split("test", archived, "cycles")) == 0
    frames = {video: rows.num_rows for video, rows in videos_of("train", archived, "kinematics")}
    assert frames == {"0007": 30, "0146": 20}


def test_windows_of_the_archive_load(archived: Path) -> None:
    windows = UtteranceWindows(archived, "train", before_s=1.0, frames=31)
    assert len(windows) == 4
    assert windows[0]["mask"].sum() == 10, "seconds 0.7 to 1.7, of which 1 second was captured"


def test_drop_in_of_the_archive(archived: Path) -> None:
    file = archived / "drop_in" / "QEVD-FIT-COACH" / "feedbacks_long_range.json"
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written[0]["feedbacks"] == ["", "Go lower", "é"]
    if archived.name == "1.1.0":
        table = read_parquet(file.with_name("records.parquet"), RECORDS)
        assert records_of(table, []) == written
    elif archived.name != "1.0.0":
        assert drop_in_of_release(archived, "train") == written


def test_archive_of_today_is_proved_and_older_ones_are_looked_through(archived: Path) -> None:
    """The stages of the made-up rows have no version, so that they are not derived again."""
    verdict = verify_release(archived)
    contradictions = CONTRADICTIONS.get(archived.name, {})
    assert set(verdict.counts) == set(contradictions)
    for issue in verdict.issues:
        assert any(said in issue.cause for said in contradictions[issue.kind]), issue
    if archived.name not in CONTRADICTIONS:
        assert all("rows" in note and "derived again" in note for note in verdict.unchecked)


def test_columns_of_today_are_those_of_the_archive_of_that_version(
    tmp_path: Path,
) -> None:
    with tarfile.open(ARCHIVES / f"{SCHEMA_VERSION}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / SCHEMA_VERSION
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    advice = "count SCHEMA_VERSION up and run tests/archives/make.py; see tests/archives/README.md"
    assert set(manifest["configs"]) == set(TABLES), advice
    for name, table in TABLES.items():
        kept = row_schema(table, load_table("train", folder, name).schema)
        assert kept == row_schema(table), f"{name}: {advice}"


def test_a_column_changed_counts_up_the_first_number(tmp_path: Path) -> None:
    """Between published versions and up to today: readers of the older one would break."""
    columns: dict[str, Columns] = {}
    for version in PUBLISHED:
        with tarfile.open(ARCHIVES / f"{version}.tar.xz") as archive:
            archive.extractall(tmp_path, filter="data")
        folder = tmp_path / version
        tables = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["configs"]
        columns[version] = {
            (name, *path): kind
            for name in tables
            for path, kind in kinds_of(load_table("train", folder, name).schema)
        }
    today = {
        (name, *path): kind
        for name, table in TABLES.items()
        for path, kind in kinds_of(table.schema)
    }
    steps = [*columns.items(), (SCHEMA_VERSION, today)]
    for (older, before), (newer, after) in pairwise(steps):
        changed = [path for path, kind in before.items() if after.get(path) != kind]
        if changed:
            assert version_numbers(newer)[0] > version_numbers(older)[0], (older, newer, changed)


def kinds_of(fields: Iterable[pa.Field]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Name every column, and every field of a structure, with type, unit and null."""
    for field in fields:
        is_list = pa.types.is_list(field.type)
        items = field.type.value_type if is_list else field.type
        is_struct = pa.types.is_struct(items)
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        kind = "structure" if is_struct else str(items)
        yield (field.name,), f"{kind}, {is_list=}, {unit=}, {field.nullable=}"
        for path, own in kinds_of(items) if is_struct else ():
            yield (field.name, *path), own


@pytest.mark.parametrize("newer", ["99.0.0", "2.99.0"])
def test_newer_schema_is_refused(release: Release, newer: str) -> None:
    _rewrite_version(release, newer)
    for open_it in (load_split, load_table, UtteranceWindows):
        arguments: Any = ("train", release.folder)
        if open_it is UtteranceWindows:
            arguments = arguments[::-1]
        with pytest.raises(DataError, match=rf"schema version {newer}.*Update qevd_bio"):
            open_it(*arguments)


def test_schema_version_must_be_three_numbers(release: Release) -> None:
    _rewrite_version(release, "two")
    with pytest.raises(DataError, match="not three numbers"):
        load_split("train", release.folder)
    (release.folder / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="has no schema_version"):
        load_split("train", release.folder)


def _rewrite_version(release: Release, version: str) -> None:
    file = release.folder / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**manifest, "schema_version": version}), encoding="utf-8")
