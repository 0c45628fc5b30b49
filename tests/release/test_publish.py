from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.release import publish as publishing
from qevd_bio.released.contents import Contents, PublishedVideo, Release
from qevd_bio.released.loading import load_table, videos_of
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables import annotations, kinematics
from qevd_bio.tables.parquet import rows_table, write_parquet
from qevd_bio.tables.published import TABLES
from tests.release.made_artifacts import (
    START_S,
    UNOBSERVED,
    kept,
    motion,
    publish,
    published,
    quantified,
)

UNITS = {
    "_deg_s": "deg/s",
    "_m_s": "m/s",
    "_m_s2": "m/s^2",
    "_s": "s",
    "_rad": "rad",
    "_deg": "deg",
}


def rows_of(release: Release, config: str, split: str) -> list[dict[str, Any]]:
    files = sorted((release.folder / config).glob(f"{split}-*.parquet"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def test_layout_and_rows_in_order(release: Release) -> None:
    present = sorted(
        path.relative_to(release.folder).as_posix()
        for path in release.folder.rglob("*")
        if path.is_file()
    )
    assert present == sorted(
        [
            "README.md",
            "SHA256SUMS",
            "CHANGELOG.md",
            "croissant.json",
            "manifest.json",
            "drop_in/QEVD-FIT-COACH/feedbacks_long_range.json",
            "drop_in/QEVD-FIT-COACH/records.parquet",
            "schema/records.json",
            "cycles/train-00000-of-00001.parquet",
            "findings/train-00000-of-00001.parquet",
            *(f"schema/{name}.json" for name in TABLES),
            *(
                f"{name}/{split}-00000-of-00001.parquet"
                for name in TABLES
                if name not in ("cycles", "findings")
                for split in ("train", "test")
            ),
        ]
    )
    assert sorted(release.files) == present
    said = [(row["video_id"], row["feedback_index"]) for row in rows_of(release, *A_TRAIN)]
    assert said == [("0007", 0), ("0007", 1), ("0146", 0), ("0146", 1)]
    cycles = rows_of(release, "cycles", "train")
    assert [(row["video_id"], row["cycle_index"]) for row in cycles] == [
        ("0007", 0),
        ("0007", 1),
        ("0146", 0),
        ("0146", 1),
    ]
    constraints = [row["constraint_id"] for row in rows_of(release, "findings", "train")]
    assert constraints == ["stance", "depth"] * 4, "ties stay in the rule's order"


A_TRAIN = ("annotations", "train")


def test_values_survive(release: Release) -> None:
    first, second = rows_of(release, *A_TRAIN)[:2]
    for row, made in (
        (first, quantified("0007", 0, motion(30, seed=4))),
        (second, kept("0007", 1)),
    ):
        assert row == {**made, "provenance": row["provenance"]}
    frames = rows_of(release, "kinematics", "train")
    assert len(frames) == 50
    assert frames[1]["time_s"] == START_S + 1 / 30.0
    assert frames[1]["valid"] is False
    assert frames[5]["knee_angle_r_rad"] == np.float32(
        motion(30, seed=4).q[5, DOF_NAMES.index("knee_angle_r")]
    )


def test_columns_that_nothing_measured_are_left_out_and_read_as_null(release: Release) -> None:
    table = pq.ParquetFile(release.folder / "kinematics/test-00000-of-00001.parquet").read()
    # the made backend gives one noise for all frames, no shape, and assumes nothing
    empty = {
        *(f"{name}_rad" for name in UNOBSERVED),
        *kinematics.SIGMA_COLUMNS,
        *kinematics.BETA_COLUMNS,
        *kinematics.ASSUMED_COLUMNS,
    }
    assert set(kinematics.SCHEMA.names) - set(table.column_names) == empty
    assert sum(column.null_count for column in table.columns) == 0
    written = json.loads((release.folder / "schema" / "kinematics.json").read_text())
    assert set(written["leftOut"]) == empty
    assert set(written["properties"]) == set(table.column_names)
    manifest = json.loads((release.folder / "manifest.json").read_text())
    assert set(manifest["left_out"].pop("kinematics")) == empty and manifest["left_out"] == {}
    card = (release.folder / "README.md").read_text()
    assert f"in {len(empty)} further columns" in card and "`beta_9`" in card
    loaded = load_table("test", release.folder, "kinematics")
    assert loaded.schema.equals(kinematics.SCHEMA)
    assert {n for n in loaded.column_names if loaded[n].null_count == loaded.num_rows} == empty
    _, some = next(videos_of("test", release.folder, "kinematics", ["beta_0", "frame"]))
    assert set(some.column_names) == {"video_id", "beta_0", "frame"}


def test_a_column_with_one_value_in_the_release_is_in_all_shards(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    path = videos[0].artifacts["kinematics"]
    table = pq.read_table(path)
    betas = pa.array([None] * (table.num_rows - 1) + [0.5], pa.float32())
    place = table.column_names.index("beta_3")
    write_parquet(table.set_column(place, table.schema.field(place), betas), path)
    release = publish(videos, **arguments)
    for shard in sorted((release.folder / "kinematics").iterdir()):
        assert {"beta_3"} == {n for n in pq.read_schema(shard).names if n.startswith("beta_")}


def test_video_without_cycles_is_published_and_its_empty_split_left_out(release: Release) -> None:
    assert not list((release.folder / "cycles").glob("test*"))
    assert release.contents.rows("cycles", "test") == 0
    assert len(rows_of(release, "annotations", "test")) == 2


def test_release_without_any_cycle_has_no_cycles_folder(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    release = publish([published(tmp_path / "w", "0001", "test", n_cycles=0)], **arguments)
    assert not (release.folder / "cycles").exists()
    assert (release.folder / "schema" / "cycles.json").exists()
    assert list(release.contents.videos) == ["test"]


def test_pandas_and_duckdb_read_it(release: Release) -> None:
    frame = pd.read_parquet(release.folder / "annotations" / "train-00000-of-00001.parquet")
    assert frame["timestamp_s"].tolist() == [START_S + 1.7, START_S + 2.7] * 2
    query = f"""
        SELECT a.video_id, a.findings[1].measured, count(*)
        FROM '{release.folder}/annotations/train-*.parquet' a
        JOIN '{release.folder}/cycles/train-*.parquet' c
          ON a.video_id = c.video_id AND a.segment_index = c.segment_index
        WHERE a.status = 'rewritten' GROUP BY ALL ORDER BY ALL
    """
    assert duckdb.sql(query).fetchall() == [("0007", 72.0, 2), ("0146", 72.0, 2)]


@pytest.mark.parametrize("config", TABLES)
def test_every_column_states_unit_and_meaning(release: Release, config: str) -> None:
    schema = pq.read_schema(release.folder / config / "train-00000-of-00001.parquet")
    listed = json.loads((release.folder / "schema" / f"{config}.json").read_text())
    assert listed["required"] == schema.names
    for field in schema:
        stated = listed["properties"][field.name]
        assert field.metadata[b"description"].decode() == stated["description"] != ""
        unit = stated.get("unit", "")
        assert field.metadata.get(b"unit", b"").decode() == unit
        endings = (unit for suffix, unit in UNITS.items() if field.name.endswith(suffix))
        assert unit == next(endings, unit)
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names, "column order is kept"
    assert schema.metadata[b"qevd_bio.release"] == b"1.0.0"


def test_huggingface_features_match_the_columns(release: Release) -> None:
    schema = pq.read_schema(release.folder / "annotations" / "train-00000-of-00001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["timestamp_s"] == {"dtype": "float64", "_type": "Value"}
    assert features["salient_joints"] == [{"dtype": "string", "_type": "Value"}]
    assert features["cycle"]["start_s"] == {"dtype": "float64", "_type": "Value"}
    assert features["findings"][0]["violated"] == {"dtype": "bool", "_type": "Value"}


def test_all_shards_of_a_config_have_one_schema(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    release = publish(videos, **arguments, rows_per_shard=25)
    shards = release.contents.shards["kinematics"]
    assert [shard.path for shard in shards["train"]] == [
        "kinematics/train-00000-of-00002.parquet",
        "kinematics/train-00001-of-00002.parquet",
    ]
    assert [shard.rows for shard in shards["train"]] == [30, 20], "videos are not cut"
    files = [pq.read_schema(file) for file in release.folder.glob("kinematics/*.parquet")]
    assert len(files) == 3
    assert all(one.equals(files[0], check_metadata=True) for one in files)


@pytest.mark.parametrize(
    ("limit", "rows"), [(50, [50]), (49, [30, 20]), (1, [30, 20]), (1000, [50])]
)
def test_shards_take_whole_videos_up_to_the_limit(
    videos: list[PublishedVideo], arguments: dict[str, Any], limit: int, rows: list[int]
) -> None:
    release = publish(videos, **arguments, rows_per_shard=limit)
    assert [shard.rows for shard in release.contents.shards["kinematics"]["train"]] == rows


def test_sums_verify(release: Release) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"],
        cwd=release.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = (release.folder / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(release.files) - 1


def test_manifest_states_counts_capture_and_missing_data(release: Release) -> None:
    manifest = json.loads((release.folder / "manifest.json").read_text())
    assert manifest["version"] == "1.0.0"
    assert manifest["configs"]["cycles"]["test"] == {"rows": 0, "shards": []}
    for splits in manifest["configs"].values():
        for split in splits.values():
            for shard in split["shards"]:
                data = (release.folder / shard["path"]).read_bytes()
                assert shard["bytes"] == len(data)
                assert shard["sha256"] == hashlib.sha256(data).hexdigest()
                assert shard["rows"] == pq.read_metadata(release.folder / shard["path"]).num_rows
    assert manifest["statuses"]["train"] == {"kept": 2, "rewritten": 2}
    stated = manifest["videos"]["0150"]
    assert stated["split"] == "test"
    assert stated["kinematics"]["rotation_deg"] == 90
    assert set(DOF_NAMES) - set(stated["kinematics"]["motion"]["observed"]) == set(UNOBSERVED)
    assert stated["kinematics"]["motion"]["gravity"] == [0.0, 1.0, 0.0]
    assert [one["video_id"] for one in manifest["missing"]] == ["0009", "0151"]
    assert manifest["missing"][0]["reason"] == "video file is absent"


def test_drop_in_is_the_json_of_the_source(release: Release) -> None:
    file = release.folder / "drop_in" / "QEVD-FIT-COACH" / "feedbacks_long_range.json"
    text = file.read_text(encoding="ascii")
    assert '"feedback_timestamps": [1690028800.2981102]' in text
    assert json.loads(text)[0]["feedbacks"] == ["", "Go lower", "é"]
    assert list(json.loads(text)[0]) == ["feedbacks", "feedback_timestamps"]


def test_equal_inputs_give_equal_bytes(
    tmp_path: Path, release: Release, videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    elsewhere = arguments | {"out": tmp_path / "other", "missing": arguments["missing"][::-1]}
    again = publish(videos[::-1], **elsewhere)
    for name in release.files:
        assert (again.folder / name).read_bytes() == (release.folder / name).read_bytes(), name


def test_existing_version_is_never_overwritten(
    release: Release, videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    before = (release.folder / "SHA256SUMS").read_bytes()
    with pytest.raises(UsageError, match=r"exists already.*new version"):
        publish(videos[:1], **arguments)
    assert (release.folder / "SHA256SUMS").read_bytes() == before
    assert [path.name for path in release.folder.parent.iterdir()] == ["1.0.0"]
    publish(videos[:1], **arguments | {"version": "1.0.1"})
    assert (release.folder / "SHA256SUMS").read_bytes() == before


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_failure_in_the_middle_leaves_nothing(
    videos: list[PublishedVideo],
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(publishing, "_write_sums", fail)
    with pytest.raises(type(failure)):
        publish(videos, **arguments)
    assert list(arguments["out"].iterdir()) == []


def test_killed_process_leaves_no_half_release(
    videos: list[PublishedVideo], arguments: dict[str, Any], tmp_path: Path
) -> None:
    program = f"""
import os, sys
from pathlib import Path
from qevd_bio.release import publish as publishing
from qevd_bio.released.contents import PublishedVideo, ReleaseInput
publishing.card_text = lambda contents, facts: os._exit(9)
video = PublishedVideo("0146", "train", {{
    name: Path({str(tmp_path)!r}) / "work" / "0146" / f"{{name}}.parquet"
    for name in {list(TABLES)!r}
}})
given = ReleaseInput([video])
publishing.publish(given, out=Path({str(arguments["out"])!r}), version="1.0.0")
"""
    code = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False
    ).returncode
    assert code == 9
    left = [path.name for path in arguments["out"].iterdir()]
    assert len(left) == 1 and left[0].startswith(".tmp-")
    release = publish(videos, **arguments)
    assert release.folder.name == "1.0.0"


@pytest.mark.parametrize("files", [["README.md"], []], ids=["filled", "empty"])
def test_target_that_appears_meanwhile_is_kept(
    videos: list[PublishedVideo],
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    files: list[str],
) -> None:
    target = arguments["out"] / "1.0.0"
    whole = publishing._write_sums

    def interfere(folder: Path, contents: Contents) -> tuple[str, ...]:
        target.mkdir()
        for name in files:
            (target / name).write_text("another publisher was faster")
        return whole(folder, contents)

    monkeypatch.setattr(publishing, "_write_sums", interfere)
    with pytest.raises(UsageError, match="exists already"):
        publish(videos, **arguments)
    assert [path.name for path in target.iterdir()] == files
    assert [path.name for path in arguments["out"].iterdir()] == ["1.0.0"]


@pytest.mark.parametrize(
    "version", ["", "1", "1.0", "v1.0.0", "1.0.0/..", "../1.0.0", "01.0.0", "1.0.0\n", "1.0.0-"]
)
def test_version_must_be_semantic(
    videos: list[PublishedVideo], arguments: dict[str, Any], version: str
) -> None:
    with pytest.raises(UsageError, match="semantic version"):
        publish(videos, **arguments | {"version": version})
    assert not arguments["out"].exists()


def test_prerelease_version(videos: list[PublishedVideo], arguments: dict[str, Any]) -> None:
    assert publish(videos, **arguments | {"version": "1.0.0-rc.1"}).folder.name == "1.0.0-rc.1"


def test_nothing_to_publish(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no video is finished, 2 are missing"):
        publish([], **arguments)


def _renamed(video: PublishedVideo) -> PublishedVideo:
    return dataclasses.replace(video, video_id="0008")


def _other_split(video: PublishedVideo) -> PublishedVideo:
    return dataclasses.replace(video, split="validation")


def _damaged(video: PublishedVideo) -> PublishedVideo:
    cycles = video.artifacts["cycles"]
    cycles.write_bytes(cycles.read_bytes()[:-9])
    return video


def _with_cycles(video: PublishedVideo, path: Path) -> PublishedVideo:
    return dataclasses.replace(video, artifacts={**video.artifacts, "cycles": path})


def _other_columns(video: PublishedVideo) -> PublishedVideo:
    return _with_cycles(video, video.artifacts["findings"])


def _row_twice(video: PublishedVideo) -> PublishedVideo:
    rows = [kept(video.video_id, 3), kept(video.video_id, 3, "Again!")]
    write_parquet(rows_table(rows, annotations.SCHEMA), video.artifacts["annotations"])
    return video


def _without_notes(video: PublishedVideo) -> PublishedVideo:
    table, _ = kinematics.motion_table(video.video_id, motion(3))
    write_parquet(table, video.artifacts["kinematics"])
    return video


def _strange_dof(video: PublishedVideo) -> PublishedVideo:
    table, _ = kinematics.motion_table(video.video_id, motion(3))
    notes = {"motion": {"observed": ["tail_wag"]}}
    write_parquet(table, video.artifacts["kinematics"], notes=notes)
    return video


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_renamed, "rows of video '0146', not '0008'"),
        (_other_split, "belongs to split 'validation'"),
        (_damaged, "no readable Parquet file"),
        (_other_columns, "columns differ"),
        (_row_twice, "1 rows with a key that is taken"),
        (_without_notes, "does not name the degrees of freedom"),
        (_strange_dof, "observes tail_wag"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_bad_artifacts_are_refused(
    videos: list[PublishedVideo], arguments: dict[str, Any], spoil: Any, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        publish([spoil(videos[0]), *videos[1:]], **arguments)
    assert not arguments["out"].exists() or not list(arguments["out"].iterdir())


def test_same_video_twice_is_refused(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    leaked = dataclasses.replace(videos[0], split="test")
    with pytest.raises(DataError, match="0146: is published twice"):
        publish([*videos, leaked], **arguments)
