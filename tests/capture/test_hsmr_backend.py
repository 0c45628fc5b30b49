from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks.hsmr_clips import write_weights
from benchmarks.random_network import random_network
from qevd_bio.capture.backend import SourceVideo
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.hsmr import backend
from qevd_bio.capture.hsmr.backend import capture_hsmr
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector_choice import DetectorChoice
from qevd_bio.capture.hsmr.device import HsmrOnDevice
from qevd_bio.capture.hsmr.estimate import estimate_person
from qevd_bio.capture.recorded.backend import recorded_motion
from qevd_bio.errors import DataError, VideoError
from qevd_bio.weights.hsmr_shapes import AttentionHeads
from qevd_bio.weights.store import WeightFolder
from tests.capture.hsmr_scenes import BLUE, RED, SIZES, ColourDetector, picture, small_network
from tests.capture.video_files import cut_in_half, set_rotation_90, write_video

CONFIG = HsmrConfig(
    precision="fp32", detect_every=4, detect_together=2, flip_every=4, least_confidence=0.0,
    video=VideoConfig(turn=TurnConfig(fixed_deg=0), cut_difference=60.0),
)  # fmt: skip
BOX = (60, 20, 120, 150)


def person(i, colour=RED, ground=128):
    return picture(((60 + i, 20, 120 + i, 150), colour), ground=ground + i)


def times(frames):
    return 5.0 + np.arange(frames) / 25.0


def captured(path, frames, *, config=CONFIG, detector=None, video_id="0200"):
    hsmr = HsmrOnDevice(small_network(), config, "cpu")
    return capture_hsmr(
        path, times(frames), video_id=video_id, hsmr=hsmr, detector=detector or ColourDetector(),
        config=config,
    )  # fmt: skip


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.mp4"
    write_video(path, [person(i) for i in range(30)])
    return path


def test_every_timestamp_gets_a_pose_with_its_confidence(video):
    made = captured(video, 30)
    motion = made.motion
    assert motion.q.shape == (30, 46) and np.isfinite(motion.q).all()
    assert motion.valid.all() and motion.observed.all()
    assert ((motion.confidence > 0) & (motion.confidence <= 1)).all()
    assert motion.backend == "hsmr" and motion.gravity_source == "camera"
    assert motion.betas.shape == (30, 10) and np.isfinite(motion.betas).all()
    assert (motion.sigma_rad >= np.deg2rad(6.0)).all() and np.isfinite(motion.sigma_rad).all()
    assert (np.abs(np.diff(motion.q, axis=0)) <= np.pi).all(), "unwrapped"
    notes = made.notes
    assert notes["frames_valid"] == 30 and notes["device"] == "cpu"
    assert notes["precision"] == "fp32" and notes["smallest_batch"] == 1


def test_frames_without_the_person_repeat_the_last_valid_pose(tmp_path):
    path = tmp_path / "video.mp4"
    write_video(path, [picture() if i < 6 or 14 <= i < 22 else person(i) for i in range(30)])
    motion = captured(path, 30).motion
    assert motion.valid[7:14].all() and motion.valid[23:].all()
    gone = np.flatnonzero(~motion.valid)
    assert 0 in gone and 17 in gone
    first, last = np.flatnonzero(motion.valid)[0], 14 if motion.valid[14] else 13
    np.testing.assert_array_equal(motion.q[0], motion.q[first])
    np.testing.assert_array_equal(motion.q[17], motion.q[last])
    assert (motion.confidence[gone] == 0.0).all()


def test_of_two_the_larger_is_measured(tmp_path):
    one, both = tmp_path / "one.mp4", tmp_path / "both.mp4"
    other = (150, 60, 176, 130)
    write_video(one, [picture((BOX, RED), (other, BLUE)) for _ in range(12)])
    write_video(both, [picture((BOX, RED), (other, BLUE)) for _ in range(12)])
    alone = captured(one, 12, detector=ColourDetector(RED)).motion
    np.testing.assert_array_equal(captured(both, 12).motion.q, alone.q)


