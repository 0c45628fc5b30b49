"""Live: the newest picture counts, repetitions are told while they are done."""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from qevd_bio.capture.monocular.backend import MediaPipeBackend
from qevd_bio.capture.video.live_frames import (
    LiveFrame,
    Newest,
    camera_frames,
    piped_frames,
    played_file,
)
from qevd_bio.coach.live import run_live
from qevd_bio.coach.live_coach import LiveCoach
from qevd_bio.coach.live_page import live_page
from qevd_bio.coach.live_session import live_session
from qevd_bio.coach.settings import CoachSettings
from qevd_bio.errors import EnvironmentProblem, UsageError, VideoError
from qevd_bio.exercises.load import load_rules
from tests.coach.odd_inputs import RATE_HZ, REPETITIONS, Pictures, rendered_squats, written

SQUAT = load_rules()["squat"]
FULL = MediaPipeBackend.with_detector("full").config
GREY = np.full((48, 64, 3), 99, dtype=np.uint8)


def arriving(count: int, every_s: float) -> Iterator[LiveFrame]:
    for i in range(count):
        time.sleep(every_s)
        yield LiveFrame(GREY, i * every_s)


def test_who_is_slow_misses_pictures_and_does_not_lag() -> None:
    seen = []
    with Newest(arriving(60, 0.005)) as newest:
        for frame in newest:
            time.sleep(0.05)
            seen.append((frame.time_s, newest.arrived))
    assert newest.arrived == 60 and 2 <= newest.taken < 30
    # each picture was the newest one when it was taken, or the one after it had just come
    lags = [arrived - 1 - round(at_s / 0.005) for at_s, arrived in seen[:-1]]
    assert max(lags) < 20, "never as many as were missed altogether"
    assert seen[-1][0] == pytest.approx(59 * 0.005)


def test_a_session_ends_when_it_is_stopped() -> None:
    with Newest(arriving(10_000, 0.001)) as newest:
        for frame in newest:
            if frame.time_s > 0.02:
                newest.stop()
    assert newest.taken < 1000, "the source had ten seconds more"


@pytest.mark.parametrize(
    "error",
    [VideoError("breaks off", where="pipe", next_step="Try again"), IndexError("breaks off")],
    ids=["video", "any"],
)
def test_what_is_wrong_with_the_source_is_raised_at_its_end(error: Exception) -> None:
    def broken() -> Iterator[LiveFrame]:
        yield LiveFrame(GREY, 0.0)
        raise error

    with Newest(broken()) as newest, pytest.raises(type(error), match="breaks off"):
        list(newest)


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    file = written(tmp_path / "a.mkv", [GREY] * 5)
    frames = list(piped_frames(io.BytesIO(file.read_bytes()), 640))
    assert len(frames) == 5 and frames[0].image.shape == GREY.shape
    with pytest.raises(VideoError, match="no readable video"):
        list(piped_frames(io.BytesIO(b"water, towel"), 640))


def test_a_pipe_cannot_name_other_files() -> None:
    with pytest.raises(VideoError):
        list(piped_frames(io.BytesIO(b"ffconcat version 1.0\nfile /etc/passwd\n"), 640))


def test_a_file_is_played_at_its_own_pace(tmp_path: Path) -> None:
    file = written(tmp_path / "a.mp4", [GREY] * 7, shown_s=0.1)
    began_s = time.monotonic()
    times_s = [frame.time_s for frame in played_file(file, 640)]
    assert times_s == pytest.approx([0.1 * i for i in range(7)], abs=0.01)
    assert time.monotonic() - began_s >= 0.59


def test_a_camera_that_is_not_there_is_told() -> None:
    with pytest.raises(EnvironmentProblem, match="camera 987"):
        next(camera_frames(987, 640))


@pytest.mark.parametrize(
    ("videos", "camera", "changed"),
    [([], None, {}), (["a", "b"], None, {}), (["a"], 0, {}), (["a"], None, {"end_s": 3.0})],
)
def test_a_session_has_one_source(
    videos: list[str], camera: int | None, changed: dict[str, float]
) -> None:
    settings = CoachSettings(exercise="squat", **changed)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        live_session(
            [Path(one) for one in videos], camera, settings,
            on_heard=lambda _: None, on_picture=lambda _: None,
        )  # fmt: skip


def test_only_who_knows_the_address_sees_the_picture() -> None:
    with live_page() as page:
        port, token = page.address.split(":")[2].split("/")[0:2]
        host = f"127.0.0.1:{port}"

        def status(path: str, named: str = host) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
            connection.request("GET", path, headers={"Host": named})
            return connection.getresponse().status

        assert status(f"/{token}/") == 200
        assert status("/") == status("/guess/live") == status(f"/{token}/other") == 404
        assert status(f"/{token}/", named="evil.example") == 404


def test_the_stream_holds_the_newest_picture() -> None:
    with live_page() as page:
        port, token = page.address.split(":")[2].split("/")[0:2]
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
        connection.request("GET", f"/{token}/live")
        response = connection.getresponse()
        for _ in range(200):
            page.show(GREY)
            time.sleep(0.005)
        lines = [response.fp.readline() for _ in range(4)]
        length = int(lines[2].split(b":")[1])
        shown = np.asarray(Image.open(io.BytesIO(response.fp.read(length))))
        assert shown.shape == GREY.shape and abs(int(shown.mean()) - 99) <= 1


@pytest.fixture(scope="module")
def squats(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("live")
    return [picture[::2, ::2] for picture in rendered_squats(folder)]


@pytest.mark.slow
def test_squats_are_counted_while_they_are_done(squats: Pictures) -> None:
    coach = LiveCoach(SQUAT, FULL)
    counts = []
    for number, picture in enumerate(squats):
        coach.push(np.ascontiguousarray(picture), number / RATE_HZ)
        counts.append(coach.count)
    assert counts == sorted(counts) and 1 <= counts[-1] <= REPETITIONS
    assert coach.whole_count() == REPETITIONS
    for one in coach.heard:
        assert one.end_s < one.known_s < one.end_s + 2.5
    drawn = coach.picture(np.ascontiguousarray(squats[-1]))
    assert drawn.shape == squats[-1].shape and (drawn != squats[-1]).any()


@pytest.mark.slow
def test_a_played_file_is_coached_without_lag(squats: Pictures, tmp_path: Path) -> None:
    file = written(tmp_path / "squats.mp4", squats)
    pictures: list[np.ndarray] = []
    result = run_live(
        played_file(file, 640), SQUAT, FULL, tmp_path / "live.mp4", on_picture=pictures.append
    )
    assert result.whole_count == REPETITIONS
    assert result.frames + result.dropped == len(squats) and len(pictures) == result.frames
    # at ten pictures a second a picture has 100 ms of one core
    assert result.processor_ms < 100
    with av.open(str(tmp_path / "live.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == result.frames
