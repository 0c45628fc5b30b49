"""From a picture of a video to the input of the network, equal to the official code to the bit.

H, W height and width of the picture in pixels

Order: turn, pad a sideways video's picture to a square, cut to height : width = 1.4, resize to
224 x 160. Source: FitCoach at a573ee0. The resizing is that of OpenCV's `INTER_LINEAR` for 8-bit
images, in its fixed point: eleven bits of weight along a row, then eleven down the column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qevd_bio.arrays import ByteArray, Float32Array, IntArray

HEIGHT_PX, WIDTH_PX = 224, 160
ASPECT = 1.4
"""Height by width of what the network sees."""

_WEIGHT_ONE = 2048


def network_picture(image: ByteArray, *, pad: bool = False) -> ByteArray:
    """Cut and resize an upright picture.

    Parameters
    ----------
    image : ndarray (H, W, 3)
        RGB of uint8, turned upright.
    pad : bool
        Make it a square with black sides first, as the official code does with videos that are
        stored sideways: the head and the feet stay in the picture.

    Returns
    -------
    ndarray (224, 160, 3)
        RGB of uint8; height and width are scaled apart.
    """
    return resized(cut_to_aspect(squared(image) if pad else image), HEIGHT_PX, WIDTH_PX)


def network_input(pictures: list[ByteArray]) -> Float32Array:
    """Stack pictures (224, 160, 3) into the network's input (T, 3, 224, 160) in [0, 1]."""
    stacked = np.stack(pictures).astype(np.float32)
    stacked /= np.float32(255)
    return np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))


def squared(image: ByteArray) -> ByteArray:
    """Pad a picture to a square with black; an odd pixel goes to the bottom or right."""
    height, width = image.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), dtype=np.uint8)
    square[top : top + height, left : left + width] = image
    return square


def cut_to_aspect(image: ByteArray) -> ByteArray:
    """Cut the middle out of a picture so that height : width is 1.4, in truncated pixels."""
    height, width = image.shape[:2]
    if height / width > ASPECT:
        new = int(width * ASPECT)
        start = (height - new) // 2
        return image[start : start + new]
    new = int(height / ASPECT)
    start = (width - new) // 2
    return image[:, start : start + new]


@dataclass(frozen=True, slots=True)
class _Taps:
    """The two pixels (2, P) that each of P places is made of, and their weights in 2048ths."""

    places: IntArray
    weights: IntArray


@lru_cache(maxsize=32)
def _taps(length: int, target: int, *, ends_blend: bool) -> _Taps:
    """Find what a resized row or column is made of.

    Beyond the middle of the last pixels a column (`ends_blend`) mixes two equal pixels, a row
    takes one; only the rounding differs.
    """
    step = 1.0 / (target / length)  # in double, then rounded to single, as OpenCV does
    at = ((np.arange(target) + 0.5) * step - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    part = (at - first.astype(np.float32)).astype(np.float32)
    if not ends_blend:
        part[(first < 0) | (first >= length - 1)] = 0.0
    weights = np.stack([np.float32(1) - part, part]) * np.float32(_WEIGHT_ONE)
    places = np.clip(np.stack([first, first + 1]), 0, length - 1)
    return _Taps(places, np.rint(weights).astype(np.int64))


def resized(image: ByteArray, height_px: int, width_px: int) -> ByteArray:
    """Resize a picture (H, W, 3) of uint8 as OpenCV's ``resize`` with `INTER_LINEAR` does."""
    height, width = image.shape[:2]
    if (height, width) == (2 * height_px, 2 * width_px):  # OpenCV averages then
        four = image.reshape(height_px, 2, width_px, 2, 3).astype(np.uint16)
        return np.asarray((four.sum(axis=(1, 3), dtype=np.uint16) + 2) >> 2, dtype=np.uint8)
    across = _taps(width, width_px, ends_blend=False)
    down = _taps(height, height_px, ends_blend=True)
    wx = across.weights.astype(np.int32)[:, None, :, None]
    wy = down.weights.astype(np.int32)[:, :, None, None]

    def row(k: int) -> IntArray:
        """Blend along the upper (0) or lower (1) row of each place."""
        rows = image[down.places[k]]
        along = rows[:, across.places[0]] * wx[0] + rows[:, across.places[1]] * wx[1]
        return np.asarray(((along >> 4) * wy[k]) >> 16)

    return np.asarray((row(0) + row(1) + 2) >> 2, dtype=np.uint8)
