"""The pipeline on motion that others have measured, and on a person of known height."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.files.opensim_mot import write_mot
from qevd_bio.pipeline.config import PipelineConfig
from qevd_bio.pipeline.pipeline import Pipeline, open_pipeline, reopen_pipeline
from qevd_bio.skeleton.opensim_map import to_opensim
from qevd_bio.stages.backends import backend_named
from qevd_bio.tables.parquet import read_notes
from qevd_bio.views.analysed_video import finished_video
from qevd_bio.views.overlay.write_video import write_overlay
from qevd_bio.views.work_folder import annotation_rows
from tests.e2e.source_records import TRAIN

DOWN = np.array([0.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def known(workout: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frame times on the file's clock, and the angles the workout was rendered from."""
    stamps = np.load(workout / TRAIN / "long_range_videos" / "0200_timestamps.npy")
    with np.load(workout.parent / "truth.npz") as truth:
        q = truth["0200_q"]
    return (stamps - stamps[0]) / 1e9, q


@pytest.fixture
def dumps(known: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    folder = tmp_path / "motion"
    folder.mkdir()
    held = np.empty(len(known[1]), dtype=object)
    for i, pose in enumerate(known[1]):
        held[i] = {
            "poses": pose[None].astype(np.float32),
            "betas": np.zeros((1, 10), np.float32),
            "bbx_cs": [np.array([240.0, 320.0, 400.0], np.float32)],
        }
    np.save(folder / "HSMR-0200.npy", held, allow_pickle=True)
    return folder


def ran(config: PipelineConfig, work: Path) -> tuple[Pipeline, list[str]]:
    pipeline = open_pipeline(config, work)
    summary = pipeline.run(argv=["test"], on_event=lambda event: None)
    return pipeline, [failure.reason for failure in summary.failures]


def counted(pipeline: Pipeline) -> int:
    return int(pq.read_table(pipeline.artifacts()["0200"]["cycles"]).num_rows)


def motion_notes(pipeline: Pipeline) -> dict:
    return read_notes(pq.read_table(pipeline.artifacts()["0200"]["kinematics"]))


def test_a_dump_gives_counts_and_the_quantified_sentence(
    workout: Path, dumps: Path, tmp_path: Path
) -> None:
    config = PipelineConfig(workout, backend="recorded", recorded_root=dumps)
    pipeline, failures = ran(config, tmp_path / "work")
    assert not failures
    assert counted(pipeline) == 3
    rows = {row["feedback_original"]: row for row in annotation_rows(pipeline)}
    assert rows["Sink deeper into these squats"]["status"] == "rewritten"
    assert motion_notes(pipeline)["motion"]["backend"] == "hsmr"
    again = reopen_pipeline(tmp_path / "work")
    assert again.config.recorded_root == dumps.absolute()
    assert {unit.action for unit in again.plan()} == {"done"}
    video = finished_video(pipeline, "0200")
    assert write_overlay(video, tmp_path / "a.mp4", longest_side_px=160) > 50

    dump = dumps / "HSMR-0200.npy"
    dump.write_bytes(dump.read_bytes() + b" ")
    why = {unit.stage: unit for unit in open_pipeline(config, tmp_path / "work").plan()}
    assert why["kinematics"].action == "run" and "HSMR-0200.npy" in str(why["kinematics"].why)


def test_a_mot_gives_the_same_counts(
    workout: Path, known: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    folder = tmp_path / "motion"
    angles = to_opensim(known[1], DOWN)
    write_mot(folder / "0200.mot", known[0], {n: np.rad2deg(v) for n, v in angles.items()})
    pipeline, failures = ran(
        PipelineConfig(workout, backend="recorded", recorded_root=folder), tmp_path / "work"
    )
    assert not failures and counted(pipeline) == 3


def test_a_gap_in_a_mot_is_among_the_videos_to_look_at(
    workout: Path, known: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    folder = tmp_path / "motion"
    angles = to_opensim(known[1], DOWN)
    for values in angles.values():
        values[-20:-2] = np.nan
    write_mot(folder / "0200.mot", known[0], {n: np.rad2deg(v) for n, v in angles.items()})
    pipeline, failures = ran(
        PipelineConfig(workout, backend="recorded", recorded_root=folder), tmp_path / "work"
    )
    assert not failures and "18 rows hold NaN" in pipeline.concerns()["0200"]


def test_a_video_without_its_file_fails_alone_with_a_reason(workout: Path, tmp_path: Path) -> None:
    (tmp_path / "motion").mkdir()
    _, failures = ran(
        PipelineConfig(workout, backend="recorded", recorded_root=tmp_path / "motion"),
        tmp_path / "work",
    )
    assert "holds no file of video 0200" in failures[0]


def test_a_height_scales_lengths_to_metres(workout: Path, dumps: Path, tmp_path: Path) -> None:
    plain, _ = ran(
        PipelineConfig(workout, backend="recorded", recorded_root=dumps), tmp_path / "work"
    )
    assert motion_notes(plain)["motion"]["scale"] == "ratio"
    tall = PipelineConfig(workout, backend="recorded", recorded_root=dumps, height_m=1.93)
    why = {unit.stage: unit for unit in open_pipeline(tall, tmp_path / "work").plan()}
    assert why["kinematics"].action == "run"
    pipeline, _ = ran(tall, tmp_path / "work")
    before, after = motion_notes(plain), motion_notes(pipeline)
    assert after["motion"]["scale"] == "height" and after["motion"]["height_m"] == 1.93
    thigh = {n: notes["motion"]["segment_lengths_m"]["thigh"]
             for n, notes in (("before", before), ("after", after))}  # fmt: skip
    assert thigh["after"] / thigh["before"] == pytest.approx(1.93 / 1.75)
    ratios = [notes["body"]["segment_ratios"] for notes in (before, after)]
    assert ratios[1] == pytest.approx(ratios[0])
    assert "mass" not in json.dumps(after)


@pytest.mark.parametrize("height", [0.0, 178.0, -1.8, float("nan")])
def test_a_height_that_nobody_has_is_refused(workout: Path, tmp_path: Path, height: float) -> None:
    with pytest.raises(UsageError, match="--height-m"):
        open_pipeline(PipelineConfig(workout, height_m=height), tmp_path / "work")


@pytest.mark.parametrize(
    ("backend", "root", "words"),
    [
        ("openpose", None, "mediapipe, hsmr, recorded"),
        ("hsmr", Path(), "need each other"),
        ("recorded", None, "need each other"),
        ("mediapipe", Path(), "need each other"),
    ],
)
def test_backend_and_folder_belong_together(backend, root, words) -> None:
    with pytest.raises(UsageError, match=words):
        backend_named(backend, recorded_root=root)


def test_a_recorded_folder_that_is_absent_is_refused(workout: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        open_pipeline(
            PipelineConfig(workout, backend="recorded", recorded_root=tmp_path / "no"),
            tmp_path / "work",
        )
