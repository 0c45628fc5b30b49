"""See people of whom angles and boxes are known as those whose landmarks were found.

T frames of one person, D = 46 DoF
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.person.performer import SeenPerson
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.kinematics import PosedSkeleton

_JOINTS = ("humerus", "ulna", "hand", "femur", "tibia", "talus")
_LONGEST_BONE_M = 0.5
"""The trunk, of the generic skeleton."""


def seen_in_poses(
    frames: IntArray, q: FloatArray, middle_px: FloatArray, side_px: FloatArray
) -> SeenPerson:
    """Describe a person by her poses, for `performer`.

    Parameters
    ----------
    frames : ndarray (T,) of int
        Counted within the video.
    q : ndarray (T, 46)
        Finite, rad, wrapped or not; of the camera frame.
    middle_px, side_px : ndarray (T, 2), ndarray (T,)
        Middle and longer side of the box around her.

    Notes
    -----
    The box shrinks when she crouches, and she does not: her size is that of the generic skeleton
    which, in this pose, fills the box.
    """
    posed = PosedSkeleton(q, generic_skeleton())
    joints_m = np.array([[posed.place(f"{name}_{side}") for side in "rl"] for name in _JOINTS])
    joints_m = np.moveaxis(joints_m, -1, 0)
    extent_m = np.ptp(joints_m[..., :2], axis=(1, 2)).max(axis=1)
    return SeenPerson(
        frames=frames,
        joints_m=joints_m,
        visible=np.ones(joints_m.shape[:3], dtype=np.bool_),
        middle_px=middle_px,
        size_px=_LONGEST_BONE_M * side_px / extent_m,
    )
