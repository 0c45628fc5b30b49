from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.video.decode import FrameStream, probe, sampled_frames, turned
from qevd_bio.errors import VideoError
from tests.capture.video_files import cut_in_half, grey_ramp, noise, set_rotation_90, write_video


@pytest.fixture
def ramp(tmp_path):
    path = tmp_path / "ramp.mp4"
    write_video(path, grey_ramp(20))
    return path


def level(image):
    """Grey of the lower right quarter, back to the number of the frame."""
    height, width = image.shape[:2]
    return (float(image[height // 2 :, width // 2 :].mean()) - 20.0) / 4.0


def corner(image):
    """Name of the corner with the white block."""
    height, width = image.shape[0] // 5, image.shape[1] // 5
    blocks = {
        "upper left": image[:height, :width],
        "upper right": image[:height, -width:],
        "lower left": image[-height:, :width],
        "lower right": image[-height:, -width:],
    }
    return max(blocks, key=lambda name: blocks[name].mean())


def test_frames_come_out_once_in_order_and_contiguous(ramp):
    stream = FrameStream(ramp)
    images = list(stream)
    assert [round(level(image)) for image in images] == list(range(20))
    assert all(image.flags["C_CONTIGUOUS"] and image.dtype == np.uint8 for image in images)
    assert images[0].shape == (64, 96, 3)
    decoded = stream.decoded
    assert (decoded.frames_decoded, decoded.complete) == (20, True)
    assert decoded.reason == ""


def test_header_is_read(ramp):
    header = probe(ramp)
    assert (header.width_px, header.height_px, header.frames) == (96, 64, 20)


@pytest.mark.parametrize(
    ("turn", "where", "shape"),
    [
        (0, "upper left", (64, 96)),
        (90, "upper right", (96, 64)),
        (180, "lower right", (64, 96)),
        (270, "lower left", (96, 64)),
    ],
)
def test_turning_is_clockwise(ramp, turn, where, shape):
    image = next(iter(FrameStream(ramp, turn_deg=turn)))
    assert corner(image) == where
    assert image.shape[:2] == shape


def test_rotation_of_the_metadata_is_applied(ramp):
    set_rotation_90(ramp)
    image = next(iter(FrameStream(ramp)))
    assert corner(image) == "upper right"
    assert image.shape[:2] == (96, 64)


def test_large_pictures_are_scaled_down_and_small_ones_kept(ramp):
    assert next(iter(FrameStream(ramp, longest_side_px=48))).shape == (32, 48, 3)
    assert next(iter(FrameStream(ramp, longest_side_px=960))).shape == (64, 96, 3)


def test_a_half_cut_file_yields_its_first_frames_and_reports_it(tmp_path):
    path = tmp_path / "cut.mp4"
    images = noise(40)
    write_video(path, images)
    whole = list(FrameStream(path))
    cut_in_half(path)
    stream = FrameStream(path)
    kept = list(stream)
    decoded = stream.decoded
    assert 10 < decoded.frames_decoded < 30
    assert not decoded.complete
    assert "40" in decoded.reason or "broke" in decoded.reason
    np.testing.assert_array_equal(np.array(kept), np.array(whole[: len(kept)]))
    assert list(sampled_frames(path, 4, longest_side_px=96))


def test_the_account_is_not_there_before_the_frames_are_read(ramp):
    with pytest.raises(RuntimeError, match="not been read"):
        _ = FrameStream(ramp).decoded


def empty(path):
    path.write_bytes(b"")


def html(path):
    path.write_text("<!DOCTYPE html><html><body>404</body></html>")


def no_moov(path):
    write_video(path, noise(30), fast=False)
    cut_in_half(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda path: None, "does not exist", id="missing"),
        pytest.param(empty, "empty", id="empty"),
        pytest.param(html, "not a readable video", id="html"),
        pytest.param(no_moov, "not a readable video", id="no moov"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        probe,
        lambda path: list(FrameStream(path)),
        lambda p: list(sampled_frames(p, 3, longest_side_px=96)),
    ],
    ids=["probe", "stream", "sample"],
)
def test_what_is_no_video_is_refused_with_file_and_next_step(tmp_path, damage, message, use):
    path = tmp_path / "bad.mp4"
    damage(path)
    with pytest.raises(VideoError, match=message) as caught:
        use(path)
    assert caught.value.where == str(path)
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("count", "given"),
    [(2, 2), (5, 2), (7, 7), (20, 20), (50, 20)],
    ids=["key frames", "two of them suffice for five", "every other one", "every one", "more"],
)
def test_samples_are_spread_in_order_of_time(ramp, count, given):
    samples = list(sampled_frames(ramp, count, longest_side_px=96))
    levels = [level(sample.image) for sample in samples]
    assert len(levels) == given
    assert all(abs(one.number - value) <= 1 for one, value in zip(samples, levels, strict=True))
    assert levels == sorted(levels)
    assert len({round(value) for value in levels}) == len(levels)


def test_four_quarter_turns_are_none():
    image = np.random.default_rng(1).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    back = image
    for _ in range(4):
        back = turned(back, 90)
    np.testing.assert_array_equal(back, image)
