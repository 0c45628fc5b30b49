"""Each option changes only its own results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.capture.captured import Captured
from qevd_bio.feedback.second_opinions import SecondOpinion, opinions_text
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline, reopen_pipeline
from qevd_bio.views.work_folder import annotation_rows
from tests.cli.calling import qevd_bio
from tests.pipeline.sessions_made import (
    SQUATS,
    Said,
    record,
    squats_motion,
    with_readers,
    write_root,
)

TWO = [record("0001", SQUATS), record("0002", SQUATS)]


def stale(
    root: Path, pipeline: Pipeline, **options: Any
) -> dict[tuple[str, str], tuple[str, ...]]:
    planned = open_pipeline(PipelineConfig(root, **options), pipeline.store.root).plan()
    return {(u.video_id, u.stage): u.why for u in planned if u.action != "done"}


@pytest.mark.parametrize(
    ("options", "name", "stages"),
    [
        ({"policy": "paper"}, "policy", ("contexts", "annotations")),
        ({"variants": True}, "wording variants", ("annotations",)),
    ],
    ids=["policy", "variants"],
)
def test_wording_makes_only_the_texts_stale(
    walk, tmp_path: Path, options: dict[str, Any], name: str, stages: tuple[str, ...]
) -> None:
    root = write_root(tmp_path / "QEVD", TWO[:1])
    pipeline = walk(root)
    assert stale(root, pipeline) == {}
    found, units = stale(root, pipeline, **options), [("0001", stage) for stage in stages]
    assert {found[unit] for unit in units} == {(f"{name} changed",)}
    assert set(found) == with_readers(pipeline.stages, *units)


def test_second_opinions_change_the_kinds_of_their_sentences_alone(walk, tmp_path: Path) -> None:
    other: list[Said] = [*SQUATS[:2], (190, "Zorb the flumph", 10, False), *SQUATS[3:]]
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS), record("0002", other)])
    pipeline = walk(root)
    file = tmp_path / "kinds.csv"
    vote = SecondOpinion(
        "Zorb the flumph", "other", 0.2, "counting", 0.8, "neighbours tiny 01, v1"
    )
    file.write_text(opinions_text([vote]), encoding="utf-8")
    found = stale(root, pipeline, kinds=file)
    assert set(found) == with_readers(pipeline.stages, ("0002", "annotations"))

    rows = {
        (row["video_id"], row["feedback_original"]): row
        for row in annotation_rows(walk(root, kinds=file))
    }
    said = rows["0002", "Zorb the flumph"]
    assert (said["kind"], said["kind_source"], said["kind_confidence"]) == (
        "counting", "neighbours tiny 01, v1", 0.8,
    )  # fmt: skip
    sunk = rows["0002", "Sink deeper into these squats"]
    assert sunk["kind"] == "corrective" and sunk["kind_source"].startswith("rules/lexicon")


def test_salient_joints_make_only_their_videos_stale(walk, tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", TWO)
    pipeline = walk(root)
    before = {
        row["video_id"]: row for row in annotation_rows(pipeline) if row["feedback_index"] == 1
    }
    assert before["0002"]["status"] == "rewritten"
    file = tmp_path / "salient.json"
    file.write_text(json.dumps({"0002": {"0": ["thorax", "lumbar_body"], "1": ["head"]}}))
    found = stale(root, pipeline, salient_joints=file)
    assert {unit for unit, why in found.items() if "salient joints changed" in why} == {
        ("0002", "findings"),
        ("0002", "contexts"),
        ("0002", "annotations"),
    }
    changed = ("0002", "findings"), ("0002", "contexts"), ("0002", "annotations")
    assert set(found) == with_readers(pipeline.stages, *changed)

    rows = {
        (row["video_id"], row["feedback_index"]): row
        for row in annotation_rows(walk(root, salient_joints=file))
    }
    said = rows["0002", 1]
    assert (said["salient_joints"], said["salient_source"]) == (
        ["thorax", "lumbar_body"],
        "annotation",
    )
    assert (said["status"], said["feedback"]) == ("unmeasurable", said["feedback_original"])
    assert "knee flexion: not among the salient joints of this segment" in said["reason"]
    assert said["motion_context"].startswith("Pose state: thoracic bending to the right 0°")
    assert {f["measure"] for f in said["findings"] if f["status"] == "measured"} == {
        "trunk_forward_lean",
        "lumbar_flexion",
    }, "the end of the repetition is not seen yet"
    assert rows["0002", 4]["salient_joints"] == ["head"], (
        "an exercise without rule has joints, too"
    )
    assert rows["0001", 1] == before["0001"]

    again = reopen_pipeline(pipeline.store.root)
    assert again.config.salient_joints == file
    assert {unit.action for unit in again.plan()} == {"done"}
    file.write_text(json.dumps({"0002": {"0": ["thorax"]}}))
    assert {video for video, _ in stale(root, pipeline, salient_joints=file)} == {"0002"}


def test_variants_come_back_alike(walk, tmp_path: Path) -> None:
    said = [*SQUATS[:2], (180, "Go deeper on these squats", 8, False), *SQUATS[2:]]
    root = write_root(tmp_path / "QEVD", [record(f"000{i}", said) for i in range(4)])
    first, second = (
        [row["feedback"] for row in annotation_rows(walk(root, work=work, variants=True))]
        for work in ("a", "b")
    )
    assert first == second
    plain = [row["feedback"] for row in annotation_rows(walk(root, work="c"))]
    assert len(set(first)) > len(set(plain))


def test_an_unsure_pose_is_warned_of(walk, tmp_path: Path) -> None:
    sure = squats_motion(0.7)
    confidence = sure.confidence.copy()
    confidence[145:156] = 0.2
    unsure = Captured(motion=replace(sure, confidence=confidence), notes={})
    root = write_root(tmp_path / "QEVD", TWO[:1])
    rows = annotation_rows(walk(root, capture=lambda *args, **options: unsure))
    warned = {row["feedback_index"] for row in rows if row["morphology_context"]}
    assert warned == {1}
    assert rows[1]["morphology_context"].startswith("Warning: low pose confidence")


def test_exercises_without_a_rule_are_counted(walk, tmp_path: Path) -> None:
    twice = [*SQUATS[:2], (170, "Moving on to zorbing!", 12, True), *SQUATS[3:]]
    records = [record("0001", SQUATS), record("0002", twice)]
    pipeline = walk(write_root(tmp_path / "QEVD", records))
    assert pipeline.exercises_without_rule() == {"zorbing": 3}
    assert pipeline.exercises_without_rule(("0001",)) == {"zorbing": 1}


def test_run_ends_with_the_exercises_that_have_no_rule(tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS)])
    run = ("run", "--data-root", str(root), "--workers", "0")
    done = qevd_bio(*run, cwd=tmp_path)
    assert done.returncode == 3, "the videos are placeholders"
    assert "exercise without a rule  segments\nzorbing                  1\n" in done.stdout
    done = qevd_bio(*run, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["exercises_without_rule"] == {"zorbing": 1}
