"""Time between frames, taken from their stamps, and how fast landmarks move.

T frames, E landmarks
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from qevd_bio.arrays import FloatArray, IntArray


def steps_s(time_s: FloatArray, sections: IntArray) -> FloatArray:
    """Seconds from each frame to the next (T,): the median where stamps only jitter about it.

    The stamps of single frames jitter by a tenth while the pictures move evenly.
    """
    if len(time_s) < 2:
        return np.full(len(time_s), 1.0 / 30.0)
    steps = np.diff(time_s)
    inside = np.diff(sections) == 0
    typical = float(np.median(steps[inside])) if inside.any() else float(np.median(steps))
    uneven = inside & (np.abs(np.log(np.maximum(steps, 1e-6) / typical)) > np.log(1.3))
    return np.append(np.where(uneven, np.maximum(steps, 0.2 * typical), typical), typical)


def frame_seconds(steps: FloatArray) -> FloatArray:
    """How long each frame stands for: the mean of the steps before and after it (T,)."""
    before = np.concatenate([steps[:1], steps[:-1]])
    return np.asarray((before + steps) / 2.0)


def speeds(rays: FloatArray, steps: FloatArray, window_frames: int) -> FloatArray:
    """How fast joints (T, E, 2) go across the line of sight, at unit distance (T, E).

    A running median over some frames.
    """
    if len(rays) < 2:
        return np.zeros(rays.shape[:2])
    far = np.linalg.norm(np.diff(rays, axis=0), axis=-1) / steps[:-1, None]
    steady = median_filter(far, (window_frames, 1), mode="nearest")
    return np.concatenate([steady, steady[-1:]])
