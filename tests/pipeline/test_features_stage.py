"""The stage `features`: on request, in the store with an identity, named after its network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.features.feature_files import load_features
from qevd_bio.features.video_features import video_features
from qevd_bio.model.visual_features import features_of_work
from qevd_bio.pipeline.config import PipelineConfig, config_from, config_of
from qevd_bio.pipeline.pipeline import Pipeline, open_pipeline
from qevd_bio.pipeline.settings import Settings
from qevd_bio.stages.features import FeatureOptions, FeaturesStage
from qevd_bio.tables.parquet import notes_of_schema
from qevd_bio.views.export_features import export_carried_over, export_features
from tests.capture.video_files import grey_ramp, write_video
from tests.pipeline.sessions_made import FRAMES, SPLIT, SQUATS, TIMES_S, record, write_root

STANDIN = FeatureOptions("standin", turn="official")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = write_root(tmp_path / "QEVD", [record("0200", SQUATS)], SPLIT)
    video = made / SPLIT / "long_range_videos" / "0200.mp4"
    write_video(video, [one for one in grey_ramp(50, 64, 48) for _ in range(9)][:FRAMES])
    return made


def features_unit(pipeline: Pipeline):
    return next(unit for unit in pipeline.plan() if unit.stage == "features")


def test_a_run_computes_features_on_request(root: Path, walk: Callable[..., Pipeline]) -> None:
    plain = walk(root)
    assert "features" not in plain.artifacts()["0200"]
    with pytest.raises(DataError, match="asked for no features"):
        features_of_work(plain)
    pipeline = walk(root, features=STANDIN)
    actions = {unit.stage: unit.action for unit in pipeline.plan()}
    assert set(actions.values()) == {"done"} and list(actions)[-1] == "features"
    values, time_s = features_of_work(pipeline.store.root).load("0200")
    assert values.dtype == np.float16 and values.shape == (len(time_s), 1280, 7, 5)
    assert np.isin(time_s, TIMES_S).all()
    assert np.median(np.diff(time_s)) == pytest.approx(0.256, abs=0.001)  # 15.6 frames a second
    unit = features_unit(pipeline)
    notes = unit.record.notes
    assert notes["network"] == "standin" and "NOT Stream-VLM" in notes["made_by"]
    path = pipeline.artifacts()["0200"]["features"]
    assert notes_of_schema(pq.read_schema(path)) == notes
    with pytest.raises(DataError, match="features of video 0200, not of 0201"):
        load_features(path, "0201")
    exported = export_features(pipeline, ["0200"], root.parent / "official")
    assert np.load(exported[0]).shape == values.shape
    carried = export_carried_over(pipeline, ["0200"], root.parent / "carried")
    np.testing.assert_array_equal(np.load(carried[0]), np.load(exported[0]))  # nothing before it


def test_network_turn_and_video_decide_the_identity_and_the_device_does_not(
    root: Path, tmp_path: Path
) -> None:
    pipeline = open_pipeline(PipelineConfig(root, features=STANDIN), tmp_path / "work")
    stage = pipeline.stage("features")
    assert isinstance(stage, FeaturesStage)
    before = stage.depends("0200")
    assert replace(stage, device="cuda").depends("0200") == before
    assert replace(stage, turn="upright").depends("0200") != before
    assert before["network"] == "standin" and len(before["weights"]) == 64
    np.save(root / SPLIT / "long_range_videos" / "0200_timestamps.npy", 10**8 * np.arange(FRAMES))
    assert stage.depends("0200") == before, "the frame times in use were read before"
    again = open_pipeline(PipelineConfig(root, features=STANDIN), tmp_path / "work")
    assert again.stage("features").depends("0200") != before


def test_a_gpu_that_is_asked_for_must_be_there(root: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    asked = replace(STANDIN, device="cuda")
    stage = open_pipeline(PipelineConfig(root, features=asked), tmp_path / "w").stage("features")
    assert stage.resources.gpus == 1
    with pytest.raises(EnvironmentProblem, match="sees no GPU"):
        stage.setup()


def test_the_official_network_is_asked_for_by_name_only_where_it_is(
    root: Path, tmp_path: Path
) -> None:
    options = FeatureOptions("cnn3d", weights=tmp_path / "weights")
    with pytest.raises(EnvironmentProblem, match="were not imported"):
        open_pipeline(PipelineConfig(root, features=options), tmp_path / "work")


def test_options_become_the_configuration_and_come_back(root: Path) -> None:
    settings = Settings(data_root=root, features="standin", features_turn="official")
    config = config_of(settings)
    assert config.features == STANDIN
    assert config_from(json.loads(json.dumps(config.as_json())), where="x") == config
    assert config_of(Settings(data_root=root)).features is None
    with pytest.raises(UsageError, match="no features are asked for"):
        config_of(Settings(data_root=root, features_device="cpu"))


def test_timestamps_of_another_video_cost_the_unit(root: Path, tmp_path: Path) -> None:
    pipeline = open_pipeline(PipelineConfig(root, features=STANDIN), tmp_path / "work")
    stage = pipeline.stage("features")
    stage.setup()
    video = root / SPLIT / "long_range_videos" / "0200.mp4"
    with pytest.raises(DataError, match="timestamps but"):
        video_features(
            video,
            TIMES_S[:-3],
            video_id="0200",
            extractor=stage._loaded.extractor,
            turn="official",
        )
    stage.teardown()
