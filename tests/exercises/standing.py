"""Where a standing body's weight lies over its feet.

T frames
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.centre_of_mass import centre_of_mass_m
from qevd_bio.skeleton.dofs import JOINT_INDEX

_SIDES = ("r", "l")

FLAT_M = 0.03
"""A foot stands flat while heel and toes are this near to the height of the lowest joint."""


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
