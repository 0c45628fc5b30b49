"""Decode a video frame by frame, with an honest account of what could not be decoded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from qevd_bio.errors import VideoError

RgbImage = NDArray[np.uint8]

_DECODE_ERRORS = (av.error.FFmpegError, EOFError)


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """What the file says about itself.

    Attributes
    ----------
    width_px, height_px : int
        Size as stored, before any rotation.
    frames : int or None
        Number of frames the header claims; None when the container does not say.
    """

    width_px: int
    height_px: int
    frames: int | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """How far a video could be decoded.

    Attributes
    ----------
    frames_decoded : int
        Frames that came out.
    complete : bool
        True when decoding reached the end without an error and with no frame missing.
    reason : str
        What is wrong; empty when complete.
    """

    frames_decoded: int
    complete: bool
    reason: str


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the first video stream of a file; failures become a VideoError."""
    if not path.is_file():
        raise VideoError(
            "the video file does not exist", where=str(path), next_step="Restore the file"
        )
    if path.stat().st_size == 0:
        raise VideoError(
            "the file is empty", where=str(path), next_step="Download or copy it again"
        )
    try:
        container = av.open(str(path))
    except _DECODE_ERRORS as error:
        raise VideoError(
            f"not a readable video ({_cause(error)}); it begins with {_head(path)}",
            where=str(path),
            next_step="Download or copy it again; a web page or a cut download looks like this",
        ) from error
    with container:
        if not container.streams.video:
            raise VideoError(
                "the file holds no video stream", where=str(path), next_step="Give a video file"
            )
        yield container, container.streams.video[0]


def _cause(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return repr(file.read(16))


def probe(path: Path) -> VideoHeader:
    """Read the header of a video.

    Parameters
    ----------
    path : Path
        The video file.

    Returns
    -------
    VideoHeader
        Size and claimed number of frames.

    Raises
    ------
    VideoError
        The file is missing, empty, not a video, or holds no video stream.
    """
    with _opened(path) as (_, stream):
        return VideoHeader(
            width_px=stream.codec_context.width,
            height_px=stream.codec_context.height,
            frames=stream.frames or None,
        )


class FrameStream:
    """The frames of one video as RGB images, one at a time.

    Iterate once; afterwards `decoded` tells how far it went. A file that breaks part-way
    yields the frames before the break and no error: a frame after the break could no longer
    be given its place in time.

    Parameters
    ----------
    path : Path
        The video file.
    longest_side_px : int or None
        Larger frames are scaled down to this longest side; None keeps the stored size.
    turn_deg : int
        Further clockwise turn (0, 90, 180, 270) after the rotation of the metadata.
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
        count, broken = 0, ""
        with _opened(self._path) as (container, stream):
            frames = container.decode(stream)
            while True:
                try:
                    frame = next(frames)
                except StopIteration:
                    break
                except _DECODE_ERRORS as error:
                    broken = f"decoding broke after {count} frames ({_cause(error)})"
                    break
                yield turned(_rgb(frame, self._longest_side_px), self._turn_deg)
                count += 1
            expected = stream.frames or count
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
    """Turn an image clockwise by 0, 90, 180 or 270 degrees.

    Parameters
    ----------
    image : ndarray (H, W, 3)
        RGB.
    turn_deg : int
        Clockwise turn in degrees.

    Returns
    -------
    ndarray
        Contiguous image; the input itself for a turn of 0.
    """
    if turn_deg == 0:
        return image
    return np.ascontiguousarray(np.rot90(image, -(turn_deg // 90)))


def sampled_frames(path: Path, count: int, *, longest_side_px: int) -> list[RgbImage]:
    """Pick frames spread over a video, cheaply.

    Parameters
    ----------
    path : Path
        The video file.
    count : int
        Number of frames wanted; a shorter video gives fewer.
    longest_side_px : int
        Larger frames are scaled down to this longest side.

    Returns
    -------
    list of ndarray
        RGB images in order of time, rotation of the metadata applied.

    Raises
    ------
    VideoError
        The file cannot be opened.

    Notes
    -----
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
        frames = container.decode(stream)
        for index in itertools.count():
            try:
                frame = next(frames)
            except (StopIteration, *_DECODE_ERRORS):
                break
            place = frame.pts if stream.codec_context.skip_frame == "NONKEY" else index
            if place in wanted:
                picked.append(_rgb(frame, longest_side_px))
            if len(picked) == len(wanted):
                break
    return picked


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    """Yield the readable packets of a stream; stop at the first damage."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, *_DECODE_ERRORS):
            return
        if packet.size:
            yield packet


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