def test_angles_are_unwrapped_within_a_shot_and_not_across_a_cut(tmp_path, monkeypatch):
    path = tmp_path / "video.mp4"
    write_video(path, [person(i, ground=40) for i in range(10)]
                + [person(i, BLUE, ground=210) for i in range(10)])  # fmt: skip
    wrapped = np.zeros(46)

    def fake_see(*arguments):
        seen = estimate_person(*arguments)
        q = np.tile(wrapped, (20, 1))
        turn = np.linspace(3.0, 3.5, 20)
        turn[10:] += 2.0
        q[:, 0] = np.angle(np.exp(1j * turn))
        return replace(seen, q=q)

    monkeypatch.setattr(backend, "estimate_person", fake_see)
    made = captured(path, 20)
    assert made.notes["shots"] == 2
    steps = np.diff(made.motion.q[:, 0])
    assert abs(steps[:9]).max() < 0.1 and abs(steps[10:]).max() < 0.1
    assert made.motion.q[0, 0] == pytest.approx(3.0)
    assert made.motion.q[10, 0] == pytest.approx(3.0 + 0.5 * 10 / 19 + 2.0 - 2 * np.pi)


def test_short_shots_are_left_out(tmp_path):
    path = tmp_path / "video.mp4"
    write_video(path, [person(i, ground=40) for i in range(20)]
                + [person(i, BLUE, ground=210) for i in range(3)])  # fmt: skip
    motion = captured(path, 23).motion
    assert motion.valid.tolist() == [True] * 20 + [False] * 3


def test_sideways_pictures_are_turned_before_anything_is_sought(tmp_path, monkeypatch):
    upright, sideways = tmp_path / "upright.mp4", tmp_path / "sideways.mp4"
    frames = [person(i) for i in range(12)]
    write_video(upright, frames)
    write_video(sideways, [np.ascontiguousarray(np.rot90(frame)) for frame in frames])
    turned = replace(CONFIG, video=replace(CONFIG.video, turn=TurnConfig(fixed_deg=90)))
    made = captured(sideways, 12, config=turned)
    np.testing.assert_allclose(made.motion.q, captured(upright, 12).motion.q, atol=0.02)
    assert made.notes["turn_deg"] == 90
    # the container may state it, too
    set_rotation_90(sideways)
    np.testing.assert_allclose(captured(sideways, 12).motion.q, made.motion.q, atol=0.02)


def test_where_nobody_stands_the_expected_turn_is_kept_and_noted(tmp_path):
    path = tmp_path / "sideways.mp4"
    write_video(path, [np.ascontiguousarray(np.rot90(person(i))) for i in range(12)])
    content = replace(CONFIG, video=replace(CONFIG.video, turn=TurnConfig()))
    tall = captured(path, 12, config=content, video_id="0012")
    assert tall.notes["turn_deg"] == 0, "a portrait is not expected to lie on its side"
    wide = tmp_path / "wide.mp4"
    write_video(wide, [person(i) for i in range(12)])
    made = captured(wide, 12, config=content, video_id="0012")
    assert made.notes["turn_deg"] == 90 and "no sampled frame" in made.notes["turn_reason"]


def test_a_video_cut_short_keeps_its_timestamps(tmp_path):
    path = tmp_path / "video.mp4"
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 90, (40, 160, 200, 3), dtype=np.uint8)
    for i, image in enumerate(noise):
        image[20:150, 60 + i : 120 + i] = RED
    write_video(path, list(noise))
    content = path.read_bytes()
    path.write_bytes(content[: int(0.8 * len(content))])
    made = captured(path, 40)
    count = made.notes["frames_decoded"]
    assert 20 <= count < 40 and len(made.motion.q) == 40
    assert not made.motion.valid[count:].any() and made.motion.valid[:count].all()
    assert made.notes["video_complete"] is False
    cut_in_half(path)
    with pytest.raises(VideoError, match="frames decode"):
        captured(path, 40)


