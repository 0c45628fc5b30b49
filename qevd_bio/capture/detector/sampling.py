"""Cut square regions, which may be turned, out of pictures.

H, W = height and width of a picture, N = side of the cut in pixels
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import ByteArray, Float32Array, FloatArray, IntArray

_STEP_BITS = 5
_STEPS = 1 << _STEP_BITS
"""Positions between two pixels are rounded to this part, as in OpenCV's `warpPerspective`."""

# The three colours are blended at once, in one number: 255 * 32 * 32 fits into 20 bits.
_SHIFTS = (np.uint64(0), np.uint64(20), np.uint64(40))
_COLOUR = np.uint64(255)
_WEIGHT_BITS = np.uint64(2 * _STEP_BITS)
_STRIP = 32
"""Rows cut at once: more would leave the processor's cache."""
_HALF = sum(np.uint64(_STEPS * _STEPS // 2) << shift for shift in _SHIFTS)


@dataclass(frozen=True, slots=True)
class Region:
    """A square of a picture.

    Attributes
    ----------
    x_px, y_px : float
        Centre, x right and y down.
    side_px : float
        Length of a side.
    turn_rad : float
        How far the square is turned, clockwise as seen.
    """

    x_px: float
    y_px: float
    side_px: float
    turn_rad: float = 0.0

    def to_picture(self, points: FloatArray) -> FloatArray:
        """Bring points (..., 2) from the square, 0 to 1 along its sides, to pixels."""
        centre = np.array([self.x_px, self.y_px])
        return np.asarray(centre + self.side_px * turned(points - 0.5, self.turn_rad))


def turned(points: FloatArray, turn_rad: float) -> FloatArray:
    """Turn points (..., 2) around the origin from x towards y."""
    cosine, sine = np.cos(turn_rad), np.sin(turn_rad)
    return np.asarray(points @ np.array([[cosine, sine], [-sine, cosine]]))


def whole_picture(image: ByteArray) -> Region:
    """Return the smallest upright square around a picture (H, W, 3), with the same centre."""
    height, width = image.shape[:2]
    return Region(width / 2, height / 2, float(max(height, width)))


def cut(image: ByteArray, region: Region, side: int, *, black_outside: bool) -> Float32Array:
    """Resample a region of a picture to a square of `side` pixels.

    Parameters
    ----------
    image : ndarray (H, W, 3) of uint8
        Contiguous.
    region : Region
        May reach beyond the picture.
    side : int
        N.
    black_outside : bool
        Whether the picture is black beyond its edge, or repeats the pixels of the edge.

    Returns
    -------
    ndarray (N, N, 3) of float32
        Whole numbers from 0 to 255.

    Notes
    -----
    Bilinear and without low-pass filter, in integers, so that every machine gives the same: as
    OpenCV's `warpPerspective` with `INTER_LINEAR` does it, with which MediaPipe cuts. The corner
    of the region falls on the middle of the first pixel.
    """
    out = np.empty((side, side, 3), dtype=np.float32)
    for top in range(0, side, _STRIP):
        x, y = _positions(region, side, np.arange(top, min(top + _STRIP, side)))
        blended = _blended(image, x, y, black_outside=black_outside)
        for colour, shift in enumerate(_SHIFTS):
            out[top : top + _STRIP, :, colour] = (blended >> shift) & _COLOUR
    return out


def _positions(
    region: Region, side: int, rows: IntArray
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return x and y (R, N) in the picture of some of the cut's rows (R,), in `_STEPS` a pixel."""
    corner = region.to_picture(np.zeros(2)) * _STEPS
    step = turned(np.array([region.side_px / side, 0.0]), region.turn_rad) * _STEPS
    columns = np.arange(side)
    x = (corner[0] + step[0] * columns) - (step[1] * rows)[:, None]
    y = (corner[1] + step[1] * columns) + (step[0] * rows)[:, None]
    return np.rint(x).astype(np.int32), np.rint(y).astype(np.int32)


def _blended(
    image: ByteArray, x: NDArray[np.int32], y: NDArray[np.int32], *, black_outside: bool
) -> NDArray[np.uint64]:
    """Blend the four pixels around each position; packed colours, in the positions' shape."""
    height, width = image.shape[:2]
    pixels = image.reshape(-1, 3)
    columns = _rows_or_columns(x, width, black_outside=black_outside)
    total = np.full(x.shape, _HALF, dtype=np.uint64)
    for row, share_y in _rows_or_columns(y, height, black_outside=black_outside):
        start = row * np.int32(width)
        for column, share_x in columns:
            packed = _packed(pixels.take(start + column, axis=0))
            packed *= share_y * share_x
            total += packed
    return total >> _WEIGHT_BITS


def _rows_or_columns(
    position: NDArray[np.int32], length: int, *, black_outside: bool
) -> list[tuple[NDArray[np.int32], NDArray[np.uint64]]]:
    """Find the two rows (or columns) of the picture that each position lies between.

    Returns the number of the first, kept within the picture, and its share in `_STEPS`, and the
    same for the second.
    """
    first, part = position >> _STEP_BITS, position & (_STEPS - 1)
    ends = []
    for place, share in ((first, _STEPS - part), (first + 1, part)):
        inside = np.minimum(np.maximum(place, 0), length - 1)
        if black_outside:
            share *= place == inside
        ends.append((inside, share.astype(np.uint64)))
    return ends


def _packed(pixels: ByteArray) -> NDArray[np.uint64]:
    """Put the three colours of each pixel (..., 3) into one number (...)."""
    packed = pixels[..., 0].astype(np.uint64)
    for colour, shift in zip((1, 2), _SHIFTS[1:], strict=True):
        packed |= pixels[..., colour].astype(np.uint64) << shift
    return packed
