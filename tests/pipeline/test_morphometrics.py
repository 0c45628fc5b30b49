"""The body of each video: the sources of its numbers, and the sentences without them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.capture.body_size import with_height
from qevd_bio.capture.captured import Captured
from qevd_bio.errors import DataError, UsageError
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline, reopen_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.release.evidence import sentence_issues
from qevd_bio.released.loading import load_split
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.stages.body_sources import BodySources
from qevd_bio.tables.morphometrics import MEASURES, SCHEMA, SEGMENTS
from qevd_bio.views.work_folder import annotation_rows
from tests.pipeline.bodies_made import (
    CHEST_RING,
    HALF_HEIGHT_M,
    HIP_RING,
    RADIUS_M,
    WAIST_RING,
    girth_m,
    write_body,
)
from tests.pipeline.sessions_made import (
    LENGTHS_M,
    SQUATS,
    TIMES_S,
    record,
    squats_motion,
    with_readers,
    write_root,
)

NUMBERS = (*MEASURES, *(f"{name}_m" for name in SEGMENTS))


def shaped(*betas: float, backend: str = "hsmr") -> Any:
    """A capture with the same shape in every frame, except a stranger in some."""
    numbers = np.zeros(10)
    numbers[: len(betas)] = betas

    def capture(path, times_s, *, video_id, config, exercises=()):
        seen = np.tile(numbers, (len(times_s), 1))
        seen[::5] += 3.0
        motion = replace(squats_motion(0.7, times_s), betas=seen if betas else None)
        return Captured(motion=replace(motion, backend=backend), notes={"turn_deg": 0})

    return capture


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path / "QEVD", [record("0006", SQUATS)])


def row_of(pipeline: Pipeline, video: str = "0006") -> dict[str, Any]:
    table = pq.read_table(pipeline.artifacts()[video]["morphometrics"])
    assert table.schema.equals(SCHEMA) and table.num_rows == 1
    row: dict[str, Any] = table.to_pylist()[0]
    return row


def body_stated(pipeline: Pipeline) -> set[str]:
    return {row["morphology_context"] for row in annotation_rows(pipeline)}


def test_betas_are_measured_on_the_body_of_the_user(walk, root: Path, tmp_path: Path) -> None:
    weights = write_body(tmp_path / "weights")
    pipeline = walk(root, capture=shaped(1.0, 2.0), bodies=BodySources(weights))
    row = row_of(pipeline)
    half, radius = HALF_HEIGHT_M + 0.05, 1.2 * RADIUS_M
    assert (row["source"], row["reason"], row["shape_space"]) == ("betas", "", "skel_male")
    assert row["height_m"] == round(2 * half, 2)
    assert row["mass_kg"] == pytest.approx(985 * 4 / 3 * np.pi * half * radius**2, rel=5e-3)
    for name, ring in (("chest_m", CHEST_RING), ("waist_m", WAIST_RING), ("hip_m", HIP_RING)):
        assert row[name] == round(girth_m(ring, radius), 2)
    assert row["betas"] == pytest.approx([1.0, 2.0, *[0.0] * 8], abs=1e-6)
    assert (row["betas_frames"], row["betas_frames_left_out"]) == (336, 84)
    assert row["betas_spread"] == pytest.approx(0.0, abs=1e-6)
    assert (row["segment_source"], row["flags"]) == ("body", [])
    said = (
        f"Height {row['height_m']:.2f} m, Mass {row['mass_kg']:.2f} kg, "
        f"Chest {row['chest_m']:.2f} m, Waist {row['waist_m']:.2f} m, Hips {row['hip_m']:.2f} m."
    )
    assert body_stated(pipeline) == {said}
    again = walk(root, capture=shaped(1.0, 2.0), bodies=BodySources(weights), work="again")
    one, other = (r.artifacts()["0006"]["morphometrics"].read_bytes() for r in (pipeline, again))
    assert one == other


def test_the_joints_of_skel_give_lengths_and_smpl_has_none(
    walk, root: Path, tmp_path: Path
) -> None:
    weights = write_body(tmp_path / "weights", "smpl_male")
    row = row_of(walk(root, capture=shaped(0.0), bodies=BodySources(weights)))
    assert (row["shape_space"], row["segment_source"], row["thigh_m"]) == ("smpl_male", None, None)
    write_body(weights, "skel_male")
    row = row_of(walk(root, capture=shaped(0.0), bodies=BodySources(weights), work="b"))
    assert row["shape_space"] == "skel_male"
    expected = segment_lengths_for_height(1.8)
    assert {name: row[f"{name}_m"] for name in SEGMENTS} == pytest.approx(expected, abs=1e-4)


def test_a_dump_of_hsmr_is_measured_without_a_gpu(walk, root: Path, tmp_path: Path) -> None:
    """The authors' file, the user's body: two people in the picture, one of them followed."""
    betas = np.zeros((2, 10), np.float32)
    betas[0, 0], betas[1, 1] = 1.0, 5.0
    held = np.empty(len(TIMES_S), dtype=object)
    for i, pose in enumerate(squats_motion(0.7).q):
        held[i] = {
            "poses": np.stack([pose, 0.1 * pose]).astype(np.float32),
            "betas": betas,
            "bbx_cs": [np.array([240.0, 320.0, 400.0]), np.array([900.0, 320.0, 100.0])],
        }
    held[7] = {"poses": np.zeros((0, 46), np.float32), "betas": np.zeros((0, 10), np.float32),
               "bbx_cs": None}  # fmt: skip
    (tmp_path / "dumps").mkdir()
    np.save(tmp_path / "dumps" / "HSMR-0006.npy", held, allow_pickle=True)
    bodies = BodySources(write_body(tmp_path / "weights"))
    row = row_of(walk(root, backend="recorded", recorded_root=tmp_path / "dumps", bodies=bodies))
    assert row["betas"] == [1.0, *[0.0] * 9]
    assert (row["betas_frames"], row["betas_frames_left_out"]) == (419, 0)
    assert (row["source"], row["height_m"], row["waist_m"]) == (
        "betas",
        1.9,
        round(girth_m(WAIST_RING), 2),
    )


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        pytest.param(
            shaped(backend="mediapipe"), "mediapipe capture gives no shape", id="no betas"
        ),
        pytest.param(shaped(0.0), "import skel_male or smpl_male", id="no body"),
    ],
)
def test_without_shape_or_body_nothing_is_invented(walk, root: Path, capture, reason) -> None:
    pipeline = walk(root, capture=capture)
    row = row_of(pipeline)
    assert row["source"] == "none" and reason in row["reason"]
    assert [name for name in NUMBERS if row[name] is not None] == []
    assert body_stated(pipeline) == {""}


def test_a_female_body_is_not_what_the_shapes_are_of(walk, root: Path, tmp_path: Path) -> None:
    weights = write_body(tmp_path / "weights", "smpl_female")
    row = row_of(walk(root, capture=shaped(0.0), bodies=BodySources(weights)))
    assert row["source"] == "none" and "import skel_male" in row["reason"]


def test_a_capture_of_the_picture_gives_ratios_and_a_known_height_lengths(
    walk, root: Path
) -> None:
    ratios = {f"{name}_ratio": LENGTHS_M[name] / (0.42 + 0.41 + 0.5) for name in SEGMENTS}
    row = row_of(walk(root, capture=shaped(backend="mediapipe")))
    assert {name: row[name] for name in ratios} == pytest.approx(ratios, abs=1e-4)
    assert row["segment_source"] == "capture" and row["thigh_m"] is None
    pipeline = walk(root, capture=shaped(backend="mediapipe"), height_m=1.9, work="tall")
    row = row_of(pipeline)
    known = with_height(squats_motion(0.7), 1.9).segment_lengths_m
    assert {name: row[f"{name}_m"] for name in SEGMENTS} == pytest.approx(dict(known), abs=1e-4)
    assert {name: row[name] for name in ratios} == pytest.approx(ratios, abs=1e-4)
    assert (row["source"], row["height_m"], row["given_height_m"]) == ("height", 1.9, 1.9)
    assert [name for name in MEASURES if row[name] is not None] == ["height_m"]
    assert body_stated(pipeline) == {"Height 1.90 m."}


def test_proportions_that_nobody_measured_are_not_stated(walk, root: Path) -> None:
    row = row_of(walk(root, capture=shaped(0.0, backend="opensim"), height_m=1.9))
    assert row["segment_source"] is None
    assert [n for n in SEGMENTS if row[f"{n}_m"] or row[f"{n}_ratio"]] == []


def test_a_known_height_contradicts_and_goes_first(walk, root: Path, tmp_path: Path) -> None:
    bodies = BodySources(write_body(tmp_path / "weights"))
    pipeline = walk(root, capture=shaped(0.0), bodies=bodies, height_m=1.6)
    row = row_of(pipeline)
    assert (row["height_m"], row["given_height_m"]) == (1.8, 1.6)
    assert row["flags"] == ["height_contradicted"]
    assert body_stated(pipeline) == {"Height 1.60 m."}


def shapy_file(folder: Path, **values: float) -> Path:
    folder.mkdir(exist_ok=True)
    measured = {"height": 1.7849, "mass": 73.2249, "chest": 1.0, "waist": 0.83, "hips": 0.98}
    entry = {"person_id": "HSMR-0006", "measurements": measured | values}
    path = folder / "all_hsmr_shapy_measurements.json"
    path.write_text(json.dumps({"measurements": [entry]}))
    return folder


def test_measurements_of_shapy_are_taken_as_they_are(walk, tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", [record("0006", SQUATS), record("0007", SQUATS)])
    bodies = BodySources(shapy_root=shapy_file(tmp_path / "shapy"))
    pipeline = walk(root, capture=shaped(backend="mediapipe"), bodies=bodies)
    row, absent = row_of(pipeline), row_of(pipeline, "0007")
    assert [row[name] for name in MEASURES] == [1.78, 73.22, 1.0, 0.83, 0.98]
    assert (row["source"], row["betas"], row["shape_space"]) == ("shapy", None, None)
    assert absent["source"] == "none"
    assert absent["reason"] == "all_hsmr_shapy_measurements.json holds no HSMR-0007"

    release = release_from(pipeline, out=tmp_path / "release", version="1.0.0")
    assert sentence_issues(release.folder) == []
    published = load_split("train", release.folder, "morphometrics")
    assert published["video_id"].tolist() == ["0006", "0007"]
    assert published["mass_kg"].tolist()[0] == 73.22 and np.isnan(published["mass_kg"][1])

    shapy_file(tmp_path / "shapy", mass=90.0)
    stale = open_pipeline(pipeline.config, pipeline.store.root).plan()
    unit = ("0006", "morphometrics")
    readers = with_readers(pipeline.stages, unit)
    assert {(u.video_id, u.stage) for u in stale if u.action != "done"} == readers


def test_another_body_makes_measurements_and_sentences_stale(
    walk, root: Path, tmp_path: Path
) -> None:
    weights = write_body(tmp_path / "weights")
    pipeline = walk(root, capture=shaped(0.0), bodies=BodySources(weights))
    again = reopen_pipeline(pipeline.store.root)
    assert again.config.bodies == BodySources(weights.absolute())
    assert {unit.action for unit in again.plan()} == {"done"}
    other = np.zeros((6890, 3, 10))
    write_body(weights, shapedirs=other)
    why = {u.stage: u.why for u in again.plan() if u.action != "done"}
    readers = with_readers(again.stages, ("0006", "morphometrics"))
    assert why["morphometrics"] == ("body changed",)
    assert set(why) == {stage for _, stage in readers}


def test_shapes_of_no_body_fail_with_the_video_named(walk, root: Path, tmp_path: Path) -> None:
    bodies = BodySources(write_body(tmp_path / "weights"))
    with pytest.raises(AssertionError):
        walk(root, capture=shaped(-30.0), bodies=bodies)
    failed = [
        unit.record.reason
        for unit in open_pipeline(PipelineConfig(root, bodies=bodies), tmp_path / "work").plan()
        if unit.stage == "morphometrics" and unit.record
    ]
    assert "video 0006: its shape numbers make no body" in failed[0]


@pytest.mark.parametrize("name", ["weights", "landmarks", "shapy_root"])
def test_a_source_that_is_absent_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    bodies = BodySources(**{name: tmp_path / "no"})
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}"):
        open_pipeline(PipelineConfig(root, bodies=bodies), tmp_path / "work")


def test_a_folder_without_the_split_of_shapy_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"all_hsmr_shapy_measurements\.json: cannot be read"):
        open_pipeline(
            PipelineConfig(root, bodies=BodySources(shapy_root=tmp_path)), tmp_path / "work"
        )
