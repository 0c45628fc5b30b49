"""Where a person stands before the camera, from the crop's own camera.

B crops; x right, y down, z away from the camera, in the body model's metres

The network assumes a focal length of 5,000 pixels on its 256 pixel crop, so depth is not metric.
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import Float32Array
from qevd_bio.capture.hsmr.network import CROP_PX

FOCAL_PX = 5000.0


def in_crop(camera: Float32Array) -> Float32Array:
    """Place the body before the crop's camera.

    Parameters
    ----------
    camera : ndarray (B, 3)
        Scale and shift (s, tx, ty) as the network tells them.

    Returns
    -------
    ndarray (B, 3)
        Translation to add to the body's joints.

    Notes
    -----
    A joint (x, y, z) then lies at x / z * 5000 pixels from the crop's centre, y alike.
    """
    scale, across, down = np.asarray(camera, dtype=np.float32).T
    away = 2.0 * FOCAL_PX / (CROP_PX * scale + 1e-9)
    return np.asarray(np.stack([across, down, away], axis=1), dtype=np.float32)


def in_frame(
    in_crop_m: Float32Array, squares_px: Float32Array, frame_px: tuple[int, int]
) -> Float32Array:
    """Place the body before a camera of the whole frame with the same focal length.

    Parameters
    ----------
    in_crop_m : ndarray (B, 3)
        Translation before the crop's camera, as `in_crop` gives it.
    squares_px : ndarray (B, 3)
        Centre x and y and side of the crop in the frame.
    frame_px : (int, int)
        Height and width of the frame.

    Returns
    -------
    ndarray (B, 3)
        Translation; the principal point is the middle of the frame.
    """
    across, down, away = np.asarray(in_crop_m, dtype=np.float32).T
    x, y, side = np.asarray(squares_px, dtype=np.float32).T
    height, width = frame_px
    away = away * CROP_PX / side
    across = across + (x - width / 2) / FOCAL_PX * away
    down = down + (y - height / 2) / FOCAL_PX * away
    return np.asarray(np.stack([across, down, away], axis=1), dtype=np.float32)
