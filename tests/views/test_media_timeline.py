"""Times of frames as a browser shows them, by arithmetic, and against Chromium itself."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.capture.video.display import Display
from qevd_bio.errors import VideoError
from qevd_bio.views.media_timeline import media_timeline
from qevd_bio.views.still_frame import picture_at
from tests.capture.video_files import cut_in_half, noise, set_rotation_90, write_video
from tests.views.timed_videos import NTSC_TICKS, edit, grey, ntsc, uneven, write_timed

FINE = Fraction(1, 90_000)
UNEVEN = uneven(40)
FRAME_S = NTSC_TICKS / 30_000


def sideways(path: Path) -> Path:
    write_timed(path, ntsc(20))
    set_rotation_90(path)
    return path


MADE: dict[str, tuple[Callable[[Path], Path], list[float], int]] = {
    "29.97": (lambda p: write_timed(p, ntsc(40)), [FRAME_S * i for i in range(40)], 0),
    "variable rate": (lambda p: write_timed(p, UNEVEN, FINE), [t / 9e4 for t in UNEVEN], 0),
    "begins late": (
        lambda p: write_timed(p, [t + 45_000 for t in UNEVEN], FINE),
        [0.5 + t / 9e4 for t in UNEVEN],
        0,
    ),
    "no edit list": (
        # the pictures wait for two B-frames, and nothing takes that off
        lambda p: write_timed(p, ntsc(30), options={"use_editlist": "0"}),
        [FRAME_S * (i + 2) for i in range(30)],
        0,
    ),
    "edit list cuts into a group of pictures": (
        lambda p: edit(write_timed(p, ntsc(40)), skip_ticks=NTSC_TICKS * 10),
        [FRAME_S * i for i in range(30)],
        10,
    ),
    "edit list cuts between two frames": (
        lambda p: edit(write_timed(p, ntsc(40)), skip_ticks=NTSC_TICKS * 10 + 300),
        [FRAME_S * i for i in range(29)],
        11,
    ),
    "edit list ends early": (
        lambda p: edit(write_timed(p, ntsc(40)), shorten_ms=510),
        [FRAME_S * i for i in range(25)],
        0,
    ),
    "frames before zero": (
        lambda p: write_timed(p, [3000 * i - 9000 for i in range(30)], FINE, b_frames=0),
        [i / 30 for i in range(27)],
        3,
    ),
    "fragmented": (
        lambda p: write_timed(p, ntsc(30), options={"movflags": "frag_keyframe+empty_moov"}),
        [FRAME_S * (i + 2) for i in range(30)],
        0,
    ),
    "sideways": (sideways, [FRAME_S * i for i in range(20)], 0),
    "high pixels": (
        lambda p: write_timed(p, ntsc(20), pixel_aspect=Fraction(3, 4)),
        [FRAME_S * i for i in range(20)],
        0,
    ),
}
"""How a file is made, the times of its frames, and which of them is the first one shown."""


@pytest.fixture(params=MADE)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[float], int]:
    make, times_s, first = MADE[request.param]
    return make(tmp_path / "a.mp4"), times_s, first


def test_times_are_those_that_were_written(made: tuple[Path, list[float], int]) -> None:
    path, times_s, _ = made
    found = media_timeline(path).time_s
    assert len(found) == len(times_s) == sum(1 for _ in FrameStream(path))
    # microseconds, as browsers keep them
    np.testing.assert_allclose(found, times_s, rtol=0, atol=0.5e-6 + 1e-12)


def test_each_time_belongs_to_the_frame_that_capture_numbers(
    made: tuple[Path, list[float], int],
) -> None:
    path, _, first = made
    decoded = [picture.mean() for picture in FrameStream(path)]
    pts = media_timeline(path).pts
    for number in (0, 1, len(pts) // 2, len(pts) - 2, len(pts) - 1):
        picture = picture_at(path, int(pts[number]), 400)
        assert picture is not None
        assert picture.mean() == pytest.approx(grey(first + number), abs=2.0)
        assert decoded[number] == pytest.approx(grey(first + number), abs=2.0)


def test_a_time_between_frames_is_no_frame(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "a.mp4", ntsc(20))
    assert picture_at(path, 500, 400) is None
    assert picture_at(path, 10**9, 400) is None


def test_a_sideways_video_is_displayed_upright(tmp_path: Path) -> None:
    found = media_timeline(sideways(tmp_path / "a.mp4"))
    assert (found.width_px, found.height_px) == (64, 96)


@pytest.mark.parametrize(
    ("aspect", "is_transposed", "size"),
    [
        (Fraction(1), False, (96, 64)),
        (Fraction(4, 3), False, (128, 64)),
        (Fraction(3, 4), False, (96, 85)),
        (Fraction(4, 3), True, (64, 128)),
        (Fraction(1), True, (64, 96)),
    ],
)
def test_displayed_size(aspect: Fraction, is_transposed: bool, size: tuple[int, int]) -> None:
    assert Display(aspect, is_transposed).size_px(96, 64) == size


def test_a_codec_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """One damaged byte in the name of the codec is enough."""
    path = write_timed(tmp_path / "a.mp4", ntsc(5))
    brand, found, rest = path.read_bytes().rpartition(b"avc1")
    assert found
    path.write_bytes(brand + b"zzzz" + rest)
    with pytest.raises(VideoError, match="codec is not known"):
        media_timeline(path)


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "a.mp4", ntsc(10))
    assert len(media_timeline(path).time_s) == 10
    write_timed(path, ntsc(14))
    assert len(media_timeline(path).time_s) == 14


def test_a_file_that_breaks_keeps_the_frames_before(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, noise(40))
    whole = media_timeline(path).time_s
    cut_in_half(path)
    found = media_timeline(path).time_s
    assert 0 < len(found) < 40
    assert set(found) <= set(whole)


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", b"\0" * 4000])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=r"a\.mp4"):
        media_timeline(path)


SEEN = """async (names) => Promise.all(names.map(async (name) => {
  const video = document.createElement('video');
  video.muted = true;
  document.body.append(video);
  video.src = name;
  await new Promise((done, failed) => { video.onloadeddata = done; video.onerror = failed; });
  const seen = [];
  const see = (now, frame) => {
    seen.push(frame.mediaTime);
    video.requestVideoFrameCallback(see);
  };
  video.requestVideoFrameCallback(see);
  video.playbackRate = 0.5;
  await new Promise((done) => { video.onended = done; video.play(); });
  return {seen, size: [video.videoWidth, video.videoHeight]};
}))"""


@pytest.fixture(scope="module")
def played(
    chromium: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Callable[[list[str]], list[dict]]]]:
    """Plays files of a folder in Chromium, side by side: times of presented frames, and sizes."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "page.html").write_text("<title>Videos</title>", encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/page.html")
    yield folder, lambda names: page.evaluate(SEEN, names)
    page.close()
    server.shutdown()


@pytest.mark.browser
@pytest.mark.slow
def test_chromium_presents_the_frames_at_these_times(
    played: tuple[Path, Callable[[list[str]], list[dict]]],
) -> None:
    folder, play = played
    paths = [make(folder / f"{i}.mp4") for i, (make, _, _) in enumerate(MADE.values())]
    for name, path, shown in zip(MADE, paths, play([one.name for one in paths]), strict=True):
        timeline = media_timeline(path)
        assert shown["size"] == [timeline.width_px, timeline.height_px], name
        seen = np.unique(shown["seen"])
        away = np.abs(seen[:, None] - timeline.time_s[None, :]).min(axis=1)
        assert len(seen) > len(timeline.time_s) // 3, f"{name}: too few frames were presented"
        assert away.max() < 1e-6, name
