"""Joints of segments on the page: shown, added and removed by key, stored for good."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.annotate.joint_annotation import AskedJoints, SegmentJoints
from qevd_bio.annotate.joint_answers import JointPass
from qevd_bio.annotate.joint_report import write_annotation
from qevd_bio.annotate.joint_review import JointReview, apply_reviews
from qevd_bio.skeleton.dofs import JOINT_NAMES
from tests.review.conftest import Serve, wait_for_item
from tests.review.test_page_access import cut_off, faults
from tests.review.work_made import SCRIPT

LEGS = ("femur_r", "femur_l", "tibia_r", "tibia_l")


@pytest.fixture
def annotation(tmp_path: Path) -> Path:
    """Joints of the first segments of two videos; what was seen tries to act as HTML."""
    one = JointPass(LEGS, {"thorax": f"leans {SCRIPT}"})
    two = JointPass((*LEGS, "head"), {"thorax": f"leans {SCRIPT}"})
    segments = [
        SegmentJoints(
            video, 0, "squats", "squat", LEGS, (0.0,), (one, two), ("answered",) * 2, "m"
        )
        for video in ("0301", "0302")
    ]
    write_annotation(tmp_path / "joints", AskedJoints(segments, {}))
    return tmp_path / "joints"


def decided(item: str, *joints: str) -> dict[str, Any]:
    return {"event_id": str(uuid.uuid4()), "item": item, "joints": list(joints)}


def items_of(client: Any) -> dict[str, str]:
    """An item of each video."""
    found: dict[str, str] = {}
    after = ""
    while len(found) < 3:
        item = client.get(f"/api/next?order=time&after={after}").value["item"]
        found.setdefault(item["video_id"], item["id"])
        after = item["id"]
    return found


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"joints": []}, 422),
    ({"joints": ["left_knee"]}, 422),
    ({"joints": ["head", "head"]}, 422),
    ({"joints": "head"}, 400),
    ({"joints": [1]}, 400),
    ({"event_id": "x"}, 422),
    ({"event_id": None}, 400),
    ({"item": "0" * 24}, 404),
]


def test_a_decision_is_checked_stored_and_seen_by_its_annotator_alone(
    serve: Serve, annotation: Path
) -> None:
    served = serve(joints=annotation)
    anna, ben = served.client("anna"), served.client("ben")
    items = items_of(anna)
    item = items["0301"]
    chips = anna.get(f"/api/joints/{item}").value["chips"]
    assert (chips["joints"], chips["reviewed"]) == (["thorax", *LEGS], False)
    assert [one["joint"] for one in chips["all"]] == list(JOINT_NAMES)
    parts = {one["joint"]: one["part"] for one in chips["all"] if one["part"]}
    assert parts == {"thorax": "execution", "head": "disputed", **dict.fromkeys(LEGS, "standard")}
    assert anna.get(f"/api/joints/{items['0303']}").value == {"chips": None}

    for change, status in REFUSED:
        assert anna.post("/api/joints", decided(item, "head") | change).status == status, change
    assert not (annotation / "reviewed.jsonl").exists()

    sent = decided(item, *LEGS)
    first = anna.post("/api/joints", sent)
    assert first.status == 200 and first.value["chips"]["joints"] == list(LEGS)
    assert anna.post("/api/joints", sent).value == first.value, "sent again"
    assert ben.get(f"/api/joints/{item}").value["chips"]["reviewed"] is False
    (line,) = JointReview(annotation).reviewed()
    assert (line.annotator, line.key, line.joints) == ("anna", ("0301", 0), LEGS)
    assert apply_reviews(annotation)["removed"] == {"thorax": 1}


def test_without_an_annotation_there_are_no_chips(serve: Serve) -> None:
    client = serve().client()
    item = client.get("/api/next").value["item"]["id"]
    assert client.get(f"/api/joints/{item}").value == {"chips": None}
    assert client.post("/api/joints", decided(item, "head")).status == 404


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_joints_are_added_and_removed_by_key(
    serve: Serve, annotation: Path, open_page: Any
) -> None:
    served = serve(joints=annotation)
    page = open_page(served.address(query="q=0302"))
    wait_for_item(page)
    page.wait_for_selector("#joints:visible")
    pressed = "[...document.querySelectorAll('#joint-chips [aria-pressed=true]')]"

    def chosen() -> set[str]:
        return set(page.evaluate(f"() => {pressed}.map((one) => one.dataset.joint)"))

    def stored(words: str) -> list[tuple[str, ...]]:
        page.wait_for_function(
            "words => document.getElementById('live').textContent === words", arg=words
        )
        return [one.joints for one in JointReview(annotation).reviewed()]

    assert chosen() == {"thorax", *LEGS}
    assert page.evaluate("() => window.hacked") is None
    assert SCRIPT in page.inner_text("#joints-seen")
    page.keyboard.press("n")
    assert page.evaluate("() => document.activeElement.dataset.joint") == "pelvis"
    page.keyboard.press("Space")
    assert stored("pelvis added.") == [("thorax", *LEGS, "pelvis")]
    assert page.evaluate("() => document.activeElement.dataset.joint") == "pelvis"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    left = ("thorax", "femur_l", "tibia_r", "tibia_l", "pelvis")
    assert stored("right hip removed.")[1:] == [left]
    assert chosen() == set(left)
    page.keyboard.press("y")
    assert stored("Joints confirmed.")[2:] == [left]
    assert faults(page) == []
    page.set_viewport_size({"width": 320, "height": 700})
    assert cut_off(page) == []
