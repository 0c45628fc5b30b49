"""A part of a video that is damaged inside the part is refused, not silently shorter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qevd_bio.coach.plain_session import part_of_video
from qevd_bio.errors import VideoError
from tests.capture.video_files import write_video


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    noise = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("torn") / "torn.mp4"
    pictures = [noise.integers(0, 255, (64, 96, 3), dtype=np.uint8) for _ in range(90)]
    write_video(file, pictures, rate=30)
    held = bytearray(file.read_bytes())
    middle = len(held) // 2
    held[middle : middle + len(held) // 8] = bytes(len(held) // 8)
    file.write_bytes(held)
    return file


def test_a_part_with_the_damage_is_refused(torn: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"is damaged: of the 7\d frames there only"):
        part_of_video("torn", torn, 0.5, 2.9, tmp_path / "cut.mp4")


def test_a_part_before_the_damage_is_taken(torn: Path, tmp_path: Path) -> None:
    assert part_of_video("torn", torn, 0.2, 0.8, tmp_path / "cut.mp4").from_s == pytest.approx(0.2)
