"""Decoding in a thread of its own: same frames, same errors, nothing left behind."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.capture.video.prefetch import prefetched
from tests.capture.video_files import cut_in_half, write_video


def test_items_are_prefetched_up_to_a_limit():
    made = []

    def items():
        for i in range(50):
            made.append(i)
            yield i

    before = threading.active_count()
    with prefetched(items(), 3) as ready:
        assert next(ready) == 0
        deadline = time.monotonic() + 5
        while len(made) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert len(made) == 5, "one used, three in line, one in progress"
        assert list(ready) == list(range(1, 50))
    assert threading.active_count() == before


def test_leaving_early_ends_the_thread_and_errors_come_in_their_turn():
    before = threading.active_count()
    with prefetched(iter(range(10**9)), 2) as ready:
        next(ready)
    assert threading.active_count() == before

    def breaks():
        yield 1
        raise ZeroDivisionError

    with prefetched(breaks(), 5) as ready:
        assert next(ready) == 1
        with pytest.raises(ZeroDivisionError):
            next(ready)


def test_a_video_gives_the_same_bytes_from_another_thread(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, [np.full((48, 64, 3), 4 * i, np.uint8) for i in range(40)])
    alone = list(FrameStream(path))
    stream = FrameStream(path)
    with prefetched(stream, 4) as frames:
        together = list(frames)
    assert [one.tobytes() for one in together] == [one.tobytes() for one in alone]
    assert stream.decoded.complete and stream.decoded.frames_decoded == 40


def handles(path) -> int:
    """Count the handles of this process on a file."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("this system does not list a process's open files in /proc")
    targets = []
    for one in folder.iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            targets.append(one.readlink())
    return targets.count(path)


def test_a_video_that_breaks_off_and_one_that_is_left_close_their_file(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, [np.full((48, 64, 3), i, np.uint8) for i in range(60)])
    whole = path.read_bytes()
    cut_in_half(path)
    stream = FrameStream(path)
    with prefetched(stream, 4) as frames:
        count = len(list(frames))
    assert not stream.decoded.complete and stream.decoded.frames_decoded == count < 60
    assert handles(path) == 0
    path.write_bytes(whole)
    left = FrameStream(path)
    with prefetched(left, 4) as frames, pytest.raises(KeyError):
        next(frames)
        assert handles(path) > 0
        raise KeyError
    assert handles(path) == 0
    with pytest.raises(RuntimeError, match="have not been read to their end"):
        assert left.decoded
