"""Agreement between sets of joints.

N segments, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from qevd_bio.arrays import BoolArray
from qevd_bio.skeleton.dofs import JOINT_NAMES


def flags_of(joints: Iterable[Collection[str]]) -> BoolArray:
    """Flag the joints (N, 24) of sets."""
    rows = [[name in one for name in JOINT_NAMES] for one in joints]
    return np.array(rows, dtype=bool).reshape(-1, len(JOINT_NAMES))


def jaccard(one: Collection[str], other: Collection[str]) -> float:
    """Divide the joints that two sets share by those of either; 1 for two empty sets."""
    either = set(one) | set(other)
    return len(set(one) & set(other)) / len(either) if either else 1.0


def cohens_kappa(one: BoolArray, other: BoolArray) -> float | None:
    """Compute Cohen's kappa of flags, each joint of each segment one decision.

    Parameters
    ----------
    one, other : ndarray (N, 24)
        Flags of the same segments by two judges.

    Returns
    -------
    float or None
        1 for equal flags, 0 for as much agreement as by chance; None where chance alone gives
        full agreement, or without segments.
    """
    if not one.size:
        return None
    agreed = float(np.mean(one == other))
    first, second = float(one.mean()), float(other.mean())
    by_chance = first * second + (1.0 - first) * (1.0 - second)
    return None if by_chance >= 1.0 else (agreed - by_chance) / (1.0 - by_chance)
