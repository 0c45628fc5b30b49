"""Centre of mass of a posed skeleton, and its translation estimated from floor contact.

T frames, J = 24 joints
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import JOINT_INDEX, N_JOINTS

_SIDES = ("r", "l")

# Share of body mass, and where on the line from the first to the second point the mass lies.
# Dempster by Winter, Biomechanics and Motor Control of Human Movement, table 4.1; read in
# BMClab/BMC (M. Duarte), data/BSP_DempsterWinter.txt. The trunk row holds head and neck too and
# runs from the hips to the shoulders; the forearm row holds the hand and runs to the wrist.
SEGMENTS: tuple[tuple[str, str, float, float], ...] = (
    ("femur", "tibia", 0.100, 0.433),
    ("tibia", "talus", 0.0465, 0.433),
    ("talus", "toes", 0.0145, 0.500),
    ("humerus", "ulna", 0.028, 0.436),
    ("ulna", "hand", 0.022, 0.682),
)
TRUNK_HEAD_NECK = (0.578, 0.660)


def _weights() -> FloatArray:
    """Distribute the segments' masses over the joints at their ends (J,)."""
    weights = np.zeros(N_JOINTS)
    for side in _SIDES:
        for upper, lower, mass, along in SEGMENTS:
            weights[JOINT_INDEX[f"{upper}_{side}"]] += mass * (1.0 - along)
            weights[JOINT_INDEX[f"{lower}_{side}"]] += mass * along
        mass, along = TRUNK_HEAD_NECK
        weights[JOINT_INDEX[f"femur_{side}"]] += mass * (1.0 - along) / 2.0
        weights[JOINT_INDEX[f"humerus_{side}"]] += mass * along / 2.0
    return weights


_WEIGHTS = _weights()


def centre_of_mass_m(joints_m: FloatArray) -> FloatArray:
    """Compute the whole body's centre of mass (T, 3) of joint centres (T, 24, 3), in metres.

    NaN where a joint that carries mass is NaN.
    """
    carrying = _WEIGHTS > 0
    return np.asarray(np.einsum("j,tjk->tk", _WEIGHTS[carrying], joints_m[:, carrying]))


def contact_translation_m(joints_m: FloatArray, up: FloatArray) -> FloatArray:
    """Estimate the translation of the root, with the lowest joint standing still on the floor.

    Parameters
    ----------
    joints_m : ndarray (T, 24, 3)
        Joint centres about a root that does not move, in metres.
    up : ndarray (3,)
        Unit vector against gravity.

    Returns
    -------
    ndarray (T, 3)
        To be added to all joints of a frame, in metres; 0 along the floor in the first frame.

    Notes
    -----
    From one frame to the next the joint that was lowest keeps its place along the floor; the
    lowest joint of every frame is at height 0. So the floor is always touched: jumps do not
    appear, and penetration, floating and sliding of the lowest point are 0 by construction. A
    frame with a NaN joint is NaN; the body is assumed to stand still meanwhile.
    """
    known = np.flatnonzero(np.isfinite(joints_m).all(axis=(1, 2)))
    moved = np.full((len(joints_m), 3), np.nan)
    if len(known) == 0:
        return moved
    joints = joints_m[known]
    height = joints @ up
    lowest = np.argmin(height, axis=1)
    before = np.arange(len(known) - 1)
    step = joints[before, lowest[:-1]] - joints[before + 1, lowest[:-1]]
    along = np.zeros((len(known), 3))
    along[1:] = np.cumsum(step - (step @ up)[:, None] * up, axis=0)
    moved[known] = along - height.min(axis=1)[:, None] * up
    return moved
