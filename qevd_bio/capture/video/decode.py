"""Decode a video frame by frame, and record which frames could not be decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from qevd_bio.errors import VideoError

RgbImage = NDArray[np.uint8]
T = TypeVar("T")

_DECODE_ERRORS = (av.error.FFmpegError, EOFError)


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """Size in pixels as stored, before any rotation, and the frames that the container claims.

    `frames` is None when it claims none.
    """

    width_px: int
    height_px: int
    frames: int | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """How far a video could be decoded.

    `complete` is True when decoding reached the end without an error and with no frame missing;
    else `reason` gives the cause.
    """

    frames_decoded: int
    complete: bool
    reason: str


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the first video stream of a file; failures become a VideoError."""
    again = "Download or copy it again"
    if not path.is_file():
        raise VideoError(
            "the video file does not exist", where=str(path), next_step="Restore the file"
        )
    if path.stat().st_size == 0:
        raise VideoError("the file is empty", where=str(path), next_step=again)
    try:
        container = av.open(str(path))
    except _DECODE_ERRORS as error:
        with path.open("rb") as file:
            head = file.read(16)
        raise VideoError(
            f"not a readable video ({_cause(error)}); it begins with {head!r}",
            where=str(path),
            next_step=f"{again}; a web page or a cut download looks like this",
        ) from error
    with container:
        if not container.streams.video:
            raise VideoError(
                "the file holds no video stream", where=str(path), next_step="Give a video file"
            )
        yield container, container.streams.video[0]


def _cause(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _until_damage(items: Iterable[T], damage: list[BaseException] | None = None) -> Iterator[T]:
    """Yield items until they end or decoding breaks, which `damage` then holds."""
    try:
        yield from items
    except _DECODE_ERRORS as error:
        if damage is not None:
            damage.append(error)


def probe(path: Path) -> VideoHeader:
    """Read a video's header; `VideoError` where it is missing, empty or holds no video stream."""
    with _opened(path) as (_, stream):
        return VideoHeader(
            width_px=stream.codec_context.width,
            height_px=stream.codec_context.height,
            frames=stream.frames or None,
        )


class FrameStream:
    """The frames of one video as RGB images, one at a time.

    Iterate once; afterwards `decoded` shows how far it went. A file that breaks part-way yields
    the frames before the break and no error: a frame after the break could no longer be given
    its place in time. Frames larger than `longest_side_px` are scaled down to it; `turn_deg` is a
    further clockwise turn (0, 90, 180, 270) after the rotation of the metadata.
    """

    def __init__(
        self, path: Path, *, longest_side_px: int | None = None, turn_deg: int = 0
    ) -> None:
        if turn_deg not in (0, 90, 180, 270):
            raise ValueError(f"turn_deg is {turn_deg}, must be 0, 90, 180 or 270")
        self._path = path
        self._longest_side_px = longest_side_px
        self._turn_deg = turn_deg
        self._decoded: Decoded | None = None

    @property
    def decoded(self) -> Decoded:
        """How far the video could be decoded; known after iteration."""
        if self._decoded is None:
            raise RuntimeError(f"{self._path}: the frames have not been read to their end")
        return self._decoded

    def __iter__(self) -> Iterator[RgbImage]:
        """Yield contiguous RGB images (H, W, 3), rotation applied."""
        count, damage = 0, list[BaseException]()
        with _opened(self._path) as (container, stream):
            for frame in _until_damage(container.decode(stream), damage):
                yield turned(_rgb(frame, self._longest_side_px), self._turn_deg)
                count += 1
            expected = stream.frames or count
        broken = f"decoding broke after {count} frames ({_cause(damage[0])})" if damage else ""
        if not broken and count < expected:
            broken = f"the header claims {expected} frames, {count} could be decoded"
        self._decoded = Decoded(count, not broken, broken)


def _rgb(frame: av.VideoFrame, longest_side_px: int | None) -> RgbImage:
    """Convert a frame to RGB, shrunk and turned as its metadata asks."""
    width, height = frame.width, frame.height
    if longest_side_px is not None and max(width, height) > longest_side_px:
        scale = longest_side_px / max(width, height)
        width, height = round(width * scale / 2) * 2, round(height * scale / 2) * 2
    image = frame.to_ndarray(format="rgb24", width=width, height=height)
    quarter_turns_left = round(frame.rotation / 90)
    return np.ascontiguousarray(np.rot90(image, quarter_turns_left))


def turned(image: RgbImage, turn_deg: int) -> RgbImage:
    """Turn an RGB image (H, W, 3) clockwise by 0, 90, 180 or 270 degrees; contiguous."""
    if turn_deg == 0:
        return image
    return np.ascontiguousarray(np.rot90(image, -(turn_deg // 90)))


def sampled_frames(path: Path, count: int, *, longest_side_px: int) -> list[RgbImage]:
    """Pick up to `count` frames spread over a video, in order, turned as its metadata asks.

    Key frames are taken when there are enough of them, which costs no decoding in between;
    otherwise the whole file is decoded and every n-th frame taken.
    """
    positions = _key_frame_positions(path)
    picked: list[RgbImage] = []
    with _opened(path) as (container, stream):
        if len(positions) >= count:
            wanted = {positions[i] for i in _spread(len(positions), count)}
            stream.codec_context.skip_frame = "NONKEY"
        else:
            total = stream.frames or sum(1 for _ in _packets(container, stream))
            wanted = set(_spread(total, count))
            container.seek(0)
        for index, frame in enumerate(_until_damage(container.decode(stream))):
            place = frame.pts if stream.codec_context.skip_frame == "NONKEY" else index
            if place in wanted:
                picked.append(_rgb(frame, longest_side_px))
            if len(picked) == len(wanted):
                break
    return picked


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    """Yield the readable packets of a stream; stop at the first damage."""
    return (packet for packet in _until_damage(container.demux(stream)) if packet.size)


def _key_frame_positions(path: Path) -> list[int]:
    with _opened(path) as (container, stream):
        return sorted(
            packet.pts
            for packet in _packets(container, stream)
            if packet.is_keyframe and packet.pts is not None
        )


def _spread(total: int, count: int) -> list[int]:
    """Spread `count` places over `total`, away from both ends."""
    if total <= 0:
        return []
    return sorted({int((i + 0.5) * total / count) for i in range(count)})
