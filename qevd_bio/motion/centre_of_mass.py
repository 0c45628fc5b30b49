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

FLAT_M = 0.03
"""A foot stands flat while heel and toes are this near to the height of the lowest joint."""


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


def share_over_feet(joints_m: FloatArray, up: FloatArray) -> FloatArray:
    """Tell where the centre of mass is from the heels (0) to the bases of the toes (1).

    Parameters
    ----------
    joints_m : ndarray (T, 24, 3)
        Joint centres in metres, the root anywhere.
    up : ndarray (3,)
        Unit vector against gravity.

    Returns
    -------
    ndarray (T,)
        Along the mean direction of the feet that stand flat on the floor, from the hindmost heel
        to the foremost toes. NaN where none does: heel or toes are more than `FLAT_M` above the
        lowest joint.

    Notes
    -----
    A body that stands still falls backwards below about 0, where a heel's rounding carries a
    little, and forwards above about 1.3, where the toes end.
    """
    height = joints_m @ up
    lowest = height.min(axis=1)
    heels, toes = (
        joints_m[:, [JOINT_INDEX[f"{name}_{side}"] for side in _SIDES]]
        for name in ("calcn", "toes")
    )
    flat = (np.maximum(heels @ up, toes @ up) - lowest[:, None]) < FLAT_M
    along = np.where(flat[..., None], toes - heels, 0.0).sum(axis=1)
    along = along - (along @ up)[:, None] * up
    length = np.linalg.norm(along, axis=1)
    stands = flat.any(axis=1) & (length > 0.0)
    share = np.full(len(joints_m), np.nan)
    ahead = along[stands] / length[stands, None]

    def reach(points: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("t...k,tk->t...", points[stands], ahead))

    behind = np.where(flat[stands], reach(heels), np.inf).min(axis=1)
    before = np.where(flat[stands], reach(toes), -np.inf).max(axis=1)
    share[stands] = (reach(centre_of_mass_m(joints_m)) - behind) / (before - behind)
    return share
