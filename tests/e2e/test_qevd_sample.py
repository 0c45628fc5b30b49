"""The road on real recordings in QEVD's layout, with known segments and repetitions."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.dataset.assembly import release_from
from qevd_bio.dataset.changes import all_changes
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import measure_values
from qevd_bio.stages.road import Road, RoadConfig, open_road
from qevd_bio.tables import kinematics
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_notes, read_parquet

pytestmark = [pytest.mark.slow, pytest.mark.data]


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> Path:
    return shared_data / "qevd_sample"


@pytest.fixture(scope="module")
def truth(sample: Path) -> dict:
    return json.loads((sample / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def road(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Road:
    road = open_road(RoadConfig(sample), tmp_path_factory.mktemp("work"))
    summary = road.run((), argv=["test"], on_event=lambda event: None)
    assert [f.video_id for f in summary.failures] == ["0147"]
    assert "absent" in summary.failures[0].reason
    return road


def test_segments_and_exercises_equal_the_truth(road: Road, truth: dict) -> None:
    for video, known in truth.items():
        if "segments" in known:
            found = [segment.exercise_text for segment in road.sessions.by_id[video].segments]
            assert found == [segment["exercise"] for segment in known["segments"]]


def test_repetitions(road: Road, truth: dict) -> None:
    right, lines = 0, []
    for video, known in truth.items():
        for index, segment in enumerate(known.get("segments", ())):
            rows = pq.read_table(road.artifacts()[video]["cycles"]).to_pylist()
            found = [row for row in rows if row["segment_index"] == index]
            # a hold has no repetitions: it is one hold, and the others are no holds
            expected = segment["reps"] or 1
            kinds = {row["kind"] for row in found}
            ok = len(found) == expected and (segment["reps"] == 0) == (kinds == {"hold"})
            right += ok
            lines.append(f"{video} {segment['exercise']}: {len(found)} of {segment['reps']}")
    print("\n".join(lines))
    assert len(lines) == 7
    assert right >= 6


def test_the_sideways_video_is_analysed_upright(road: Road) -> None:
    table = read_parquet(road.artifacts()["0007"]["kinematics"], kinematics.SCHEMA)
    assert read_notes(table)["capture"]["turn_deg"] == 90
    motion = motion_from_table(table)
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    lean = measure_values(["trunk_forward_lean"], motion.q, skeleton, motion.gravity)
    assert np.nanmedian(np.abs(lean["trunk_forward_lean"])) < 40


def test_texts_counts_and_timestamps_are_those_of_the_source(road: Road, sample: Path) -> None:
    rows = all_changes(road)
    for split in ("QEVD-FIT-COACH", "QEVD-FIT-COACH-Benchmark"):
        source = (sample / split / "feedbacks_long_range.json").read_text(encoding="utf-8")
        for record in json.loads(source):
            video = Path(record["long_range_video_file"]).stem
            own = [row for row in rows if row["video_id"] == video]
            if video == "0147":
                assert own == []
                continue
            texts = [text for text, _ in groupby(record["feedbacks"]) if text]
            assert [row["feedback_original"] for row in own] == texts
            stamps = [row["timestamp_s"] for row in own]
            assert stamps == record["feedback_timestamps"]  # bit for bit
            assert [row["is_transition"] for row in own] == record["is_transition"]
            for row in own:
                if row["kind"] not in ("corrective", "instructional"):
                    assert row["feedback"] == row["feedback_original"]
                    assert row["status"] == "kept"


def test_the_release_names_the_missing_video(road: Road, tmp_path: Path) -> None:
    release = release_from(road, out=tmp_path, version="0.1.0")
    assert [video.video_id for video in release.contents.missing] == ["0147"]
    assert release.contents.videos == {"train": 2, "test": 1}
