"""Frame-to-frame noise of angles, read off the angles themselves.

T frames, D = 46 DoF
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray


def jitter_sigma(q: FloatArray, sections: NDArray[np.int64]) -> FloatArray:
    """Estimate the frame-to-frame noise of each angle.

    Parameters
    ----------
    q : ndarray (T, 46)
        Unwrapped angles in rad.
    sections : ndarray (T,) of int
        Uninterrupted stretches.

    Returns
    -------
    ndarray (46,)
        rad; 0 when no stretch has four frames.

    Notes
    -----
    From third differences, which movement slower than the frame rate hardly enters; the
    median keeps single jumps out: median |d3| = 0.6745 sqrt(20) sigma for white noise.
    """
    if len(q) < 4:
        return np.zeros(q.shape[1])
    third = np.diff(q, n=3, axis=0)
    inside = sections[3:] == sections[:-3]
    if not inside.any():
        return np.zeros(q.shape[1])
    return np.asarray(np.median(np.abs(third[inside]), axis=0) / (0.6745 * np.sqrt(20.0)))
