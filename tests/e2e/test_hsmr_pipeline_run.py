"""The pipeline with HSMR's network, of random weights and small, on a CPU."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks.random_network import random_network
from qevd_bio.capture.hsmr.options import HsmrOptions, hsmr_options_for
from qevd_bio.cli.main import app
from qevd_bio.engine.limits import Limits
from qevd_bio.errors import EnvironmentProblem, UsageError
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline, reopen_pipeline
from qevd_bio.pipeline.running import RunOptions
from qevd_bio.qevd.load import require_times_s
from qevd_bio.release.assembly import release_from
from qevd_bio.released.loading import load_split
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_notes
from qevd_bio.verify.before_publishing import refuse_condemned
from qevd_bio.verify.release import verify_release
from qevd_bio.weights.hsmr_shapes import HsmrSize
from qevd_bio.weights.store import METADATA_KEYS, SCHEMA_VERSION
from qevd_bio.weights.tensor_file import write_tensors
from tests.e2e.source_records import TRAIN

SIZES = HsmrSize(
    width=32, depth=2, hidden=64, token_width=32, layers=1, inner=16, head_hidden=32
)  # fmt: skip


def write_weights(folder: Path, seed: int = 0, **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    network = random_network(SIZES, seed=seed)
    # poses near the mean one: random ones no body could take have no confidence
    network.head.poses_decoder.weight.mul_(0.05)
    tensors = {key: value.numpy() for key, value in network.state_dict().items()}
    metadata = dict.fromkeys(METADATA_KEYS, "made for a test")
    metadata |= {"name": "hsmr", "schema_version": SCHEMA_VERSION, "official_size": "no", **more}
    write_tensors(folder / "hsmr.safetensors", tensors, metadata)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def config(workout: Path, weights: Path) -> PipelineConfig:
    return PipelineConfig(
        workout,
        backend="hsmr",
        hsmr=HsmrOptions(weights=str(weights), device="cpu", detect_every=10),
    )


@pytest.fixture(scope="module")
def pipeline(config: PipelineConfig, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return ran(config, tmp_path_factory.mktemp("pipeline") / "work")


def ran(config: PipelineConfig, work: Path, **how) -> Pipeline:
    pipeline = open_pipeline(config, work)
    summary = pipeline.run(RunOptions(**how), argv=["test"], on_event=lambda event: None)
    assert not summary.failures
    return pipeline


def kinematics(pipeline: Pipeline):
    return pq.read_table(pipeline.artifacts()["0200"]["kinematics"])


def digest(pipeline: Pipeline) -> str:
    return hashlib.sha256(pipeline.artifacts()["0200"]["kinematics"].read_bytes()).hexdigest()


def test_the_pipeline_goes_from_pixels_to_annotations(pipeline: Pipeline, workout: Path) -> None:
    motion = motion_from_table(kinematics(pipeline))
    record = pipeline.sessions.by_id["0200"].record
    np.testing.assert_allclose(motion.time_s, require_times_s(record))
    assert motion.backend == "hsmr" and motion.valid.mean() > 0.9
    assert len(np.unique(motion.q[:, 3])) > 20, "the estimates follow the pictures"
    assert ((motion.confidence >= 0) & (motion.confidence <= 1)).all()
    notes = read_notes(kinematics(pipeline))["capture"]
    assert notes["device"] == "cpu" and notes["precision"] == "fp32" and notes["turn_deg"] == 0
    assert pq.read_table(pipeline.artifacts()["0200"]["annotations"]).num_rows == 5


def test_its_release_verifies_against_its_source(
    pipeline: Pipeline, workout: Path, tmp_path: Path
) -> None:
    folder = release_from(
        pipeline, out=tmp_path / "release", version="1.0.0", check=refuse_condemned
    ).folder
    verdict = verify_release(folder, workout)
    assert verdict.issues == [] and verdict.unchecked == []
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["videos"]["0200"]["kinematics"]["motion"]["backend"] == "hsmr"
    frames = load_split("train", folder, "kinematics")
    motion = motion_from_table(kinematics(pipeline))
    for dof in (3, 6):  # as captured, and NaN nowhere that the network saw
        published = frames[f"{DOF_NAMES[dof]}_rad"].to_numpy()
        np.testing.assert_allclose(published, motion.q[:, dof], atol=1e-6)


def test_a_second_run_does_nothing_and_the_folder_keeps_its_options(pipeline: Pipeline) -> None:
    again = reopen_pipeline(pipeline.store.root)
    assert again.config.hsmr is not None
    assert again.config.hsmr == pipeline.config.hsmr
    assert {unit.action for unit in again.plan()} == {"done"}


def test_workers_and_batch_sizes_give_the_same_bytes(
    pipeline: Pipeline, config: PipelineConfig, tmp_path: Path
) -> None:
    other = replace(config, hsmr=replace(config.hsmr, batch_size=3))
    in_a_worker = ran(other, tmp_path / "work", workers=1, limits=Limits(unit_s=300))
    assert digest(in_a_worker) == digest(pipeline)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"flip_every": 3}, "config"),
        ({"batch_size": 64}, "config"),
        ({"compiled": True}, "config"),
        ({"detect_every": 2}, "config"),
        ({"device": "cuda", "precision": "fp16"}, "config"),
    ],
    ids=lambda value: str(value),
)
def test_options_are_part_of_the_identity(pipeline: Pipeline, change: dict, word: str) -> None:
    changed = replace(pipeline.config, hsmr=replace(pipeline.config.hsmr, **change))
    units = {unit.stage: unit for unit in open_pipeline(changed, pipeline.store.root).plan()}
    assert units["kinematics"].action == "run" and word in str(units["kinematics"].why)


def test_other_weights_run_again_and_the_same_elsewhere_do_not(
    pipeline: Pipeline, weights: Path, tmp_path: Path
) -> None:
    def plan_with(folder: Path):
        changed = replace(pipeline.config, hsmr=replace(pipeline.config.hsmr, weights=str(folder)))
        units = {unit.stage: unit for unit in open_pipeline(changed, pipeline.store.root).plan()}
        return units["kinematics"]

    copy = shutil.copytree(weights, tmp_path / "copy")
    assert plan_with(copy).action == "done"
    other = plan_with(write_weights(tmp_path / "other", seed=1))
    assert other.action == "run" and "weights:hsmr" in str(other.why)
    same_numbers = plan_with(write_weights(tmp_path / "heads", attention_heads="4,2"))
    assert same_numbers.action == "run" and "weights:hsmr" in str(same_numbers.why)


def test_the_network_has_the_attention_heads_named_at_import(
    config: PipelineConfig, tmp_path: Path
) -> None:
    folder = write_weights(tmp_path / "weights", attention_heads="4,2")
    changed = replace(config, hsmr=replace(config.hsmr, weights=str(folder)))
    stage = open_pipeline(changed, tmp_path / "work").stages[0]
    stage.setup()
    assert stage.backend._loaded.hsmr.network.heads == (4, 2)


def test_a_gpu_that_is_not_there_is_reported_before_any_video(
    config: PipelineConfig, tmp_path: Path
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    on_gpu = replace(config, hsmr=replace(config.hsmr, device="cuda"))
    pipeline = open_pipeline(on_gpu, tmp_path / "work")
    assert pipeline.stages[0].resources.gpus == 1
    with pytest.raises(EnvironmentProblem, match="torch sees no GPU"):
        pipeline.run(argv=["test"], on_event=lambda event: None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "tpu"}, "no 'tpu'"),
        ({"precision": "fp8"}, "no 'fp8'"),
        ({"precision": "fp16"}, "fp16 needs a GPU"),
        ({"batch_size": 0}, "is 0"),
        ({"detector": "landmarks", "flip_every": -1}, "is -1"),
    ],
)
def test_options_that_cannot_be_are_refused(
    config: PipelineConfig, tmp_path: Path, change: dict, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        open_pipeline(replace(config, hsmr=replace(config.hsmr, **change)), tmp_path / "work")


def test_options_of_hsmr_need_the_backend() -> None:
    assert hsmr_options_for("mediapipe", {"weights": None}) is None
    assert hsmr_options_for("hsmr", {"weights": "w", "precision": None}) == HsmrOptions("w")
    with pytest.raises(UsageError, match="does not take detector, weights"):
        hsmr_options_for("mediapipe", {"weights": "w", "detector": "d"})


def cli(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("command", ["plan", "run"])
def test_missing_weights_are_reported_with_the_next_step_before_any_work(
    workout: Path, tmp_path: Path, command: str
) -> None:
    code, _, stderr = cli(
        command, "--data-root", workout, "--work", tmp_path / "work", "--backend", "hsmr",
        "--weights", tmp_path / "none", "--device", "cpu",
    )  # fmt: skip
    assert code == 1 and "qevd-bio weights import" in stderr
    assert not (tmp_path / "work").exists()


def test_a_detector_folder_that_is_none_is_reported(
    workout: Path, weights: Path, tmp_path: Path
) -> None:
    code, _, stderr = cli(
        "plan", "--data-root", workout, "--work", tmp_path / "work", "--backend", "hsmr",
        "--weights", weights, "--device", "cpu", "--detector", tmp_path / "none",
    )  # fmt: skip
    assert code == 1 and "holds no config.json" in stderr


def test_the_command_line_plans_what_the_pipeline_does(pipeline: Pipeline, workout: Path) -> None:
    code, out, stderr = cli(
        "plan", "--data-root", workout, "--work", pipeline.store.root, "--backend", "hsmr",
        "--weights", pipeline.config.hsmr.weights, "--device", "cpu", "--detect-every", 10,
        "--json",
    )  # fmt: skip
    assert code == 0, stderr
    assert {unit["action"] for unit in json.loads(out)["units"]} == {"done"}
    assert (workout / TRAIN).is_dir()
