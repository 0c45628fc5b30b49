"""The stick body of the fit: fourteen joints, stiff bones, adult proportions.

T frames, K = 14 joints, B bones, L lengths, R rows of knowledge about lengths
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BODY_JOINTS: tuple[str, ...] = (
    "shoulder_l", "shoulder_r", "elbow_l", "elbow_r", "wrist_l", "wrist_r", "hip_l", "hip_r",
    "knee_l", "knee_r", "ankle_l", "ankle_r", "toe_l", "toe_r",
)  # fmt: skip
K = len(BODY_JOINTS)
N = 3 * K
JOINT = {name: i for i, name in enumerate(BODY_JOINTS)}

LENGTH_NAMES: tuple[str, ...] = (
    "thigh", "shank", "foot", "upper_arm", "forearm", "hip_width", "shoulder_width",
    "trunk_side", "trunk_diagonal",
)  # fmt: skip
LENGTH = {name: i for i, name in enumerate(LENGTH_NAMES)}

# bone: ends, length it shares, slack in metres (bones are stiff, the trunk bends and shrugs)
_BONES: tuple[tuple[str, str, str, float], ...] = (
    ("hip_l", "knee_l", "thigh", 0.010),
    ("hip_r", "knee_r", "thigh", 0.010),
    ("knee_l", "ankle_l", "shank", 0.010),
    ("knee_r", "ankle_r", "shank", 0.010),
    ("ankle_l", "toe_l", "foot", 0.010),
    ("ankle_r", "toe_r", "foot", 0.010),
    ("shoulder_l", "elbow_l", "upper_arm", 0.010),
    ("shoulder_r", "elbow_r", "upper_arm", 0.010),
    ("elbow_l", "wrist_l", "forearm", 0.010),
    ("elbow_r", "wrist_r", "forearm", 0.010),
    ("hip_l", "hip_r", "hip_width", 0.010),
    ("shoulder_l", "shoulder_r", "shoulder_width", 0.025),
    ("shoulder_l", "hip_l", "trunk_side", 0.030),
    ("shoulder_r", "hip_r", "trunk_side", 0.030),
    ("shoulder_l", "hip_r", "trunk_diagonal", 0.030),
    ("shoulder_r", "hip_l", "trunk_diagonal", 0.030),
)
BONE_HEAD = np.array([JOINT[bone[0]] for bone in _BONES])
BONE_TAIL = np.array([JOINT[bone[1]] for bone in _BONES])
BONE_LENGTH = np.array([LENGTH[bone[2]] for bone in _BONES])
BONE_SLACK_M = np.array([bone[3] for bone in _BONES])

# length, length it is compared with, ratio, relative standard deviation (adult proportions)
_PROPORTIONS: tuple[tuple[str, str, float, float], ...] = (
    ("thigh", "shank", 0.98, 0.05),
    ("thigh", "trunk_side", 0.80, 0.08),
    ("upper_arm", "forearm", 1.12, 0.08),
    ("upper_arm", "trunk_side", 0.58, 0.12),
    ("foot", "shank", 0.45, 0.15),
)
"""Ratios between MediaPipe's landmarks, which lie a little off the anatomical centres."""

_PRIOR_FRAMES = 30.0
"""What is known of bodies weighs as much as so many frames."""


def bone_vectors(joints: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return unit vectors (T, B, 3) from tail to head and lengths (T, B)."""
    vectors = joints[:, BONE_HEAD] - joints[:, BONE_TAIL]
    lengths = np.sqrt(np.sum(vectors**2, axis=-1)) + 1e-9
    return vectors / lengths[..., None], lengths


def world_lengths(world: FloatArray, visibility: FloatArray) -> FloatArray:
    """Measure lengths (L,) on world landmarks: the upper quartile of the frames that show a bone.

    Squeezed depth only ever shortens a bone, so the longer readings are the truer ones.
    """
    _, long = bone_vectors(world)
    seen = np.minimum(visibility[:, BONE_HEAD], visibility[:, BONE_TAIL]) > 0.5
    lengths = np.empty(len(LENGTH_NAMES))
    for share in range(len(LENGTH_NAMES)):
        bones = share == BONE_LENGTH
        readings = long[:, bones][seen[:, bones]]
        if len(readings) < 5:
            readings = long[:, bones].ravel()
        lengths[share] = np.percentile(readings, 75.0)
    return lengths


def size_rows(
    lengths: FloatArray, length_sigma_share: float, width_sigma_share: float
) -> tuple[FloatArray, FloatArray]:
    """Write down what is known of a body's lengths before the fit.

    Parameters
    ----------
    lengths : ndarray (L,)
        Lengths by the world landmarks, metres.
    length_sigma_share, width_sigma_share : float
        Relative trust in their overall size, and in their widths.

    Returns
    -------
    rows : ndarray (R, L)
        Each row times the lengths should give its target, to one sigma.
    targets : ndarray (R,)
        Pure numbers.
    """
    rows, targets = [], []
    scale = [LENGTH[name] for name in ("thigh", "shank", "trunk_side")]
    whole = lengths[scale].sum()
    row = np.zeros(len(LENGTH_NAMES))
    row[scale] = 1.0 / (length_sigma_share * whole)
    rows.append(row)
    targets.append(1.0 / length_sigma_share)
    for name in ("hip_width", "shoulder_width", "trunk_diagonal"):
        row = np.zeros(len(LENGTH_NAMES))
        row[LENGTH[name]] = 1.0 / (width_sigma_share * lengths[LENGTH[name]])
        rows.append(row)
        targets.append(1.0 / width_sigma_share)
    for first, second, ratio, sigma in _PROPORTIONS:
        row = np.zeros(len(LENGTH_NAMES))
        expected = sigma * ratio * lengths[LENGTH[second]]
        row[LENGTH[first]], row[LENGTH[second]] = 1.0 / expected, -ratio / expected
        rows.append(row)
        targets.append(0.0)
    heft = np.sqrt(_PRIOR_FRAMES)
    return np.stack(rows) * heft, np.array(targets) * heft
