"""What the page is given of a sentence: rows, times, curves and the skeleton on the picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.errors import DataError
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.review.item_view import item_view
from qevd_bio.review.skeleton_view import WITHOUT_VIDEO_PX, skeleton_view
from qevd_bio.review.source import OpenedSource, open_source
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import JOINT_INDEX
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.verdicts.item_key import ItemKey
from tests.pipeline.sessions_made import LENGTHS_M, PERIOD_S, SPLIT, SQUATS, TIMES_S
from tests.review.view_folder import (
    BY_MATRIX,
    FOCAL,
    TICKS,
    TURNED,
    UPRIGHT,
    finished_work,
    motion_before_camera,
)

SINK = 1
"""The utterance that is rewritten."""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return finished_work(tmp_path_factory.mktemp("view"))


@pytest.fixture(scope="module")
def work(pipeline: Pipeline) -> OpenedSource:
    return open_source(pipeline.store.root)


@pytest.fixture(scope="module")
def release(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_from(pipeline, out=tmp_path_factory.mktemp("release"), version="1.0.0").folder


def shown(source: OpenedSource, video: str = UPRIGHT, index: int = SINK) -> dict[str, Any]:
    view = item_view(source, ItemKey(video, index)).to_json()
    json.dumps(view, allow_nan=False)
    return view


def test_the_sentence_with_its_place_in_the_video(work: OpenedSource) -> None:
    view = shown(work)
    assert view["id"] == ItemKey(UPRIGHT, SINK).item_id()
    assert (view["status"], view["split"], view["exercise"]) == ("rewritten", "train", "squat")
    old = "".join(one["text"] for one in view["pieces"] if one["change"] != "inserted")
    new = "".join(one["text"] for one in view["pieces"] if one["change"] != "deleted")
    assert (old, new) == (SQUATS[SINK][1], view["feedback"]) and view["original"] == old
    media_s, clock_s = (np.array(view["frames"][name]) for name in ("media_s", "clock_s"))
    first = view["first_frame"]
    frames = slice(first, first + len(clock_s))
    np.testing.assert_array_equal(clock_s, TIMES_S[frames])
    # the file's own times, which no frame rate gives
    np.testing.assert_allclose(media_s, np.array(TICKS)[frames] / 9e4, atol=1e-6, rtol=0)
    said, last = view["utterance"]
    assert (said + first, last + first) == (SQUATS[SINK][0], SQUATS[SINK][0] + 19)
    row = work.row(ItemKey(UPRIGHT, SINK))
    assert clock_s[view["key_frame"]] == row["cycle"]["key_s"]
    start, end = view["loop_frames"]
    assert (clock_s[start], clock_s[end]) == (row["cycle"]["start_s"], row["cycle"]["end_s"])
    assert view["loop"] == [media_s[start], media_s[end + 1]]
    assert view["has_video"] and view["turn_deg"] == 0


def test_curves_show_both_sides_over_the_frames_of_the_item(work: OpenedSource) -> None:
    view = shown(work)
    count = len(view["frames"]["clock_s"])
    knee = view["curves"][0]
    assert knee["measure"] == "knee_flexion" and list(knee["sides"]) == ["right", "left"]
    for curve in view["curves"]:
        assert all(len(values) == count for values in curve["sides"].values())
        assert all(0 <= a <= b <= c < count for a, b, c in curve["cycles"])
    assert knee["sides"]["right"] == pytest.approx(knee["sides"]["left"], abs=0.11)
    spoken = [one for one in work.row(ItemKey(UPRIGHT, SINK))["findings"] if one["spoken"]]
    assert knee["target"] == [spoken[0]["target_low"], spoken[0]["target_high"]]
    assert knee["tolerance"] == spoken[0]["tolerance"]
    assert knee["guard"] == pytest.approx(spoken[0]["guard"] * spoken[0]["sigma"])
    for one in knee["checked"]:
        assert knee["sides"][one["side"]][one["frame"]] == pytest.approx(one["value"], abs=3.0)
    starts = [view["frames"]["clock_s"][cycle[0]] for cycle in knee["cycles"]]
    assert np.diff(starts)[1:] == pytest.approx(PERIOD_S, abs=0.1), "the first one is cut"
    even = [one for one in view["curves"] if "right minus left" in one["label"]]
    assert [list(one["sides"]) for one in even] == [["right minus left"]] * len(even)


def test_every_sentence_of_folder_and_release_can_be_shown(
    work: OpenedSource, release: Path, pipeline: Pipeline
) -> None:
    published = open_source(release, data_root=pipeline.config.data_root)
    assert (work.is_release, published.is_release) == (False, True)
    keys = list(work.keys())
    assert list(published.keys()) == sorted(keys) and len(keys) == 18
    for key in keys:
        mine = item_view(work, key).to_json()
        theirs = item_view(published, key).to_json()
        json.dumps(theirs, allow_nan=False)
        same = (
            "id", "status", "original", "feedback", "pieces", "findings", "turn_deg", "concerns",
            "rule_version", "has_video",
        )  # fmt: skip
        assert {name: mine[name] for name in same} == {name: theirs[name] for name in same}
        at = [view["frames"]["clock_s"][view["key_frame"]] for view in (mine, theirs)]
        assert at[0] == at[1]
        for one, other in zip(mine["curves"], theirs["curves"], strict=True):
            assert one["label"] == other["label"] and one["bands"] == other["bands"]
            assert len(one["checked"]) == len(other["checked"])
    assert work.videos()[UPRIGHT] == published.videos()[UPRIGHT]
    assert work.videos()[UPRIGHT].backend == "made"


def pinhole(joint: str, frame: int, width: int, height: int) -> np.ndarray:
    """Where a joint is on the upright picture, by hand."""
    motion = motion_before_camera(TIMES_S)
    joints, _ = forward_kinematics(motion.q[frame : frame + 1], scaled_skeleton(LENGTHS_M))
    assert motion.root_m is not None
    x, y, z = joints[0, JOINT_INDEX[joint]] + motion.root_m[frame]
    focal = FOCAL * max(width, height)
    return np.array([width / 2 + focal * x / z, height / 2 + focal * y / z])


def test_the_skeleton_lies_where_a_pinhole_camera_puts_it(work: OpenedSource) -> None:
    key = ItemKey(UPRIGHT, SINK)
    view, first = skeleton_view(work, key), shown(work)["first_frame"]
    assert (view["width"], view["height"]) == (96, 64) and view["in_place"]
    assert len(view["points"]) == len(view["valid"]) == len(shown(work)["frames"]["media_s"])
    for frame in (first, first + 40):
        for joint in ("pelvis", "tibia_r", "talus_l", "humerus_r"):
            found = view["points"][frame - first][view["joints"].index(joint)]
            assert found == pytest.approx(pinhole(joint, frame, 96, 64), abs=0.51)
    assert all(len(bone) == 2 for bone in view["bones"]) and len(view["bones"]) == 23


def test_a_sideways_video_has_its_skeleton_sideways(work: OpenedSource) -> None:
    """The file says nothing, so a browser shows it lying; the turn of the capture is undone."""
    view, first = skeleton_view(work, ItemKey(TURNED, SINK)), shown(work, TURNED)["first_frame"]
    assert (view["width"], view["height"], view["turn_deg"]) == (96, 64, 90)
    for joint in ("pelvis", "tibia_r", "head"):
        x, y = pinhole(joint, first, 64, 96)
        # 90 degrees clockwise puts (x, y) of the lying picture at (64 - y, x) of the upright one
        found = view["points"][0][view["joints"].index(joint)]
        assert found == pytest.approx([y, 64 - x], abs=0.51)


def test_a_display_matrix_turns_picture_and_skeleton(work: OpenedSource) -> None:
    view, first = skeleton_view(work, ItemKey(BY_MATRIX, SINK)), shown(work, BY_MATRIX)
    assert (view["width"], view["height"], view["turn_deg"]) == (64, 96, 0)
    found = view["points"][0][view["joints"].index("pelvis")]
    assert found == pytest.approx(pinhole("pelvis", first["first_frame"], 64, 96), abs=0.51)


def test_a_release_without_its_videos(release: Path) -> None:
    source = open_source(release)
    key = ItemKey(UPRIGHT, SINK)
    assert source.media(key) is None
    view = shown(source)
    assert not view["has_video"]
    assert view["frames"]["media_s"][0] == pytest.approx(
        view["frames"]["clock_s"][0] - TIMES_S[0], abs=1e-6
    )
    skeleton = skeleton_view(source, key)
    assert (skeleton["width"], skeleton["height"]) == WITHOUT_VIDEO_PX
    assert np.isfinite(np.array(skeleton["points"], dtype=float)).all()


def test_a_video_that_is_gone_or_broken_counts_as_absent(tmp_path: Path) -> None:
    pipeline = finished_work(tmp_path)
    source = open_source(pipeline.store.root)
    folder = pipeline.config.data_root / SPLIT / "long_range_videos"
    (folder / f"{UPRIGHT}.mp4").unlink()
    (folder / f"{TURNED}.mp4").write_bytes(b"<html>")
    secret = tmp_path / "secret.mp4"
    (folder / f"{BY_MATRIX}.mp4").rename(secret)
    (folder / f"{BY_MATRIX}.mp4").symlink_to(secret)
    for video in (UPRIGHT, TURNED, BY_MATRIX):
        assert not shown(source, video)["has_video"]
        assert len(skeleton_view(source, ItemKey(video, SINK))["points"]) > 0
    assert source.media(ItemKey(BY_MATRIX, SINK)) is None, "the link leads out of the data root"


def test_what_is_neither_is_refused(tmp_path: Path, release: Path, pipeline: Pipeline) -> None:
    for folder in (tmp_path, tmp_path / "absent", pipeline.config.data_root):
        with pytest.raises(DataError, match="neither a work folder"):
            open_source(folder)
    with pytest.raises(DataError, match="was made from"):
        open_source(pipeline.store.root, data_root=tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        open_source(release, data_root=tmp_path / "absent")
    (tmp_path / "manifest.json").write_text('{"schema_version": "1.0.0"}', encoding="utf-8")
    with pytest.raises(DataError, match="is no manifest"):
        open_source(tmp_path)


def test_an_absent_sentence_is_named(work: OpenedSource) -> None:
    with pytest.raises(DataError, match="has no utterance 99"):
        item_view(work, ItemKey(UPRIGHT, 99))
