"""One shape of a person, averaged from the shapes of the frames.

T frames, N = 10 shape numbers, W windows
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.record import N_BETAS

WINDOW_S = 3.0
"""The supplement's window, 12 frames at 4 Hz; every frame in it is used."""

FAR = 2.5
"""A shape is left out this many median distances away from the median. Unverified; of normal
noise in ten numbers none is left out (the median distance is 3.1, one in a million 6.9)."""

NEAR_ENOUGH = 0.1
"""... but not when it is this near, in standard deviations of the population. Unverified."""


@dataclass(frozen=True, slots=True)
class AveragedShape:
    """The shape of a person over a video.

    Attributes
    ----------
    betas : ndarray (10,)
        Shape numbers.
    frames : int
        Frames that count.
    frames_left_out : int
        Outlier frames: the shape is wrong or another person's.
    windows : int
        Windows that count.
    spread : float or None
        Root mean square distance of the windows from the average, per shape number, in standard
        deviations of the population: the uncertainty of the shape. None with a single window.
    """

    betas: FloatArray
    frames: int
    frames_left_out: int
    windows: int
    spread: float | None


def average_shape(betas: FloatArray, time_s: FloatArray) -> AveragedShape:
    """Average the shapes of one person robustly (supplement 6.3).

    Parameters
    ----------
    betas : ndarray (T, 10)
        Shape numbers of each frame; rows that are not finite are no shape.
    time_s : ndarray (T,)
        Seconds, increasing.

    Returns
    -------
    AveragedShape

    Raises
    ------
    ValueError
        Shapes do not fit, or no frame has a shape.

    Notes
    -----
    First within windows of 3 s, then over the windows, weighted by their frames. Both times
    shapes far from the median of each number are left out and the rest is averaged. So neither
    single wrong frames count nor a window in which another person was tracked.
    """
    betas, time_s = np.asarray(betas, dtype=np.float64), np.asarray(time_s, dtype=np.float64)
    if betas.shape != (len(time_s), N_BETAS):
        raise ValueError(f"betas have shape {betas.shape}, need ({len(time_s)}, {N_BETAS})")
    has_shape = np.isfinite(betas).all(axis=1)
    if not has_shape.any():
        raise ValueError("no frame has a shape")
    shapes, since = betas[has_shape], time_s[has_shape] - time_s[has_shape][0]
    window = np.floor(since / WINDOW_S).astype(np.int64)
    means, counts = [], []
    for number in np.unique(window):
        held = shapes[window == number]
        kept = held[_near_the_median(held)]
        means.append(kept.mean(axis=0))
        counts.append(len(kept))
    of_window, frames = np.array(means), np.array(counts)
    counting = _near_the_median(of_window)
    average = np.average(of_window[counting], axis=0, weights=frames[counting])
    apart = of_window[counting] - average
    return AveragedShape(
        betas=average,
        frames=int(frames[counting].sum()),
        frames_left_out=len(shapes) - int(frames[counting].sum()),
        windows=int(counting.sum()),
        spread=float(np.sqrt((apart**2).mean())) if counting.sum() > 1 else None,
    )


def _near_the_median(shapes: FloatArray) -> BoolArray:
    distance = np.linalg.norm(shapes - np.median(shapes, axis=0), axis=1)
    near: BoolArray = distance <= max(FAR * float(np.median(distance)), NEAR_ENOUGH)
    # The median of a few different shapes may be near none of them.
    return near if near.any() else np.ones(len(shapes), dtype=np.bool_)
