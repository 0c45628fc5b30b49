"""Medians of short windows.

T frames, N windows, W frames a window
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray


def median(values: FloatArray) -> float:
    """Return the middle number, or the mean of the two middle ones.

    Parameters
    ----------
    values : ndarray (T,)
        Finite numbers, at least one.

    Returns
    -------
    float
        What `np.median` returns, which takes ten times longer for a few numbers.
    """
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float((ordered[middle] + ordered[~middle]) / 2)


def medians_of_known(windows: FloatArray) -> FloatArray:
    """Return the median of the known numbers of each window.

    Parameters
    ----------
    windows : ndarray (N, W)
        NaN where unknown.

    Returns
    -------
    ndarray (N,)
        What `np.nanmedian` returns along the windows, which takes ten times longer; NaN where
        nothing is known.
    """
    ordered = np.sort(windows, axis=1)
    known = np.isfinite(ordered).sum(axis=1)
    row = np.arange(len(ordered))
    lower, upper = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, ordered.shape[1] - 1)
    return np.asarray((ordered[row, lower] + ordered[row, upper]) / 2)
