"""How a player shows a frame: with square pixels, turned and mirrored as the file asks."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]

_MOST_ASPECT = Fraction(10)
_MATRIX = struct.Struct("=9i")


@dataclass(frozen=True, slots=True)
class Display:
    """What a file asks for beyond the stored pictures.

    Attributes
    ----------
    pixel_aspect : Fraction
        Width of a stored pixel by its height.
    is_transposed : bool
        Whether rows become columns, before the flips.
    flips_columns, flips_rows : bool
        Whether the picture is mirrored left to right, and upside down.
    """

    pixel_aspect: Fraction = Fraction(1)
    is_transposed: bool = False
    flips_columns: bool = False
    flips_rows: bool = False

    @property
    def is_mirrored(self) -> bool:
        """Whether the stored pictures are mirror images."""
        return (self.is_transposed + self.flips_columns + self.flips_rows) % 2 == 1

    def __str__(self) -> str:
        """Say what is done to the stored pictures; empty for nothing."""
        aspect = self.pixel_aspect
        words = [
            f"pixels {aspect.numerator}:{aspect.denominator}" * (aspect != 1),
            "mirrored" * self.is_mirrored,
            "turned" * (self.is_transposed or (self.flips_columns and self.flips_rows)),
        ]
        return ", ".join(word for word in words if word)

    def size_px(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Compute width and height as shown of a picture of this size as stored."""
        width, height = self._square_pixels(width_px, height_px)
        return (height, width) if self.is_transposed else (width, height)

    def shown(self, frame: av.VideoFrame, longest_side_px: int | None) -> RgbImage:
        """Convert a decoded frame to RGB (H, W, 3), contiguous, shrunk to a longest side."""
        width, height = self._square_pixels(frame.width, frame.height)
        if longest_side_px is not None and max(width, height) > longest_side_px:
            scale = longest_side_px / max(width, height)
            width, height = (max(2, round(side * scale / 2) * 2) for side in (width, height))
        image = frame.to_ndarray(format="rgb24", width=width, height=height)
        if self.is_transposed:
            image = image.transpose(1, 0, 2)
        if self.flips_columns:
            image = image[:, ::-1]
        if self.flips_rows:
            image = image[::-1]
        return np.ascontiguousarray(image)

    def _square_pixels(self, width: int, height: int) -> tuple[int, int]:
        """Stretch the width by wide pixels, the height by high ones."""
        if self.pixel_aspect >= 1:
            return max(1, round(width * self.pixel_aspect)), height
        return width, max(1, round(height / self.pixel_aspect))


def display_of(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> Display:
    """Read how a frame is shown from its display matrix and the aspect of its stream.

    Of a matrix that turns by other than a right angle the nearest one is taken; an aspect that no
    camera has is left out.
    """
    aspect = pixel_aspect or Fraction(1)
    if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        aspect = Fraction(1)
    every: Any = frame.side_data  # its stubs take it for a mapping of texts
    data = every.get(Type.DISPLAYMATRIX)
    if data is None or len(bytes(data)) != _MATRIX.size:
        return Display(aspect)
    # The point (x, y), y down, is shown at (a x + c y, b x + d y).
    a, b, _, c, d, _, _, _, _ = _MATRIX.unpack(bytes(data))
    if a * d == b * c:
        return Display(aspect)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Display(aspect, False, a < 0, d < 0)
    return Display(aspect, True, c < 0, b < 0)
