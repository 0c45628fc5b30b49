"""videos.csv: heights a video, checked by line and column, part of the identity."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError
from qevd_bio.pipeline.pipeline import PipelineConfig, open_pipeline
from qevd_bio.pipeline.videos_csv import VideoFacts, load_videos_csv
from tests.cli.calling import qevd_bio
from tests.pipeline.sessions_made import SQUATS, record, write_root


def write(folder: Path, text: str, name: str = "videos.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_stand_in_any_order_and_may_be_empty_or_absent(tmp_path: Path) -> None:
    write(tmp_path, "﻿sex,video_id,height_m\r\nfemale,0001,1.62\r\n\r\n,0002,\r\n")
    assert load_videos_csv(None, tmp_path) == {
        "0001": VideoFacts(1.62, "female", ""),
        "0002": VideoFacts(),
    }
    assert load_videos_csv(None, tmp_path / "elsewhere") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video_id,height\n", "line 1: unknown column 'height'"),
        ("height_m\n1.8\n", "line 1: needs video_id"),
        ("", "line 1: needs video_id"),
        ("video_id,height_m\n0001,180\n", "line 2, column height_m: '180' is not the height"),
        ("video_id,height_m\n0001,tall\n", "line 2, column height_m: 'tall'"),
        ("video_id,height_m\n0001,nan\n", "line 2, column height_m"),
        ("video_id,sex\n0001,\n0002,f\n", "line 3, column sex: 'f' is not known. Use one of fem"),
        ("video_id,view\n0001,above\n", "line 2, column view: 'above' is not known"),
        ("video_id,sex\n,male\n", "line 2, column video_id: is empty"),
        (
            "video_id,sex\n1,male\n1,male\n",
            "line 3, column video_id: '1' stands",
        ),
        ("video_id,sex\n1\n", "line 2: has another number of cells"),
        ("video_id,sex\n1,male,3\n", "line 2: has another number of cells"),
        ('video_id,sex\n"1,male\n', "cannot be read"),
    ],
)
def test_a_wrong_cell_is_named_with_file_line_and_column(
    tmp_path: Path, text: str, words: str
) -> None:
    path = write(tmp_path, text, "mine.csv")
    with pytest.raises(DataError) as raised:
        load_videos_csv(path, tmp_path)
    assert f"{path}, {words}" in str(raised.value) or words in str(raised.value)
    assert str(path) in raised.value.where and raised.value.next_step


def test_a_height_changes_only_its_video(walk, tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS), record("0002", SQUATS)])
    pipeline = walk(root)

    def stale() -> set[tuple[str, str]]:
        planned = open_pipeline(PipelineConfig(root), pipeline.store.root).plan()
        return {(u.video_id, u.stage) for u in planned if u.action != "done"}

    write(root, "video_id,height_m,sex,view\n0001,,female,front\n")
    assert stale() == set(), "nothing uses sex and view yet"
    write(root, "video_id,height_m\n0002,1.62\n")
    assert {video for video, _ in stale()} == {"0002"}
    again = walk(root)
    row = pq.read_table(again.artifacts()["0002"]["morphometrics"]).to_pylist()[0]
    assert row["given_height_m"] == 1.62
    write(root, "video_id,height_m\n0002,1.63\n")
    assert {video for video, _ in stale()} == {"0002"}


def test_a_height_of_the_table_comes_before_the_common_one(walk, tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS), record("0002", SQUATS)])
    table = write(tmp_path, "video_id,height_m\n0002,1.62\n", "known.csv")
    pipeline = walk(root, videos_csv=table, height_m=1.8)
    found = {
        video: pq.read_table(files["morphometrics"]).to_pylist()[0]["given_height_m"]
        for video, files in pipeline.artifacts().items()
    }
    assert found == {"0001": 1.8, "0002": 1.62}


def test_ids_that_the_source_does_not_have_are_reported(tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS)])
    write(root, "video_id,height_m\n0001,1.8\n7777,1.7\n")
    done = qevd_bio("plan", "--data-root", str(root), "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert "no source record has the video id 7777" in done.stderr
    assert json.loads(done.stdout)["unknown_videos"] == ["7777"]
