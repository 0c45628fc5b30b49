"""Small videos whose frames have chosen times; frame i is grey of level 20 + 4 i."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

NTSC = Fraction(1, 30_000)
NTSC_TICKS = 1001
SIZE = (96, 64)


def write_timed(
    path: Path,
    ticks: Sequence[int],
    base: Fraction = NTSC,
    *,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    pixel_aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    b_frames: int = 2,
) -> Path:
    """Encode one grey frame a time; B-frames put packets out of order."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = base
        stream.options = {"crf": "12", "g": "12", "bf": str(b_frames)}
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        for number, tick in enumerate(ticks):
            picture = np.full((size[1], size[0], 3), grey(number), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = tick, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def grey(number: int) -> int:
    """Level of a frame."""
    return 20 + 4 * (number % 58)


def ntsc(frames: int) -> list[int]:
    """Times of frames at 29.97 a second, in ticks of `NTSC`."""
    return [NTSC_TICKS * i for i in range(frames)]


def uneven(frames: int, seed: int = 0, first: int = 0) -> list[int]:
    """Times between 15 and 60 frames a second, in ticks of 1/90000 s."""
    steps = np.random.default_rng(seed).integers(1500, 6000, frames)
    return (first + np.cumsum(steps) - steps[0]).tolist()


def edit(path: Path, *, skip_ticks: int = 0, shorten_ms: int = 0) -> Path:
    """Change the edit list: begin later in the recorded frames, or end earlier."""
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 4
    version, entries = struct.unpack(">II", content[at : at + 8])
    assert (version, entries) == (0, 1), "one entry of version 0 is expected"
    duration, begin = struct.unpack(">Ii", content[at + 8 : at + 16])
    shorter = duration - round(shorten_ms * _ticks_per_second(content) / 1000)
    content[at + 8 : at + 16] = struct.pack(">Ii", shorter, begin + skip_ticks)
    path.write_bytes(content)
    return path


def _ticks_per_second(content: bytearray) -> int:
    """Read the unit of an edit's duration, which the muxer chooses."""
    at = content.index(b"mvhd") + 4
    times = 8 if content[at] == 0 else 16
    (ticks,) = struct.unpack_from(">I", content, at + 4 + times)
    return int(ticks)
