"""Pictures as they happen: from a camera, from a pipe, or from a file at its own pace.

The newest picture is what counts: whoever is slow misses some and never lags behind.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.capture.video.display import RgbImage, display_of
from qevd_bio.capture.video.open_video import CONTAINERS, DECODE_ERRORS, cause_of, until_damage
from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.errors import EnvironmentProblem, VideoError

_CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}")}
"""FFmpeg's device and the name of its cameras by system."""


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A picture, and when it was shown in seconds since the first."""

    image: RgbImage
    time_s: float


def played_file(path: Path, longest_side_px: int) -> Iterator[LiveFrame]:
    """Yield the pictures of a file when a player would show them; `VideoError` for no video."""
    times_s = stored_times_s(path)
    begun_s: float | None = None
    # decoders disagree about a last frame; what has no time is not shown
    timed = islice(FrameStream(path, longest_side_px=longest_side_px), len(times_s))
    for index, image in enumerate(timed):
        now_s = time.monotonic()
        begun_s = now_s if begun_s is None else begun_s
        since_s = float(times_s[index] - times_s[0])
        time.sleep(max(0.0, begun_s + since_s - now_s))
        yield LiveFrame(image, since_s)


def piped_frames(file: BinaryIO, longest_side_px: int) -> Iterator[LiveFrame]:
    """Yield the pictures of a pipe as they arrive; `VideoError` where it holds no video."""
    formats = ",".join(CONTAINERS)
    try:
        with av.open(file, "r", container_options={"format_whitelist": formats}) as container:
            yield from _arriving(container, longest_side_px)
    except DECODE_ERRORS as error:
        raise VideoError(
            f"holds no readable video ({cause_of(error)})",
            where="standard input",
            next_step="Pipe a stream, such as `ffmpeg -i SOURCE -f matroska -`",
        ) from error


def camera_frames(number: int, longest_side_px: int) -> Iterator[LiveFrame]:
    """Yield the pictures of a camera; `EnvironmentProblem` where there is none to be opened."""
    device, name = _CAMERAS.get(sys.platform, ("", ""))
    pipe = "ffmpeg -i DEVICE -f matroska - | qevd-bio coach - --live"
    if not device:
        raise EnvironmentProblem(
            f"cameras are not opened on {sys.platform}",
            where=f"--camera {number}",
            next_step=f"Pipe it: {pipe}",
        )
    try:
        with av.open(name.format(number), "r", format=device) as container:
            yield from _arriving(container, longest_side_px)
    except (*DECODE_ERRORS, OSError, ValueError) as error:
        raise EnvironmentProblem(
            f"cannot be opened ({cause_of(error)})",
            where=f"camera {number}",
            next_step=f"Give another number, or pipe it: {pipe}",
        ) from error


def _arriving(container: InputContainer, longest_side_px: int) -> Iterator[LiveFrame]:
    if not container.streams.video:
        raise VideoError(
            "holds no video stream", where="the live source", next_step="Pipe one with a picture"
        )
    stream = container.streams.video[0]
    first_s: float | None = None
    for frame in until_damage(container.decode(stream)):
        now_s = time.monotonic()
        first_s = now_s if first_s is None else first_s
        display = display_of(frame, stream.sample_aspect_ratio or Fraction(1))
        yield LiveFrame(display.shown(frame, longest_side_px), now_s - first_s)


class Newest(AbstractContextManager["Newest"]):
    """The newest of frames that arrive by themselves; read in a thread of its own.

    Parameters
    ----------
    frames : iterator of LiveFrame
        Ends, or goes on until the context is left.

    Attributes
    ----------
    arrived, taken : int
        Frames so far; the difference was dropped.
    """

    def __init__(self, frames: Iterator[LiveFrame]) -> None:
        self._frames = frames
        self._newest: LiveFrame | None = None
        self._news = threading.Condition()
        self._has_ended = self._must_end = False
        self._error: Exception | None = None
        self.arrived = self.taken = 0
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Newest:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the iteration, whatever the source still has."""
        with self._news:
            self._must_end = self._has_ended = True
            self._news.notify()

    def __iter__(self) -> Iterator[LiveFrame]:
        """Yield the newest frame each time, waiting for one that was not taken yet.

        What was wrong with the source is raised at its end.
        """
        while True:
            with self._news:
                self._news.wait_for(lambda: self._newest is not None or self._has_ended)
                frame, self._newest = self._newest, None
            if frame is None:
                if self._error is not None:
                    raise self._error
                return
            self.taken += 1
            yield frame

    def _read(self) -> None:
        try:
            for frame in self._frames:
                with self._news:
                    self._newest, self.arrived = frame, self.arrived + 1
                    self._news.notify()
                    if self._must_end:
                        return
        except Exception as error:  # noqa: BLE001  raised where the frames are read
            self._error = error
        finally:
            with self._news:
                self._has_ended = True
                self._news.notify()
