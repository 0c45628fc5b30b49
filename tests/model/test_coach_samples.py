"""Samples of a coach are the exercises of a release, with its contexts and the features."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.feedback.morphology import morphology_context
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.layout import LayoutConfig
from qevd_bio.released.contents import Release
from qevd_bio.released.loading import load_split
from qevd_bio.tables import annotations
from qevd_bio.tables.parquet import read_parquet, rows_table, write_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.training.coach_samples import CoachSamples, released_coach_data
from qevd_bio.training.coach_task import made_from
from qevd_bio.training.tiny_coach_data import tiny_coach_in_memory
from qevd_bio.training.with_features import with_features
from tests.model.made_release import squats
from tests.release.made_artifacts import START_S, annotation, publish, published

pytest.importorskip("transformers", reason="the coach needs transformers")
__all__ = ["squats"]  # a fixture


@pytest.fixture(scope="module")
def coach() -> Coach:
    return tiny_coach_in_memory(sees=False)


def features_of(video: str) -> VideoFeatures:
    times_s = START_S + 0.25 * np.arange(1, 27)
    values = np.zeros((26, 40, 7, 5), np.float16) + np.arange(26)[:, None, None, None] / 8
    return VideoFeatures(
        values.astype(np.float16), times_s, {"network": "made", "weights_sha256": "0"}
    )


def test_an_exercise_of_a_release_becomes_one_sequence(squats: Release, coach: Coach) -> None:
    data = released_coach_data(squats.folder, features_of)
    (segment,) = data.trained_on
    assert (data.network, data.release, data.held_out) == ("made 0", "1.0.0", [])
    spoken = load_split("train", squats.folder).iloc[1]
    assert segment.exercise == "squats"
    assert [(f.time_s, f.text) for f in segment.feedbacks] == [
        (spoken["timestamp_s"], "Go lower on your squats!")
    ]
    contexts = load_split("train", squats.folder, "contexts")
    assert data.contexts is not None
    rows = data.contexts["0001", 0].rows
    assert [row.time_s for row in rows] == contexts["time_s"].tolist()
    assert [row.text for row in rows] == contexts["motion_context"].tolist()
    assert [row.cycles for row in rows] == contexts["cycle_count"].tolist()
    samples = CoachSamples(data.trained_on, data, coach.tokenizer, LayoutConfig())
    example = samples[0]
    shown = [one for one in features_of("0001").time_s if segment.start_s < one <= segment.end_s]
    assert len(example.vision) <= len(shown)
    assert float(example.frames[0, 0, 0]) == features_of("0001").values[0, 0, 0, 0]
    text = coach.tokenizer.decode(example.ids.tolist())
    assert "Go lower on your squats!" in text and contexts["motion_context"][0][:20] in text


@pytest.mark.parametrize("motion_context", [True, False])
def test_a_copy_says_the_numbers_that_its_contexts_say(
    squats: Release, coach: Coach, motion_context: bool
) -> None:
    data = released_coach_data(squats.folder, features_of, motion_context=motion_context)
    (segment,) = data.trained_on
    told = "Violations: Knee flexion 71° (target: 90°). Increase knee flexion by 23°."
    said = replace(segment.feedbacks[0], text="Knee flexion 71° (target: 90°).")
    segment = replace(segment, feedbacks=(said,))
    if data.contexts is not None:
        own = data.contexts["0001", 0]
        rows = tuple(replace(row, text=told) for row in own.rows)
        data = replace(data, contexts={("0001", 0): replace(own, rows=rows)})
    layout = LayoutConfig(slot_tokens=200)
    samples = CoachSamples([segment], data, coach.tokenizer, layout, copies=2, seed=4)
    assert len(samples) == 3
    plain, *copies = [coach.tokenizer.decode(samples[index].ids.tolist()) for index in range(3)]
    assert "Knee flexion 71°" in plain
    again = CoachSamples([segment], data, coach.tokenizer, layout, copies=2, seed=4)[1]
    assert coach.tokenizer.decode(again.ids.tolist()) == copies[0]
    if not motion_context:
        assert copies == [plain, plain], "there is nothing to read"
        return
    assert len({plain, *copies}) == 3
    for copy in copies:
        value = copy.partition("Violations: Knee flexion ")[2].partition("°")[0]
        assert value != "71" and copy.count(f"Knee flexion {value}° (target: 90°).") >= 2
        assert "Knee flexion 71°" not in copy


def test_each_exercise_of_a_video_sees_its_own_contexts(
    tmp_path: Path, arguments: dict[str, Any], coach: Coach
) -> None:
    """The rows of two exercises have the same times while the second one is announced."""
    video = published(tmp_path / "work", "0001", "train", frames=200)
    path = video.artifacts["contexts"]
    rows = read_parquet(path, TABLES["contexts"].schema).to_pylist()
    for row in [dict(row) for row in rows]:
        changed = {
            "salient_joints": [],
            "motion_context": "",
            "cycle": None,
            "cycle_count": 0,
            "is_refresh": False,
        }
        rows.append(row | changed | {"segment_index": 1, "findings": []})
    write_parquet(rows_table(rows, TABLES["contexts"].schema), path)
    spoken = [
        annotation("0001", index, segment_index=index, cycle=None, findings=[], status="kept",
                   feedback="Go lower on your squats!",
                   motion_context="", frame_start=start, frame_end=start + 9)
        for index, start in enumerate((51, 120))
    ]  # fmt: skip
    write_parquet(rows_table(spoken, annotations.SCHEMA), video.artifacts["annotations"])
    release = publish([video], **arguments)
    data = released_coach_data(release.folder, features_of)
    samples = CoachSamples(data.trained_on, data, coach.tokenizer, LayoutConfig())
    assert [one.segment_index for one in data.trained_on] == [0, 1]
    shown = [coach.tokenizer.decode(samples[i].ids.tolist()).count("target: ") for i in range(2)]
    assert shown[0] > 0 and shown[1] == 0


def test_an_exercise_without_contexts_is_refused(squats: Release) -> None:
    (file,) = (squats.folder / "contexts").glob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    moved = [row | {"segment_index": 9} for row in rows]
    write_parquet(rows_table(moved, TABLES["contexts"].schema), file)
    with pytest.raises(DataError, match="video 0001: has no motion contexts of exercise 0"):
        released_coach_data(squats.folder, features_of)


def test_the_body_comes_without_the_warning_of_a_moment(squats: Release) -> None:
    (file,) = (squats.folder / "annotations").glob("*.parquet")
    said = morphology_context({"height": 1.7}, low_confidence=True)
    rows = [row | {"morphology_context": said} for row in pq.read_table(file).to_pylist()]
    write_parquet(rows_table(rows, annotations.SCHEMA), file)
    (segment,) = released_coach_data(squats.folder, features_of).trained_on
    assert said.endswith("Height 1.70 m.") and segment.morphology == "Height 1.70 m."


def test_the_trainers_own_sentences_and_no_contexts_can_be_asked_for(squats: Release) -> None:
    data = released_coach_data(
        squats.folder, features_of, sentences="original", motion_context=False
    )
    assert data.contexts is None
    assert data.trained_on[0].feedbacks[0].text == "Go lower on your squats!"


def test_a_release_without_contexts_or_training_split_is_refused(
    squats: Release, tmp_path: Path
) -> None:
    manifest = squats.folder / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["configs"]["contexts"]
    manifest.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="has no table contexts"):
        released_coach_data(squats.folder, features_of)
    assert released_coach_data(squats.folder, features_of, motion_context=False).contexts is None


def test_a_video_without_features_costs_only_itself(
    squats: Release, coach: Coach, caplog: pytest.LogCaptureFixture
) -> None:
    found = released_coach_data(squats.folder, features_of)
    segments = [found.trained_on[0], replace(found.trained_on[0], video_id="0002")]
    kept, left_out = with_features(segments, lambda video: video == "0001")
    assert kept == segments[:1] and left_out == ("0002",)
    assert "without features: video 0002;" in caplog.text and "qevd-bio failed" in caplog.text
    noted = made_from(coach, replace(found, left_out=left_out))
    assert noted == made_from(coach, found) | {"videos without features": "0002"}
    with pytest.raises(DataError, match="no video has features") as caught:
        released_coach_data(squats.folder, features_of, has_features=lambda video: False)
    assert "--features auto" in caught.value.next_step


def test_features_of_another_clock_are_refused(squats: Release, coach: Coach) -> None:
    def late(video: str) -> VideoFeatures:
        found = features_of(video)
        return VideoFeatures(found.values, found.time_s + 3600.0, found.about)

    data = released_coach_data(squats.folder, late)
    with pytest.raises(DataError, match="no feature lies between"):
        CoachSamples(data.trained_on, data, coach.tokenizer, LayoutConfig())[0]


def test_features_of_two_networks_are_refused(squats: Release, coach: Coach) -> None:
    networks = iter(["made", "stand-in"])

    def mixed(video: str) -> VideoFeatures:
        found = features_of(video)
        return VideoFeatures(
            found.values, found.time_s, {**found.about, "network": next(networks)}
        )

    data = released_coach_data(squats.folder, mixed)
    with pytest.raises(DataError, match="video 0001: the features are of the network stand-in 0"):
        CoachSamples(data.trained_on, data, coach.tokenizer, LayoutConfig())[0]
