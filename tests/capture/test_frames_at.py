"""Single frames of a video by number: the same that the whole stream yields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qevd_bio.capture.video.decode import FrameStream, frames_at
from tests.capture.video_files import cut_in_half, grey_ramp, noise, set_rotation_90, write_video


@pytest.mark.parametrize("turn_deg", [0, 90])
@pytest.mark.parametrize("is_rotated", [False, True], ids=["upright", "rotated by its header"])
def test_frames_are_those_of_the_stream(tmp_path: Path, turn_deg: int, is_rotated: bool) -> None:
    path = tmp_path / "ramp.mp4"
    write_video(path, grey_ramp(40))
    if is_rotated:
        set_rotation_90(path)
    due = list(FrameStream(path, longest_side_px=48, turn_deg=turn_deg))
    found = list(frames_at(path, {3, 17, 39}, longest_side_px=48, turn_deg=turn_deg))
    assert [one.number for one in found] == [3, 17, 39]
    for one in found:
        assert np.array_equal(one.image, due[one.number])


def test_frames_after_a_break_or_the_end_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    write_video(path, noise(60))
    assert [one.number for one in frames_at(path, {59, 60, 900}, longest_side_px=96)] == [59]
    cut_in_half(path)
    whole = sum(1 for _ in FrameStream(path))
    found = [one.number for one in frames_at(path, {0, whole - 1, whole, 59}, longest_side_px=96)]
    assert 0 < whole < 60 and found == [0, whole - 1]


def test_no_number_decodes_nothing(tmp_path: Path) -> None:
    assert list(frames_at(tmp_path / "absent.mp4", (), longest_side_px=96)) == []
