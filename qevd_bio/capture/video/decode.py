"""Decode a video frame by frame, and record which frames could not be decoded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from qevd_bio.capture.video.display import Display, RgbImage, display_of
from qevd_bio.capture.video.open_video import (
    cause_of,
    opened_video,
    shown_frames,
    shown_packets,
    until_damage,
)

__all__ = ["FrameStream", "RgbImage", "frames_at", "probe", "sampled_frames", "turned"]


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """Size in pixels as stored, and the frames that the container claims and a player shows.

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


def probe(path: Path) -> VideoHeader:
    """Read a video's header; `VideoError` where it is missing, empty or holds no video stream."""
    with opened_video(path) as (container, stream):
        return VideoHeader(
            width_px=stream.codec_context.width,
            height_px=stream.codec_context.height,
            frames=shown_frames(container, stream),
        )


class FrameStream:
    """The frames of one video as RGB images as a player shows them, one at a time.

    Iterate once; afterwards `decoded` shows how far it went, `display` what the file asked for. A
    file that breaks part-way yields the frames before the break and no error: a frame after the
    break could no longer be given its place in time. Frames larger than `longest_side_px` are
    scaled down to it; `turn_deg` is a further clockwise turn (0, 90, 180, 270).
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
        self.display = Display()

    @property
    def decoded(self) -> Decoded:
        """How far the video could be decoded; known after iteration."""
        if self._decoded is None:
            raise RuntimeError(f"{self._path}: the frames have not been read to their end")
        return self._decoded

    def __iter__(self) -> Iterator[RgbImage]:
        """Yield contiguous RGB images (H, W, 3)."""
        count, damage = 0, list[BaseException]()
        with opened_video(self._path) as (container, stream):
            aspect = stream.sample_aspect_ratio
            for frame in until_damage(container.decode(stream), damage):
                display = display_of(frame, aspect)
                yield turned(display.shown(frame, self._longest_side_px), self._turn_deg)
                self.display = display if count == 0 else self.display
                count += 1
            expected = shown_frames(container, stream) or count
        broken = f"decoding broke after {count} frames ({cause_of(damage[0])})" if damage else ""
        if not broken and count < expected:
            broken = f"the header claims {expected} frames, {count} could be decoded"
        self._decoded = Decoded(count, not broken, broken)


def turned(image: RgbImage, turn_deg: int) -> RgbImage:
    """Turn an RGB image (H, W, 3) clockwise by 0, 90, 180 or 270 degrees; contiguous."""
    if turn_deg == 0:
        return image
    return np.ascontiguousarray(np.rot90(image, -(turn_deg // 90)))


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """One frame of a video as a player shows it, and its number, off by one at most."""

    number: int
    image: RgbImage


def sampled_frames(path: Path, count: int, *, longest_side_px: int) -> Iterator[SampledFrame]:
    """Yield up to `count` frames spread over a video, in order, decoding no further than asked.

    Key frames are taken when there are enough of them, which costs no decoding in between;
    otherwise every n-th frame, at least two a second.
    """
    positions, total = _key_frame_positions(path)
    with opened_video(path) as (container, stream):
        rate = float(stream.average_rate or 30)
        aspect = stream.sample_aspect_ratio
        if 3 * len(positions) >= count:
            wanted = {positions[i] for i in _spread(len(positions), count)}
            stream.codec_context.skip_frame = "NONKEY"
            chosen = ((f.pts in wanted, f) for f in until_damage(container.decode(stream)))
        else:
            step = max(1, min(total // count, round(rate / 2)))
            frames = enumerate(until_damage(container.decode(stream)))
            chosen = ((i % step == step // 2, frame) for i, frame in frames)
        for frame in islice((frame for is_wanted, frame in chosen if is_wanted), count):
            image = display_of(frame, aspect).shown(frame, longest_side_px)
            yield SampledFrame(round((frame.time or 0.0) * rate), image)


def frames_at(
    path: Path, numbers: Collection[int], *, longest_side_px: int, turn_deg: int = 0
) -> Iterator[SampledFrame]:
    """Yield the frames of a video with these numbers, counted from 0, in order.

    They are as `FrameStream` yields them. Those after a break in the file are left out; no frame
    after the last one wanted is decoded.
    """
    last = max(numbers, default=-1)
    if last < 0:
        return
    with opened_video(path) as (container, stream):
        aspect = stream.sample_aspect_ratio
        for number, frame in enumerate(until_damage(container.decode(stream))):
            if number in numbers:
                image = display_of(frame, aspect).shown(frame, longest_side_px)
                yield SampledFrame(number, turned(image, turn_deg))
            if number == last:
                return


def _key_frame_positions(path: Path) -> tuple[list[int], int]:
    """Find the times of the key frames, and count all frames."""
    with opened_video(path) as (container, stream):
        packets = [(one.is_keyframe, one.pts) for one in shown_packets(container, stream)]
        total = shown_frames(container, stream) or len(packets)
    return sorted(pts for is_key, pts in packets if is_key and pts is not None), total


def _spread(total: int, count: int) -> list[int]:
    """Spread `count` places over `total`, away from both ends."""
    if total <= 0:
        return []
    return sorted({int((i + 0.5) * total / count) for i in range(count)})
