"""The cheapest path through a few states a frame."""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray


def cheapest_path(cost: FloatArray, fee: FloatArray) -> IntArray:
    """Choose states (T,) by their cost (S, T) and the fee for changes (S, S, T - 1)."""
    frames = cost.shape[1]
    came_from = np.zeros((frames, len(cost)), dtype=np.int64)
    total = cost[:, 0]
    for t in range(1, frames):
        reached = total[:, None] + fee[:, :, t - 1]
        came_from[t] = reached.argmin(axis=0)
        total = reached.min(axis=0) + cost[:, t]
    path = np.zeros(frames, dtype=np.int64)
    path[-1] = total.argmin()
    for t in range(frames - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path
