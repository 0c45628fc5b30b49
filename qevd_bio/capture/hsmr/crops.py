"""Square crops of people at 256 x 256, equal to the bit on every device.

B crops, F frames of height H and width W, P = 256 crop pixels a side

A crop is cut out of its frame, black where it reaches beyond, and resized with the fixed-point
bilinear arithmetic of OpenCV's `INTER_LINEAR` for 8-bit images: eleven bits of weight along a
row, then eleven down the column, with the roundings of its vector code. Being integers
throughout, it gives the same bytes on a GPU as on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import Float32Array, FloatArray, IntArray
from qevd_bio.capture.hsmr.network import COLUMNS, CROP_PX, ROWS
from qevd_bio.errors import UsageError

_WEIGHT_ONE = 2048
"""A weight of 1 in the resizing's fixed point."""


def squares(boxes_px: FloatArray) -> Float32Array:
    """Put a square around each person, as the network was trained to see them.

    Parameters
    ----------
    boxes_px : ndarray (B, 4)
        Left, top, right, bottom; finite and with an extent, else `UsageError`.

    Returns
    -------
    ndarray (B, 3)
        Centre x and y and side in pixels, float32. The box is widened or heightened to 3:4; the
        side is its height, without a margin.
    """
    boxes = np.asarray(boxes_px, dtype=np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise _unusable(f"boxes have shape {boxes.shape}, need (B, 4)")
    low, high = boxes[:, :2], boxes[:, 2:]
    size = high - low
    if not (np.isfinite(boxes).all() and (size > 0).all()):
        raise _unusable("a box is not finite, or its right or bottom not beyond left and top")
    side = np.maximum(size[:, 1], size[:, 0] * np.float32(ROWS / COLUMNS))
    around = np.concatenate([(low + high) / 2, side[:, None]], axis=1)
    return np.asarray(around, dtype=np.float32)


def windows(squares_px: Float32Array) -> IntArray:
    """Cut squares (B, 3) to whole pixels: left, top, right, bottom (B, 4), the last two excluded.

    Each is truncated towards zero, so width and height may differ by a pixel. `UsageError` for a
    window without a pixel.
    """
    centre, half = squares_px[:, :2], squares_px[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)
    cut: IntArray = np.trunc(corners).astype(np.int64)
    if (cut[:, 2:] <= cut[:, :2]).any():
        raise _unusable("a window is smaller than a pixel")
    return cut


@dataclass(frozen=True, slots=True)
class Taps:
    """The two pixels and weights that each of the P places along one side is made of (B, 2, P).

    Places are kept inside the frame; weights are in 2048ths, 0 outside of it, which is black.
    """

    places: IntArray
    weights: IntArray


def taps(low: IntArray, high: IntArray, length: int, *, ends_blend: bool) -> Taps:
    """Find what a resized row or column of a frame is made of.

    `low` and `high` (B,) are the first pixel of each window and the first after it. With
    `ends_blend`, places beyond the middle of the window's last pixels mix two equal pixels (as
    down a column), else they take one (as along a row). Only the rounding differs.
    """
    extent = (high - low)[:, None]
    # in double, then rounded to single, the order OpenCV computes in
    step = 1.0 / (CROP_PX / extent.astype(np.float64))
    at = ((np.arange(CROP_PX) + 0.5) * step - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    part = (at - first.astype(np.float32)).astype(np.float32)
    if not ends_blend:
        part[(first < 0) | (first >= extent - 1)] = 0.0
    weights = np.stack([np.float32(1) - part, part], axis=1) * np.float32(_WEIGHT_ONE)
    inside = np.clip(np.stack([first, first + 1], axis=1), 0, extent[:, None] - 1)
    places = low[:, None, None] + inside
    seen = (places >= 0) & (places < length)
    return Taps(
        places=np.clip(places, 0, length - 1),
        weights=np.where(seen, np.rint(weights).astype(np.int64), 0),
    )


def crop(frames: Tensor, of_frame: IntArray, windows_px: IntArray) -> Tensor:
    """Cut windows out of frames and resize them.

    Parameters
    ----------
    frames : Tensor (F, H, W, 3)
        uint8, on any device.
    of_frame : ndarray (B,)
        The frame each crop is cut from.
    windows_px : ndarray (B, 4)
        As `windows` gives them.

    Returns
    -------
    Tensor (B, 256, 256, 3)
        uint8, on the frames' device; bytes equal those of OpenCV. Takes about 5 MB of the
        device's memory a crop.
    """
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise _unusable(f"frames are {frames.dtype} of shape {tuple(frames.shape)}")
    count, height, width, _ = frames.shape
    if len(of_frame) != len(windows_px) or not ((of_frame >= 0) & (of_frame < count)).all():
        raise _unusable(f"crops name frames {of_frame} of {count}")
    left, top, right, bottom = windows_px.T
    across = taps(left, right, width, ends_blend=False)
    down = taps(top, bottom, height, ends_blend=True)
    # one copy to the device for everything a crop needs
    rows = of_frame[:, None, None] * height + down.places
    table = np.stack([across.places, across.weights, rows * width, down.weights])
    x, wx, y, wy = torch.from_numpy(table).to(frames.device, non_blocking=True).unbind(0)
    pixels = frames.reshape(-1, 3)
    wx, wy = wx.int()[:, :, None, :, None], wy.int()[:, :, :, None, None]

    def row(k: int) -> Tensor:
        """Blend along the upper (0) or lower (1) row of each place (B, P, P, 3)."""
        left_at = y[:, k, :, None] + x[:, 0, None, :]
        right_at = y[:, k, :, None] + x[:, 1, None, :]
        along = pixels[left_at].int().mul_(wx[:, 0])
        along += pixels[right_at].int().mul_(wx[:, 1])
        return along.bitwise_right_shift_(4).mul_(wy[:, k]).bitwise_right_shift_(16)

    return row(0).add_(row(1)).add_(2).bitwise_right_shift_(2).to(torch.uint8)


def _unusable(cause: str) -> UsageError:
    return UsageError(cause, where="crop", next_step="Check the detector's boxes")