def test_nobody_and_foreign_timestamps_are_reported(tmp_path, video):
    with pytest.raises(DataError, match="29 timestamps"):
        captured(video, 29)
    path = tmp_path / "empty.mp4"
    write_video(path, [picture()] * 9)
    with pytest.raises(VideoError, match="nobody is seen in any of 9 frames"):
        captured(path, 9)
    timid = replace(CONFIG, least_confidence=1.01)
    with pytest.raises(VideoError, match="in 30 of 30 frames, but nowhere well enough"):
        captured(video, 30, config=timid)


def test_a_broken_video_among_good_ones_costs_only_itself(tmp_path, video):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    second = tmp_path / "second.mp4"
    write_video(second, [person(2 * i, BLUE) for i in range(14)])
    hsmr = HsmrOnDevice(small_network(), CONFIG, "cpu")

    def work(job):
        path, frames = job
        return capture_hsmr(
            path, times(frames), video_id=path.stem, hsmr=hsmr, detector=ColourDetector(),
            config=CONFIG,
        ).motion  # fmt: skip

    jobs = [(video, 30), (broken, 30), (second, 14)]
    with ThreadPoolExecutor(3) as pool:
        motions = [pool.submit(work, job) for job in jobs]
    with pytest.raises(VideoError):
        motions[1].result()
    for made, (path, frames) in ((motions[0], jobs[0]), (motions[2], jobs[2])):
        motion = made.result()
        alone = captured(path, frames).motion
        np.testing.assert_array_equal(motion.q, alone.q)
        np.testing.assert_array_equal(motion.confidence, alone.confidence)
        np.testing.assert_array_equal(motion.betas, alone.betas)


def test_our_estimates_written_as_a_dump_read_back_the_same(tmp_path, monkeypatch):
    path = tmp_path / "video.mp4"
    write_video(path, [picture() if 12 <= i < 20 else person(i) for i in range(30)])
    kept = {}

    def keeping(*arguments):
        kept["seen"] = estimate_person(*arguments)
        return kept["seen"]

    monkeypatch.setattr(backend, "estimate_person", keeping)
    made = captured(path, 30).motion
    seen = kept["seen"]
    dump = np.empty(30, dtype=object)
    for i, found in enumerate(seen.found):
        one = slice(i, i + 1) if found else slice(0, 0)
        dump[i] = {
            "poses": seen.q[one].astype(np.float32),
            "betas": seen.betas[one].astype(np.float32),
            "bbx_cs": list(seen.square_px[one].astype(np.float32)) or None,
            "patch_cam_t": np.zeros((int(found), 3), np.float32),
            "full_cam_t": np.zeros((int(found), 3), np.float32),
        }
    np.save(tmp_path / "HSMR-0200.npy", dump, allow_pickle=True)
    read = recorded_motion(tmp_path / "HSMR-0200.npy", times(30)).motion
    np.testing.assert_array_equal(read.valid, made.valid)
    np.testing.assert_array_equal(read.q, made.q)
    np.testing.assert_array_equal(read.betas, made.betas)
    assert read.backend == made.backend


def test_a_detector_serves_one_video_after_the_other_until_one_fails(tmp_path, video):
    made = []

    @dataclass(frozen=True)
    class Counted(DetectorChoice):
        def load(self, config, device):
            return lambda: made.append(ColourDetector()) or made[-1]

    write_weights(tmp_path / "weights", random_network(SIZES, AttentionHeads(4, 2)))
    hsmr = backend.HsmrBackend(WeightFolder(tmp_path / "weights"), Counted(), "cpu", CONFIG)
    hsmr.setup()
    source = SourceVideo("0200", video, tmp_path / "none.npy")
    first, second = hsmr.capture(source, times(30)), hsmr.capture(source, times(30))
    np.testing.assert_array_equal(first.motion.q, second.motion.q)
    assert len(made) == 1 and made[0].calls and not made[0].closed
    with pytest.raises(DataError, match="29 timestamps"):
        hsmr.capture(source, times(29))
    hsmr.capture(source, times(30))
    assert len(made) == 2 and made[0].closed and not made[1].closed
    hsmr.teardown()
    assert made[1].closed
