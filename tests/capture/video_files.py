"""Tiny videos, good and damaged, written on the spot."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np


def write_video(path: Path, images: list[np.ndarray], *, rate: int = 25, fast: bool = True):
    """Write RGB images as H.264; `fast` puts the header before the pictures."""
    options = {"movflags": "faststart"} if fast else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12", "g": "10"}
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def grey_ramp(frames: int, height: int = 64, width: int = 96) -> list[np.ndarray]:
    """Frame i is grey of level 20 + 4 i, with a white block in its upper left corner."""
    images = []
    for i in range(frames):
        image = np.full((height, width, 3), 20 + 4 * i, dtype=np.uint8)
        image[: height // 4, : width // 4] = 255
        images.append(image)
    return images


def noise(frames: int, height: int = 64, width: int = 96) -> list[np.ndarray]:
    """Pictures that do not compress, so that half of the file is half of the frames."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(frames)]


def cut_in_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def set_rotation_90(path: Path) -> None:
    """Ask players to turn the picture 90 degrees clockwise, in the track header's matrix."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4
    assert content[start] == 0, "version 0 of the box is expected"
    one, zero, unit = 1 << 16, 0, 1 << 30
    matrix = (zero, one, zero, -one & 0xFFFFFFFF, zero, zero, zero, zero, unit)
    content[start + 40 : start + 76] = struct.pack(">9I", *matrix)
    path.write_bytes(bytes(content))
