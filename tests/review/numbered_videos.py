"""Small videos whose pictures carry their own number, to be read back from a browser."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.capture.video_files import set_rotation_90

BITS = 10
CELL = 16
"""Pixels of a square of the code: one macroblock of H.264."""


def picture(number: int, width: int, height: int) -> np.ndarray:
    """A grey picture with the number in black and white squares along its upper edge.

    A white and a black square come first; a reader finds the levels there.
    """
    image = np.full((height, width, 3), 96, dtype=np.uint8)
    cells = [1, 0, *(number >> bit & 1 for bit in range(BITS))]
    for place, cell in enumerate(cells):
        image[:CELL, place * CELL : (place + 1) * CELL] = 235 if cell else 16
    return image


def write_numbered_video(
    path: Path, times_ms: Sequence[int], *, width: int = 240, height: int = 176, sideways=False
) -> None:
    """Write frame i, with the number i, for display at ``times_ms[i]``.

    The stored pictures lie on their side where `sideways`; the file asks to turn them upright.
    B-frames make the order of decoding another than that of display, where pictures follow each
    other evenly. Where they do not there are none, as in the files of phones: mp4 states how long
    a picture lasts in the order of decoding, and Chromium 150 seeks by that.
    """
    gaps_ms = np.diff(times_ms)
    is_even = gaps_ms.max() - gaps_ms.min() <= 1
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(1000, 1))
        stream.width, stream.height = (height, width) if sideways else (width, height)
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = {
            "crf": "20",
            "g": "12",
            "bf": "2" if is_even else "0",
            "preset": "ultrafast",
        }
        for number, time_ms in enumerate(times_ms):
            image = picture(number, width, height)
            if sideways:
                image = np.rot90(image)  # players turn it back, clockwise
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if sideways:
        set_rotation_90(path)


READ_NUMBER = f"""
(source) => {{
  const canvas = document.createElement("canvas");
  canvas.width = source.videoWidth;
  canvas.height = {CELL};
  const context = canvas.getContext("2d", {{ willReadFrequently: true }});
  context.drawImage(source, 0, 0);
  const cell = (place) => context.getImageData(place * {CELL} + 8, 8, 1, 1).data[0];
  const middle = (cell(0) + cell(1)) / 2;
  let number = 0;
  for (let bit = 0; bit < {BITS}; bit += 1) if (cell(bit + 2) > middle) number |= 1 << bit;
  return number;
}}
"""
"""JavaScript that reads the number of the picture that a video element shows."""
