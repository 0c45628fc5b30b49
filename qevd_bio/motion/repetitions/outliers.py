"""Separates the repetitions of a set from other movement, by all angles together.

T frames, K angles, C cycles, L levels
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray

LEVELS = np.linspace(0.0, 1.0, 6)
"""Shares of the way to the extreme at which poses are compared: a pause or a change of tempo
changes when a pose is passed, not which."""

LEAST_CYCLES = 4
"""Fewer cycles have no outliers."""

NEIGHBOURS = 2
"""An inlier has this many near cycles; walking in and walking out are only near each other."""

OUTLIER_SPREAD = 2.0
"""An outlier is farther than this, in units of the typical distance between cycles of the set."""


def inliers(
    frames: IntArray, curve: FloatArray, angles: FloatArray, outlier_range: float
) -> BoolArray:
    """Find the cycles (C,) that belong to the set; all do with fewer than `LEAST_CYCLES`.

    Parameters
    ----------
    frames : ndarray (C, 3) of int
        Start, key frame and end of each cycle.
    curve, angles : ndarray (T,), ndarray (T, K)
        The curve with its maxima at the key frames, and the angles in rad; known within cycles.
    outlier_range : float
        An outlier is also farther than this, in units of the set's movement.

    Notes
    -----
    Cycles are compared at the same shares of their ways there and back. Their distance is the
    median over the angles of the root mean square chord between directions on the unit circle, so
    neither an angle that jumps by a turn nor one that a tracker loses decides. A shallow or faulty
    repetition is nearer than the set moves and stays.
    """
    count = len(frames)
    if count < LEAST_CYCLES or angles.shape[1] == 0:
        return np.ones(count, dtype=bool)
    poses = angles[np.array([_at_levels(curve, *cycle) for cycle in frames.tolist()])]
    points = np.exp(1j * np.moveaxis(poses, 2, 0))
    closeness = (points @ points.conj().transpose(0, 2, 1)).real / points.shape[2]
    distance = np.median(np.sqrt(np.maximum(2.0 - 2.0 * closeness, 0.0)), axis=0)
    np.fill_diagonal(distance, np.inf)
    nearest = np.sort(distance, axis=1)[:, NEIGHBOURS - 1]
    moved = poses - poses.mean(axis=1, keepdims=True)
    size = np.sqrt((moved**2).mean(axis=1)).mean(axis=1)
    least = max(
        outlier_range * float(np.median(size)),
        OUTLIER_SPREAD * float(np.median(nearest)),
    )
    return np.asarray(nearest <= least)


def _at_levels(curve: FloatArray, start: int, key: int, end: int) -> IntArray:
    """Find the frames where the curve first reaches each level, from both ends to the key."""
    there = np.fmax.accumulate(curve[start : key + 1])
    back = np.fmax.accumulate(curve[key : end + 1][::-1])
    up = np.searchsorted(there, there[0] + LEVELS * (there[-1] - there[0]))
    down = np.searchsorted(back, back[0] + LEVELS * (back[-1] - back[0]))
    return np.concatenate(
        [start + np.minimum(up, key - start), end - np.minimum(down, end - key)[::-1]]
    )
