"""The picture of a moment with its skeleton, and the size of a page of them."""

from __future__ import annotations

import base64
from pathlib import Path

import av
import numpy as np
import pytest

from qevd_bio.arrays import ByteArray
from qevd_bio.skeleton.dofs import JOINT_INDEX, N_JOINTS
from qevd_bio.views.diff_items import Evidence, still_bytes
from qevd_bio.views.diff_page import all_evidence, diff_page
from qevd_bio.views.motion_windows import MotionWindow
from qevd_bio.views.overlay.project_joints import joints_px
from qevd_bio.views.still_frame import bone_paths, jpeg_of, still_frame
from qevd_bio.views.work_items import work_items
from tests.release.made_artifacts import annotation, finding, motion
from tests.review.view_folder import TICKS, finished_work
from tests.views.made_curves import squat_curve
from tests.views.timed_videos import grey, ntsc, write_timed


def decoded(jpeg: bytes) -> ByteArray:
    decoder = av.CodecContext.create("mjpeg", "r")
    (frame,) = decoder.decode(av.Packet(jpeg))
    return np.asarray(frame.to_ndarray(format="rgb24"))


def window(turn_deg: int = 0, first: int = 0) -> MotionWindow:
    return MotionWindow(first, motion(20), 0.0, turn_deg, ())


def noise(width: int, height: int) -> ByteArray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_a_jpeg_is_small_enough_and_the_same_again() -> None:
    picture = noise(400, 300)
    fine, size = jpeg_of(picture, 400, 4)
    assert size == (400, 300) and decoded(fine).shape == (300, 400, 3)
    coarse, _ = jpeg_of(picture, 400, 31)
    small, half = jpeg_of(picture, 200, 4)
    assert half == (200, 150) and max(len(coarse), len(small)) < len(fine)
    assert jpeg_of(picture, 400, 4)[0] == fine
    flat = np.tile(np.array([200, 30, 40], dtype=np.uint8), (60, 80, 1))
    assert decoded(jpeg_of(flat, 80, 4)[0]).reshape(-1, 3).mean(axis=0) == pytest.approx(
        [200, 30, 40], abs=3
    )


@pytest.mark.parametrize("turn_deg", [0, 90])
def test_the_still_is_the_frame_of_that_number_with_its_joints(
    tmp_path: Path, turn_deg: int
) -> None:
    path = write_timed(tmp_path / "a.mp4", ntsc(30))
    seen = window(turn_deg, first=7)
    still = still_frame(path, seen, 5, most_bytes=30_000)
    assert still is not None
    assert (still.width, still.height) == ((96, 64) if turn_deg == 0 else (64, 96))
    picture = decoded(base64.b64decode(still.jpeg))
    assert picture.mean() == pytest.approx(grey(12), abs=3.0)
    joints = joints_px(seen.motion, (still.width, still.height))[5]
    x, y = joints[JOINT_INDEX["tibia_r"]]
    assert f"L{x:.0f} {y:.0f}" in still.bones["bone-right"]
    assert set(still.bones) == {"bone-right", "bone-left", "bone-middle"}


def test_a_frame_that_the_file_lacks_has_no_still(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "a.mp4", ntsc(10))
    assert still_frame(path, window(), 12, most_bytes=30_000) is None
    assert still_frame(path, window(), 5, most_bytes=10) is None, "nothing is that small"


def test_bones_behind_the_camera_are_left_out() -> None:
    joints = np.full((N_JOINTS, 2), np.nan)
    assert bone_paths(joints) == {}
    joints[[JOINT_INDEX["femur_r"], JOINT_INDEX["tibia_r"]]] = [[1.2, 2.6], [30.0, 40.0]]
    assert bone_paths(joints) == {"bone-right": "M1 3L30 40"}


def test_a_page_of_200_sentences_with_pictures_of_noise_stays_below_20_mb(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 480, 640, "yuv420p"
        stream.options = {"crf": "10", "preset": "ultrafast"}
        frame = av.VideoFrame.from_ndarray(noise(480, 640), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    still = still_frame(path, window(), 0, most_bytes=still_bytes(200))
    assert still is not None and len(still.jpeg) > 20_000, "the worst picture still is one"
    rng = np.random.default_rng(1)
    curve = squat_curve(
        values=rng.normal(60.0, 20.0, 900),
        trace="right",
        others={"left": rng.normal(60.0, 20.0, 900)},
    )
    found = [
        {**finding(measure=name, phase=f"phase {i}"), "matches_cue": True, "spoken": True}
        for i, name in enumerate(["knee_flexion"] * 14)
    ]
    items = [
        Evidence(annotation("0146", i, findings=found), [curve, curve], None, still)
        for i in range(200)
    ]
    page = diff_page([one.row for one in items], items)
    assert page.count("data:image/jpeg") == 200 and page.count("<svg") == 200 * 3
    assert len(page.encode()) < 20_000_000


@pytest.mark.slow
def test_the_page_of_a_work_folder_shows_key_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = work_items(finished_work(tmp_path))
    rows = sorted(source.rows(), key=lambda row: (row["video_id"], row["feedback_index"]))
    found = list(all_evidence(source, rows))
    assert [one.row["feedback_index"] for one in found] == [row["feedback_index"] for row in rows]
    for one in found:
        assert one.still is not None and one.moments is not None and one.has_video
        frame = int(np.searchsorted(np.array(TICKS) / 9e4, one.moments.key_s - 1e-5))
        picture = decoded(base64.b64decode(one.still.jpeg))
        assert picture.mean() == pytest.approx(grey(frame), abs=3.0)
    assert diff_page(rows, found).count("data:image/jpeg") == 18
    monkeypatch.setattr("qevd_bio.views.diff_page.FEW_ITEMS", 5)
    pictured = [one for one in all_evidence(source, rows) if one.still is not None]
    assert {one.row["status"] for one in pictured} == {"rewritten"}, "where there are many"
