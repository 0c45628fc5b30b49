"""Which repetitions of a set resemble others of it, in all angles together.

T frames, K angles, C cycles, L levels
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray

LEVELS = np.linspace(0.0, 1.0, 6)
"""Shares of the way to the extreme at which poses are compared: a pause or a change of pace
changes when a pose is passed, not which."""

LEAST_CYCLES = 4
"""Fewer cycles show no usual way."""

COMPANIONS = 2
"""A repetition has this many like it; someone who walks in and out is alike but once."""

UNLIKE_SPREAD = 2.0
"""An unlike cycle differs by more than this, in units of what cycles of the set usually differ."""


def alike(
    frames: IntArray, curve: FloatArray, angles: FloatArray, unlike_range: float
) -> BoolArray:
    """Tell the repetitions of a set from other movement that reaches the extreme, too.

    Parameters
    ----------
    frames : ndarray (C, 3) of int
        Start, key frame and end of each cycle.
    curve : ndarray (T,)
        The curve whose maxima the key frames are; known within the cycles.
    angles : ndarray (T, K)
        rad, known within the cycles.
    unlike_range : float
        An unlike cycle differs by more than this, too, in units of what the set moves.

    Returns
    -------
    ndarray (C,) of bool
        Whether the cycle belongs to the set. All do where there are fewer than `LEAST_CYCLES`.

    Notes
    -----
    Cycles are compared at the same shares of their ways there and back. Their distance is the
    median over the angles of the root mean square chord between directions on the unit circle,
    so neither an angle that jumps by a turn nor one that a tracker loses decides. A shallow or
    faulty repetition differs by less than the set moves and stays.
    """
    count = len(frames)
    if count < LEAST_CYCLES or angles.shape[1] == 0:
        return np.ones(count, dtype=bool)
    poses = angles[np.array([_at_levels(curve, *cycle) for cycle in frames.tolist()])]
    points = np.exp(1j * np.moveaxis(poses, 2, 0))
    closeness = (points @ points.conj().transpose(0, 2, 1)).real / points.shape[2]
    distance = np.median(np.sqrt(np.maximum(2.0 - 2.0 * closeness, 0.0)), axis=0)
    np.fill_diagonal(distance, np.inf)
    nearest = np.sort(distance, axis=1)[:, COMPANIONS - 1]
    moved = poses - poses.mean(axis=1, keepdims=True)
    size = np.sqrt((moved**2).mean(axis=1)).mean(axis=1)
    least = max(
        unlike_range * float(np.median(size)),
        UNLIKE_SPREAD * float(np.median(nearest)),
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
