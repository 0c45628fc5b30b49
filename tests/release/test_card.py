from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from qevd_bio.release.card_facts import CardFacts, Example, one_of_each, reason_group
from qevd_bio.released.contents import MissingVideo, PublishedVideo, Release
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
    assert counts[:8] == [4, 2, 7, 1, 50, 7, 4, 8]


def test_card_states_licence_counts_units_and_missing_data(release: Release) -> None:
    text = body(release)
    assert "licence of QEVD" in text and "you must\nhold it yourself" in text
    assert "| `annotations` rows | 4 | 2 |" in text
    assert "| `rewritten` | 2 | 0 |" in text
    assert "| `knee_angle_r_rad` | float32, may be null | rad |" in text
    assert "| `findings.violated` | bool |" in text
    assert "| `cycle.key_s` | float64 | s |" in text
    assert "| 0009 | train | source | video file is absent |" in text


def test_texts_cannot_break_the_table(release: Release) -> None:
    line = next(line for line in body(release).splitlines() if line.startswith("| 0151"))
    assert line == "| 0151 | test | kinematics | moov \\| atom &lt;not&gt; found in file |"


def test_the_card_states_examples_reasons_clock_and_capture(release: Release) -> None:
    text = body(release)
    assert "33.3 % are rewritten" in text
    assert "| squat | Go lower on your squats! | Right knee flexion 72° (target: 90°)." in text
    assert "| `rewritten` | knee flexion 18° short of the target | 2 | 33.3 % |" in text
    assert "between 2023-07-22 12:26 and 2023-07-22 12:26" in text and "Unix time" in text
    assert "| `mediapipe` | 3 | the built-in capture: on 27 rendered clips" in text
    for section in ("Licence", "Limitations", "How to cite", "How the videos were measured"):
        assert f"\n## {section}\n" in text
    assert front_matter(release)["task_categories"] == [
        "video-text-to-text",
        "time-series-forecasting",
    ]


def test_reasons_of_one_kind_are_counted_together() -> None:
    assert reason_group("unsupported", "depth is not violated as the words say: 91°") == (
        "depth is not violated as the words say"
    )
    assert reason_group("no_cycle", "no complete cycle: nobody is seen") == (
        "no complete cycle: nobody is seen"
    )


def test_examples_are_of_as_many_exercises_as_there_are() -> None:
    def of(exercise: str, count: int) -> list[Example]:
        return [Example(exercise, f"old {i}", f"new {i}") for i in range(count)]

    counts = {"squat": 5, "lunge": 1, "plank": 2}
    found = one_of_each({name: of(name, count) for name, count in counts.items()})
    assert [one.exercise for one in found] == ["squat", "lunge", "plank", "squat", "plank"]


def test_a_clock_that_does_not_count_from_1970_is_told() -> None:
    assert "does not count from 1970" in CardFacts((), {}, (0.0, 12.5), {}).clock_text()
    assert "No video has a frame" in CardFacts((), {}, None, {}).clock_text()


ACTING = "\x1b[31m\x00\u202e\x85"


def test_hostile_names_act_on_no_terminal(
    videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    """Of rules, exercises, records and annotators: in the card and in the changelog."""
    first = publish(videos, **arguments).folder
    hostile = {
        "generator": {f"rule {ACTING}": f"1\n- {ACTING}"},
        "missing": [MissingVideo(f"0009{ACTING}", "train", "source", ACTING)],
        "concerns": {"0007": f"<{ACTING}>"},
    }
    videos[0] = replace(videos[0], issues=(ACTING,))
    after = publish(videos, **arguments | hostile | {"version": "1.0.1", "previous": first})
    for name in ("README.md", "CHANGELOG.md"):
        text = (after.folder / name).read_text(encoding="utf-8")
        assert not set(ACTING[:1] + ACTING[5:]) & set(text), name
        assert "\\x1b[31m\\x00\\u202e" in text
    assert "\n- rule \\x1b[31m\\x00\\u202e" in text and "\n- \\x1b" not in text
