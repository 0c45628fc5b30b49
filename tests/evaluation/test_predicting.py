"""A coach speaks about the exercises of a release: files, switches, and the same in any batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.evaluation.pairs import SegmentKey
from qevd_bio.evaluation.predicting import PredictionConfig, predict, write_predicted
from qevd_bio.evaluation.predictions import read_predictions
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.generate import GenerationConfig
from qevd_bio.released.contents import Release
from tests.evaluation.made_sessions import squat_sessions
from tests.model.coaches import C, speaking_coach
from tests.release.made_artifacts import START_S

pytest.importorskip("transformers", reason="the coach needs transformers")
__all__ = ["squat_sessions"]  # a fixture
CONFIG = PredictionConfig(split="train", generation=GenerationConfig(most_tokens=10), name="tiny")


@pytest.fixture(scope="module")
def coach(tmp_path_factory: pytest.TempPathFactory) -> Coach:
    return speaking_coach(tmp_path_factory.mktemp("speaking"), seed=8)


def features_of(video: str) -> VideoFeatures:
    times_s = START_S + 0.25 * np.arange(1, 66)
    colours = np.random.default_rng(int(video)).uniform(0, 6, (65, C, 1, 1))
    maps = np.broadcast_to(colours, (65, C, 7, 5)).astype(np.float16)
    return VideoFeatures(maps, times_s, {"network": "made", "weights_sha256": "0"})


def test_each_exercise_has_an_entry_and_the_batch_decides_nothing(
    tmp_path: Path, squat_sessions: Release, coach: Coach
) -> None:
    release = squat_sessions.folder
    done: list[tuple[int, int]] = []
    found = predict(
        coach, release, features_of, replace(CONFIG, batch=1), lambda *now: done.append(now)
    )
    assert done == [(1, 2), (2, 2)]
    assert set(found.said) == {SegmentKey("0001", 0), SegmentKey("0002", 0)}
    assert sum(map(len, found.said.values())) > 3 and found.endless == 0
    assert predict(coach, release, features_of, CONFIG).said == found.said
    files = write_predicted(tmp_path / "out", found)
    for file in files:
        said, notes = read_predictions(file)
        assert {key: tuple(own) for key, own in said.items()} == found.said
    assert notes["system"] == "tiny" and notes["mode"] == "fixed" and notes["release"] == "1.0.0"
    features_s = set(features_of("0001").time_s)
    assert {one.time_s for own in found.said.values() for one in own} <= features_s


def test_what_the_coach_is_told_can_be_switched_off(squat_sessions: Release, coach: Coach) -> None:
    release = squat_sessions.folder
    config = replace(CONFIG, motion_context=False, morphology=False)
    without = predict(coach, release, features_of, config)
    assert without.notes["without"] == "motion context and morphology"
    assert without.said != predict(coach, release, features_of, CONFIG).said


def test_missing_splits_and_features_of_two_networks_are_refused(
    squat_sessions: Release, coach: Coach
) -> None:
    release = squat_sessions.folder
    with pytest.raises(UsageError, match="Choose by --split: test, train"):
        predict(coach, release, features_of, replace(CONFIG, split="validation"))

    def two(video: str) -> VideoFeatures:
        found = features_of(video)
        return replace(found, about={**found.about, "weights_sha256": video})

    with pytest.raises(DataError, match="one network for all"):
        predict(coach, release, two, CONFIG)
