from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from qevd_bio.capture.captured import last_valid
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.monocular import backend as mediapipe_backend
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.monocular.inverse_kinematics import observed_mask
from qevd_bio.capture.person.follow_person import Landmarks
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS, M
from qevd_bio.errors import DataError, VideoError
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q
from qevd_bio.skeleton.measures import measure_values
from tests.capture.stick_poses import landmarks as seen_landmarks
from tests.capture.stick_poses import squats, stick
from tests.capture.video_files import cut_in_half, grey_ramp, noise, write_video

UPRIGHT = MediaPipeConfig(video=VideoConfig(turn=TurnConfig(fixed_deg=0)))


def fake_detect(missing=(), cut_at=None):
    """A detector that finds squats in any picture, and nobody in the missing frames."""

    def detect(frames, config, time_s=None, exercises=()):
        count = sum(1 for _ in frames)
        image, world, visibility, size = seen_landmarks(
            stick(squats(count, 25.0, 20.0)), squeeze=0.6, noise_px=1.0
        )
        body = list(BODY_LANDMARKS)
        whole = Landmarks(
            np.repeat(image.mean(axis=1, keepdims=True), M, axis=1),
            np.repeat(world.mean(axis=1, keepdims=True), M, axis=1),
            np.zeros((count, M)), np.ones(count, bool), np.zeros(count, bool),
            (np.arange(count) >= (cut_at or count)).astype(np.int64), size,
        )  # fmt: skip
        whole.image_px[:, body], whole.world_m[:, body] = image, world
        whole.visibility[:, body] = visibility
        gone = [i for i in missing if i < count]
        whole.found[gone] = False
        whole.visibility[gone] = 0.0
        whole.image_px[gone] = whole.world_m[gone] = np.nan
        return whole

    return detect


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.mp4"
    write_video(path, grey_ramp(40))
    return path


def times(frames):
    return 100.0 + np.arange(frames) / 25.0


def capture(monkeypatch, path, stamps, *, missing=(), cut_at=None, config=UPRIGHT):
    monkeypatch.setattr(mediapipe_backend, "detect", fake_detect(missing, cut_at))
    return capture_motion(path, stamps, video_id="0200", config=config)


def test_every_timestamp_gets_a_pose(monkeypatch, video):
    captured = capture(monkeypatch, video, times(40))
    motion = captured.motion
    assert motion.q.shape == (40, 46)
    assert motion.valid.all()
    assert np.isfinite(motion.q).all()
    np.testing.assert_array_equal(motion.observed, observed_mask())
    np.testing.assert_array_equal(np.isfinite(motion.sigma_rad), motion.observed)
    assert motion.backend == "mediapipe" and motion.gravity_source == "camera"
    scaled_skeleton(motion.segment_lengths_m)
    assert captured.notes["frames_valid"] == 40


def test_frames_without_a_person_repeat_the_last_valid_pose(monkeypatch, video):
    motion = capture(monkeypatch, video, times(40), missing=[0, 1, 20, 21, 22]).motion
    assert np.flatnonzero(~motion.valid).tolist() == [0, 1, 20, 21, 22]
    np.testing.assert_array_equal(motion.q[[0, 1]], motion.q[[2, 2]])
    np.testing.assert_array_equal(motion.q[[20, 21, 22]], motion.q[[19, 19, 19]])
    assert np.all(motion.confidence[~motion.valid] == 0.0)


def test_low_visibility_is_not_valid(monkeypatch, video):
    config = replace(UPRIGHT, least_confidence=1.01)
    with pytest.raises(VideoError, match="nobody is seen in any of 40 frames"):
        capture(monkeypatch, video, times(40), config=config)


def test_shots_are_numbered_and_short_ones_left_out(monkeypatch, video):
    captured = capture(monkeypatch, video, times(40), cut_at=37)
    assert captured.notes["shots"] == 2
    assert np.flatnonzero(~captured.motion.valid).tolist() == [37, 38, 39]


def test_a_cut_video_keeps_its_timestamps_and_marks_the_tail(monkeypatch, tmp_path):
    path = tmp_path / "cut.mp4"
    write_video(path, noise(40))
    content = path.read_bytes()
    path.write_bytes(content[: int(0.8 * len(content))])
    captured = capture(monkeypatch, path, times(40))
    motion, decoded = captured.motion, captured.notes["frames_decoded"]
    assert 20 <= decoded < 40
    assert not captured.notes["video_complete"]
    assert len(motion.time_s) == 40
    assert motion.valid.tolist() == [True] * decoded + [False] * (40 - decoded)
    assert np.all(motion.confidence[decoded:] == 0.0)
    np.testing.assert_array_equal(motion.q[decoded:], motion.q[[decoded - 1] * (40 - decoded)])
    assert captured.notes["video_complete"] is False


def test_a_video_cut_too_short_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "cut.mp4"
    write_video(path, noise(40))
    cut_in_half(path)
    with pytest.raises(VideoError, match="of 40 frames decode"):
        capture(
            monkeypatch,
            path,
            times(40),
            config=replace(UPRIGHT, video=replace(UPRIGHT.video, salvage_share=0.9)),
        )


