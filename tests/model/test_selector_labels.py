"""Labels of the joint selector: from people, or weak ones from rules and findings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.load import load_rules
from qevd_bio.released.contents import Release
from qevd_bio.skeleton.dofs import JOINT_INDEX, JOINT_NAMES
from qevd_bio.training.selector_figures import (
    exercise_table,
    selector_figures,
    table_scores,
)
from qevd_bio.training.selector_labels import (
    LabelledSegment,
    labelled_segments,
    read_persons,
    split_by_person,
    standard_joints,
)
from qevd_bio.training.train_selector import joint_weights
from tests.model.made_release import squats
from tests.release.made_artifacts import START_S

__all__ = ["squats"]  # a fixture


def segment(person: str, exercise: str, *joints: str, split: str = "train") -> LabelledSegment:
    return LabelledSegment(person, person, split, exercise, 0, 0.0, 9.0, frozenset(joints))


def test_weak_labels_are_the_exercise_and_what_was_violated(squats: Release) -> None:
    (one,), source = labelled_segments(squats.folder)
    assert source == "weak labels of rules and findings"
    assert (one.exercise, one.person, one.split) == ("squat", "video 0001", "train")
    # from the first frame of the announcement to the middle of the next one, at 30 Hz
    assert one.start_s == pytest.approx(START_S + 3 / 30)
    assert one.end_s == pytest.approx(START_S + 115 / 30)
    assert one.joints == standard_joints(load_rules()["squat"]) | {"tibia_r"}


def test_rules_of_another_version_than_the_release_are_refused(
    squats: Release, tmp_path: Path
) -> None:
    manifest = squats.folder / "manifest.json"
    content = json.loads(manifest.read_text())
    for part, version, message in (
        ("rule squat", "1", "version 1 of the rule squat, here is version"),
        ("rule my_squat", "1", "version 1 of the rule my_squat, here is none"),
    ):
        manifest.write_text(json.dumps(content | {"generator": {part: version}}))
        with pytest.raises(UsageError, match=message):
            labelled_segments(squats.folder)
    annotation = tmp_path / "joints.json"
    annotation.write_text(json.dumps({"0001": {"0": ["thorax"]}}))
    assert labelled_segments(squats.folder, annotation)[1] == "annotation"


def test_labels_of_people_replace_them(squats: Release, tmp_path: Path) -> None:
    file, persons = tmp_path / "joints.json", tmp_path / "persons.csv"
    file.write_text(json.dumps({"0001": {"0": ["thorax", "head"]}}))
    persons.write_text("video_id,person\n0001,anna\n")
    (one,), source = labelled_segments(squats.folder, file, persons)
    assert (source, one.person, one.joints) == ("annotation", "anna", {"thorax", "head"})
    assert np.flatnonzero(one.is_salient).tolist() == [JOINT_INDEX["thorax"], JOINT_INDEX["head"]]
    file.write_text(json.dumps({"0001": {"9": ["thorax"]}}))
    with pytest.raises(DataError, match="segments"):
        labelled_segments(squats.folder, file)


def test_a_hold_that_moves_no_joint_is_labelled_by_what_it_checks() -> None:
    plank = load_rules()["plank"]
    assert not plank.dynamic_joints
    assert "lumbar_body" in standard_joints(plank)


@pytest.mark.parametrize(
    ("text", "message"),
    [("video,person\n", "columns"), ("video_id,person\n1,a\n1,b\n", "second time"),
     ("video_id,person\n1,\n", "not one video"), ("video_id,person\n1,a,b\n", "not one video")],
)  # fmt: skip
def test_a_wrong_file_of_persons_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "persons.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_persons(file)


def test_nobody_is_on_both_sides() -> None:
    segments = [segment(f"p{n % 5}", "squat", "head") for n in range(20)]
    trained_on, held_out = split_by_person(segments, 0.4, seed=1)
    assert {one.person for one in trained_on}.isdisjoint(one.person for one in held_out)
    assert len({one.person for one in held_out}) == 2
    assert len(trained_on) + len(held_out) == 20
    # who has a video in the split test is held out with all videos
    mixed = [*segments, replace(segment("p3", "squat", "head"), split="test")]
    _, out = split_by_person(mixed, 0.4, seed=1)
    assert {one.person for one in out} == {"p3"} and len(out) == 5
    with pytest.raises(UsageError, match="1 persons cannot be divided"):
        split_by_person([segment("p", "squat", "head")], 0.5, seed=0)


def test_figures_against_counts_by_hand() -> None:
    trained = [segment("a", "squat", "head", "thorax"), segment("b", "squat", "head"),
               segment("c", "squat", "head", "pelvis")]  # fmt: skip
    table = exercise_table(trained)
    assert [JOINT_NAMES[i] for i in np.flatnonzero(table["squat"])] == ["head"]
    held_out = [segment("d", "squat", "head", "thorax"), segment("e", "squat", "head")]
    scores = np.zeros((2, 24))
    scores[:, JOINT_INDEX["head"]] = 0.9
    scores[:, JOINT_INDEX["thorax"]] = [0.6, 0.2]
    scores[:, JOINT_INDEX["pelvis"]] = [0.1, 0.7]
    found = selector_figures(held_out, scores, table)
    assert found.f1 == {"head": 1.0, "thorax": 1.0, "pelvis": 0.0}
    assert found.mean_f1 == pytest.approx(2 / 3)
    assert (found.top_recall, found.extra_found, found.extra_stated) == (1.0, 1.0, 1.0)
    # of 45 joints that no label has beyond the table, the pelvis is stated once
    assert found.extra_false == pytest.approx(1 / 45)
    row = selector_figures(held_out, table_scores(table, held_out), table)
    assert (row.top_recall, row.extra_found, row.extra_stated) == (0.75, 0.0, 0.0)
    assert row.f1 == {"head": 1.0, "thorax": 0.0}


def test_no_more_than_twelve_joints_count_for_the_recall() -> None:
    many = segment("a", "squat", *JOINT_NAMES[:15])
    scores = np.linspace(1.0, 0.1, 24)[None]
    assert selector_figures([many], scores, {}).top_recall == 1.0
    assert selector_figures([many], scores[:, ::-1], {}).top_recall == pytest.approx(3 / 12)


def test_balanced_weights_give_both_kinds_half() -> None:
    labels = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    salient, other = joint_weights(labels, "balanced")
    assert (salient[2], 3 * other[2]) == (pytest.approx(2.0), pytest.approx(2.0))
    assert salient[:2].tolist() == other[:2].tolist() == [1.0, 1.0]
    assert all(torch.equal(one, torch.ones(3)) for one in joint_weights(labels, "plain"))
