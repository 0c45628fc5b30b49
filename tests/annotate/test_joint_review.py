"""Experts' decisions on joints: stored for good, checked, and put into the file of `run`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qevd_bio.annotate.joint_annotation import AskedJoints, SegmentJoints
from qevd_bio.annotate.joint_answers import JointPass
from qevd_bio.annotate.joint_report import write_annotation
from qevd_bio.annotate.joint_review import JointReview, ReviewedJoints, apply_reviews
from qevd_bio.errors import DataError, UsageError
from qevd_bio.qevd.salient_joints import load_salient_joints

LEGS = ("femur_r", "femur_l", "tibia_r", "tibia_l")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An annotation of two segments, one with an addition."""
    plain = JointPass(LEGS, {})
    lean = JointPass(LEGS, {"thorax": "the chest drops"})
    segments = [
        SegmentJoints(
            "1", 0, "squats", "squat", LEGS, (0.0,), (lean,) * 2, ("answered",) * 2, "m"
        ),
        SegmentJoints("1", 1, "jacks", None, (), (0.0,), (plain,) * 2, ("answered",) * 2, "m"),
    ]
    write_annotation(tmp_path, AskedJoints(segments, {}))
    return tmp_path


def decision(number: int, *joints: str, who: str = "anna", segment: int = 0) -> ReviewedJoints:
    return ReviewedJoints(f"event-{number:04}", who, "1", segment, joints)


def test_the_newest_decision_goes_into_the_file_of_run(folder: Path) -> None:
    review = JointReview(folder)
    review.add(decision(1, *LEGS))
    review.add(decision(2, "head", *LEGS))
    figures = apply_reviews(folder)
    joints = load_salient_joints(folder / "joints.json", {"1": 2})["1"]
    assert joints[0] == ("head", *LEGS) and joints[1] == LEGS
    assert (figures["segments"], figures["reviewed"], figures["unchanged"]) == (2, 1, 0)
    assert (figures["added"], figures["removed"]) == ({"head": 1}, {"thorax": 1})
    assert figures["jaccard"] == pytest.approx(4 / 6)


def test_asking_about_one_segment_again_keeps_the_others_and_the_experts(folder: Path) -> None:
    JointReview(folder).add(decision(1, "head"))
    new = JointPass(("hand_r",), {})
    again = [
        SegmentJoints("1", 0, "squats", "squat", LEGS, (0.0,), (new,), ("answered",), "m"),
        SegmentJoints("2", 0, "jacks", None, (), (0.0,), (new,), ("answered",), "m"),
    ]
    figures = write_annotation(folder, AskedJoints(again, {}))
    joints = json.loads((folder / "joints.json").read_text(encoding="utf-8"))
    assert joints == {"1": {"0": ["head"], "1": list(LEGS)}, "2": {"0": ["hand_r"]}}
    assert (figures["segments"], figures["annotated"]) == (3, 3)


def test_decisions_are_there_after_a_restart_and_stored_once(folder: Path) -> None:
    review = JointReview(folder)
    first = review.add(decision(1, *LEGS))
    assert review.add(decision(1, "head")) == first, "sent again"
    again = JointReview(folder)
    assert again.reviewed() == [first] and again.newest(("1", 0)) == first
    assert again.newest(("1", 1)) is None


def test_a_line_that_a_crash_cut_is_not_counted_and_harms_none_after_it(folder: Path) -> None:
    JointReview(folder).add(decision(1, *LEGS))
    path = folder / "reviewed.jsonl"
    path.write_bytes(path.read_bytes() + b'{"event_id":"event-00')
    review = JointReview(folder)
    assert len(review.reviewed()) == 1
    review.add(decision(2, "head"))
    assert [one.event_id for one in JointReview(folder).reviewed()] == ["event-0001", "event-0002"]


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (decision(1), "joints"),
        (decision(1, "left_knee"), "joints"),
        (decision(1, "head", "head"), "joints"),
        (decision(1, "head", segment=7), "no joints were asked"),
        (decision(1, "head", who=""), "annotator"),
        (ReviewedJoints("x", "anna", "1", 0, ("head",)), "event_id"),
    ],
)
def test_what_cannot_be_a_decision_is_refused(
    folder: Path, wrong: ReviewedJoints, cause: str
) -> None:
    with pytest.raises(UsageError, match=cause):
        JointReview(folder).add(wrong)
    assert not (folder / "reviewed.jsonl").exists()


def test_experts_are_compared_where_two_decided(folder: Path) -> None:
    review = JointReview(folder)
    review.add(decision(1, *LEGS))
    review.add(decision(2, *LEGS, "head", who="ben"))
    review.add(decision(3, *LEGS, segment=1))
    figures = apply_reviews(folder)["annotators"]
    assert figures["segments"] == 1 and figures["jaccard"] == pytest.approx(4 / 5)
    # 24 decisions, 23 alike; 4 and 5 of them set: chance is 4*5/576 + 20*19/576 = 400/576
    assert figures["kappa"] == pytest.approx((23 / 24 - 400 / 576) / (1 - 400 / 576))


@pytest.mark.parametrize(
    "text", ["{}\n", "nonsense\n", json.dumps({"video_id": "1"}) + "\n"], ids=repr
)
def test_a_damaged_annotation_is_refused_with_its_line(folder: Path, text: str) -> None:
    (folder / "segments.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        JointReview(folder)


def test_a_folder_without_annotation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="annotate joints"):
        JointReview(tmp_path)
