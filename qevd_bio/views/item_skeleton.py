"""Where the joints lie on the displayed picture of a video.

T frames, J = 24 joints
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import PARENTS
from qevd_bio.views.motion_windows import MotionWindow
from qevd_bio.views.overlay.project_joints import joints_px

BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)
"""Pairs of joints to be joined by a line."""


def displayed_joints(window: MotionWindow, displayed_px: tuple[int, int]) -> FloatArray:
    """Place the joints of a window on the picture as a browser displays it.

    Parameters
    ----------
    window : MotionWindow
        T frames.
    displayed_px : tuple of int
        Width and height of the picture.

    Returns
    -------
    ndarray (T, 24, 2)
        Pixels of the displayed picture, x right and y down; NaN behind the camera. Angles are
        measured on the picture turned upright by `window.turn_deg`; the turn is taken back here.
    """
    width, height = displayed_px
    is_on_end = window.turn_deg in (90, 270)
    upright = joints_px(window.motion, (height, width) if is_on_end else (width, height))
    return np.asarray(turned_back(upright, displayed_px, window.turn_deg))


def turned_back(points_px: FloatArray, size_px: tuple[int, int], turn_deg: int) -> FloatArray:
    """Move points (..., 2) of a picture turned clockwise back to the picture of this size."""
    width, height = size_px
    x, y = points_px[..., 0], points_px[..., 1]
    if turn_deg == 90:
        return np.stack([y, height - x], axis=-1)
    if turn_deg == 180:
        return np.stack([width - x, height - y], axis=-1)
    return np.stack([width - y, x], axis=-1) if turn_deg == 270 else points_px