@pytest.mark.parametrize("stamps", [20, 39, 41, 80], ids="{} stamps for 40 frames".format)
def test_timestamps_of_another_video_are_refused_with_both_counts(monkeypatch, video, stamps):
    with pytest.raises(DataError, match=rf"{stamps} timestamps.*40 frames") as caught:
        capture(monkeypatch, video, times(stamps))
    assert caught.value.where == "0200"


@pytest.mark.parametrize(
    "stamps",
    [times(40)[::-1], np.zeros(40), np.append(times(39), np.nan), times(40).reshape(2, 20)],
    ids=["backwards", "standing still", "nan", "a table"],
)
def test_timestamps_that_are_no_clock_are_refused(monkeypatch, video, stamps):
    with pytest.raises(DataError, match="strictly increasing"):
        capture(monkeypatch, video, stamps)


def test_last_valid_pose_by_hand():
    q = np.arange(5.0)[:, None] * np.ones((5, 46))
    filled = last_valid(q, np.array([False, True, False, False, True]))
    assert filled[:, 0].tolist() == [1.0, 1.0, 1.0, 1.0, 4.0]
    with pytest.raises(ValueError, match="no frame is valid"):
        last_valid(q, np.zeros(5, dtype=bool))


def test_an_empty_room_is_a_video_error(video):
    with pytest.raises(VideoError, match="nobody is seen"):
        capture_motion(video, times(40), video_id="0200", config=MediaPipeConfig())


def frame_times(path):
    with av.open(str(path)) as container:
        return np.array([frame.time for frame in container.decode(video=0)])


def measured(captured, *names):
    motion = captured.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    return measure_values(names, motion.q, skeleton, motion.gravity)


def repetitions(values, time_s, prominence=25.0):
    rate = 1.0 / np.median(np.diff(time_s))
    return len(find_peaks(gaussian_filter1d(values, 0.1 * rate), prominence=prominence)[0])


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "measure", "count"),
    [
        # squats of two real people are counted in tests/e2e/test_qevd_sample.py
        pytest.param("squats_side_360p", "knee_flexion", 3, marks=pytest.mark.long),
        ("pushups_declined_side", "elbow_flexion", 6),
        ("plank_elbow_side", "elbow_flexion", 0),
    ],
)
def test_repetitions_show_in_real_clips(shared_data, name, measure, count):
    path = shared_data / "videos" / f"{name}.mp4"
    stamps = frame_times(path)
    captured = capture_motion(path, stamps, video_id=name, config=MediaPipeConfig())
    sides = measured(captured, f"{measure}_r", f"{measure}_l")
    assert repetitions(sum(sides.values()) / 2.0, stamps) == count
    assert captured.motion.valid.all()


@pytest.fixture(scope="module")
def rendered_squats():
    """A rendered man squatting at 45 degrees to the camera, with the angles he was given."""
    from qevd_bio.capture.person.follow_person import detect
    from qevd_bio.synthetic.body_mesh import load_body
    from qevd_bio.synthetic.scene import (
        OUTFITS,
        VIEWS,
        camera_for,
        in_camera_frame,
        render_motion,
    )

    q = squats(60, 25.0, 0.0)
    q[:, 0] -= np.pi
    camera = camera_for(VIEWS["oblique45"], 360, 540)
    images = list(render_motion(q, load_body("man"), OUTFITS[0], camera, prone=False))
    mirrored = [np.ascontiguousarray(image[:, ::-1]) for image in images]
    return (
        in_camera_frame(q, camera),
        detect(images, UPRIGHT.video),
        detect(mirrored, UPRIGHT.video),
    )


def angles(marks):
    seen = marks.found
    posture = mediapipe_backend.fit_landmarks(marks, np.arange(len(seen)) / 25.0, seen, UPRIGHT)
    return posture.q


@pytest.mark.slow
def test_knees_of_a_rendered_man_seen_at_45_degrees_are_right_to_nine_degrees(rendered_squats):
    """The bar of six is missed in this view, see benchmarks/RESULTS-capture.md."""
    truth, marks, _ = rendered_squats
    found = angles(marks)
    for side in "rl":
        known, read = (np.rad2deg(q[:, DOF_INDEX[f"knee_angle_{side}"]]) for q in (truth, found))
        assert np.sqrt(np.mean((read - known) ** 2)) < 9.0, side
        assert 0.85 < np.polyfit(known, read, 1)[0] < 1.1, side


@pytest.mark.slow
def test_a_mirrored_video_swaps_left_and_right(rendered_squats):
    _, marks, mirrored = rendered_squats
    found, swapped = mirror_q(angles(marks)), angles(mirrored)
    for name in ("knee_angle", "hip_flexion"):
        for side in "rl":
            index = DOF_INDEX[f"{name}_{side}"]
            assert np.rad2deg(np.abs(found - swapped)[:, index]).mean() < 8.0, (name, side)
