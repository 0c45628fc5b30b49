"""Where the joints of a motion lie on the picture.

T frames, J = 24 joints
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import N_JOINTS
from qevd_bio.skeleton.kinematics import forward_kinematics

INSET_SHARE = 0.45
"""Side of the corner for a figure without a place, as a share of the picture's shorter side."""

_INSET_PER_M = 0.42
_CHUNK_FRAMES = 1000


def joints_px(motion: Motion, size_px: tuple[int, int]) -> FloatArray:
    """Place the joints on the picture.

    Parameters
    ----------
    motion : Motion
        T frames.
    size_px : tuple of int
        Width and height of the upright picture.

    Returns
    -------
    ndarray (T, 24, 2)
        Pixels, x right and y down. Through a pinhole camera when the motion knows where the
        body is; NaN behind it. Otherwise a small figure without perspective, from the same
        direction, in the lower right corner.
    """
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    placed = np.empty((len(motion.q), N_JOINTS, 2))
    for first in range(0, len(motion.q), _CHUNK_FRAMES):
        some = slice(first, first + _CHUNK_FRAMES)
        joints = forward_kinematics(motion.q[some], skeleton)[0]
        if motion.root_m is None or motion.focal_share is None:
            side = INSET_SHARE * min(size_px)
            placed[some] = joints[..., :2] * side * _INSET_PER_M + np.array(size_px) - side / 2.0
        else:
            joints = joints + motion.root_m[some, None]
            placed[some] = pinhole_px(joints, motion.focal_share, size_px)
    return placed


def pinhole_px(joints_m: FloatArray, focal_share: float, size_px: tuple[int, int]) -> FloatArray:
    """Project camera-frame points (..., 3) onto a picture (..., 2); NaN behind the camera."""
    depth = np.where(joints_m[..., 2:] > 0.0, joints_m[..., 2:], np.nan)
    centre = np.array(size_px) / 2.0
    return np.asarray(joints_m[..., :2] / depth * focal_share * max(size_px) + centre)
