"""Written videos read back by PyAV, timestamps by numpy."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from qevd_bio.errors import DataError
from qevd_bio.synthetic.video import frame_timestamps_ns, write_timestamps, write_video


def pictures(count: int = 5) -> list[np.ndarray]:
    """Red above, blue below; a bar that grows from the left with time."""
    shown = []
    for n in range(count):
        picture = np.zeros((64, 48, 3), dtype=np.uint8)
        picture[:32, :, 0], picture[32:, :, 2] = 220, 220
        picture[48:, : 8 * (n + 1), 1] = 220
        shown.append(picture)
    return shown


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("sideways", [False, True], ids=["upright", "sideways"])
def test_pictures_come_back(tmp_path: Path, sideways: bool) -> None:
    path = tmp_path / "a" / "0001.mp4"
    assert write_video(path, iter(pictures()), 16, sideways=sideways) == 5
    frames = decoded(path)
    assert len(frames) == 5
    assert frames[0].shape == ((48, 64, 3) if sideways else (64, 48, 3))
    for shown, frame in zip(pictures(), frames, strict=True):
        upright = np.rot90(frame, -1) if sideways else frame  # a viewer turns clockwise
        assert np.abs(upright.astype(int) - shown).mean() < 12


def test_the_header_holds_rate_and_length(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", pictures(), 16)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.frames, stream.average_rate) == (5, 16)


def test_same_pictures_same_bytes(tmp_path: Path) -> None:
    for name in ("one.mp4", "two.mp4"):
        write_video(tmp_path / name, pictures(), 16)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        pytest.param([], "no picture", id="nothing"),
        pytest.param([np.zeros((63, 48, 3), np.uint8)], "48x63 cannot be encoded", id="odd"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(tmp_path: Path, shown: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_video(tmp_path / "v.mp4", shown, 16)
    assert list(tmp_path.iterdir()) == []


def test_timestamps_jitter_around_their_rate(tmp_path: Path) -> None:
    ns = frame_timestamps_ns(400, 16, 1_690_000_000_000_000_000, np.random.default_rng(5))
    write_timestamps(tmp_path / "0001_timestamps.npy", ns)
    read = np.load(tmp_path / "0001_timestamps.npy", allow_pickle=False)
    np.testing.assert_array_equal(read, ns)
    assert read.dtype == np.int64
    steps_ms = np.diff(read) / 1e6
    assert steps_ms.min() > 50 and steps_ms.mean() == pytest.approx(62.5, rel=1e-3)
    assert 1.0 < steps_ms.std() < 4.0
