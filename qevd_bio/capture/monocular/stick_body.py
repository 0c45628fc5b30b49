"""The stick body of the fit: fourteen joints, stiff bones, adult proportions.

T frames, K = 14 joints, L = 8 lengths, R rows of knowledge about lengths
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import JOINT_INDEX

BODY_JOINTS: tuple[str, ...] = (
    "shoulder_l", "shoulder_r", "elbow_l", "elbow_r", "wrist_l", "wrist_r", "hip_l", "hip_r",
    "knee_l", "knee_r", "ankle_l", "ankle_r", "toe_l", "toe_r",
)  # fmt: skip
K = len(BODY_JOINTS)
_IN_SKEL = {
    "shoulder": "humerus", "elbow": "ulna", "wrist": "hand", "hip": "femur", "knee": "tibia",
    "ankle": "talus", "toe": "toes",
}  # fmt: skip
SKEL_JOINTS: tuple[int, ...] = tuple(
    JOINT_INDEX[_IN_SKEL[name[:-2]] + name[-2:]] for name in BODY_JOINTS
)
"""Where each joint is among SKEL's 24."""
JOINT = {name: i for i, name in enumerate(BODY_JOINTS)}

LENGTH_NAMES: tuple[str, ...] = (
    "thigh", "shank", "foot", "upper_arm", "forearm", "hip_width", "shoulder_width", "trunk",
)  # fmt: skip
LENGTH = {name: i for i, name in enumerate(LENGTH_NAMES)}

# length, lengths it is compared with, ratio, relative standard deviation
_PROPORTIONS: tuple[tuple[str, tuple[str, ...], float, float], ...] = (
    ("thigh", ("shank",), 0.95, 0.07),
    ("trunk", ("thigh", "shank"), 0.57, 0.06),
    ("upper_arm", ("forearm",), 1.10, 0.09),
    ("upper_arm", ("trunk",), 0.59, 0.08),
    ("foot", ("shank",), 0.37, 0.12),
    ("hip_width", ("thigh", "shank"), 0.255, 0.10),
    ("shoulder_width", ("thigh", "shank"), 0.44, 0.10),
)
"""Adult proportions between joint centres: about the middle of `bodies.PROPORTIONS` and of the
rendered bodies, with room for both (unverified against anthropometric tables)."""

_SIZE = ("thigh", "shank", "trunk")


def standing_size_m(world: FloatArray, visibility: FloatArray) -> float:
    """Measure thigh, shank and trunk, added up, on world landmarks (T, K, 3), in metres.

    Notes
    -----
    The upper quartile of the frames that show a segment: squeezed depth only ever shortens it.
    The landmarks' offsets from the joint centres cancel in the sum.
    """

    def reading(vectors: FloatArray, seen: FloatArray) -> float:
        long = np.linalg.norm(vectors, axis=-1)
        shown = long[seen > 0.5]
        return float(np.percentile(shown if len(shown) >= 5 else long.ravel(), 75.0))

    def pair(name: str) -> tuple[FloatArray, FloatArray]:
        take = [JOINT[f"{name}_l"], JOINT[f"{name}_r"]]
        return world[:, take], visibility[:, take]

    (hip, hip_v), (knee, knee_v), (ankle, ankle_v), (top, top_v) = (
        pair(name) for name in ("hip", "knee", "ankle", "shoulder")
    )
    trunk = top.mean(axis=1) - hip.mean(axis=1)
    return (
        reading(hip - knee, np.minimum(hip_v, knee_v))
        + reading(knee - ankle, np.minimum(knee_v, ankle_v))
        + reading(trunk, np.minimum(top_v, hip_v).min(axis=1))
    )


def usual_lengths(size_m: float) -> FloatArray:
    """Give the lengths (L,) of a body of average proportions and a given standing size."""
    shank = size_m / ((1.0 + 0.95) * (1.0 + 0.57))
    leg, trunk = 1.95 * shank, 0.57 * 1.95 * shank
    upper_arm = 0.59 * trunk
    lengths = {
        "thigh": 0.95 * shank, "shank": shank, "foot": 0.37 * shank, "upper_arm": upper_arm,
        "forearm": upper_arm / 1.10, "hip_width": 0.255 * leg, "shoulder_width": 0.44 * leg,
        "trunk": trunk,
    }  # fmt: skip
    return np.array([lengths[name] for name in LENGTH_NAMES])


def size_rows(size_m: float, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Write down what is known of a body's lengths before the fit.

    The size, thigh, shank and trunk added up, with its relative standard deviation fixes the
    scale. Each row (R, L) times the lengths should give its target (R,) to one sigma.
    """
    usual = usual_lengths(size_m)
    rows = np.zeros((1 + len(_PROPORTIONS), len(LENGTH_NAMES)))
    targets = np.zeros(len(rows))
    rows[0, [LENGTH[name] for name in _SIZE]] = 1.0 / (sigma * size_m)
    targets[0] = 1.0 / sigma
    for row, (first, others, ratio, spread) in zip(rows[1:], _PROPORTIONS, strict=True):
        spread_m = spread * usual[LENGTH[first]]
        row[LENGTH[first]] += 1.0 / spread_m
        row[[LENGTH[name] for name in others]] -= ratio / spread_m
    return rows, targets
