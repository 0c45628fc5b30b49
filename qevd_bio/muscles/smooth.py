"""Coordinates over time to smooth ones with speeds and accelerations.

T frames, N coordinates
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import butter, filtfilt

from qevd_bio.arrays import FloatArray

CUTOFF_HZ = 6.0
FILTERED_S = 0.5
"""Least length of a motion that is filtered, in seconds."""

_ORDER = 4


def smooth_coordinates(
    q: FloatArray, time_s: FloatArray, cutoff_hz: float = CUTOFF_HZ
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Low-pass coordinates and differentiate them twice.

    Parameters
    ----------
    q : ndarray (T, N)
        rad or metres, unwrapped and finite.
    time_s : ndarray (T,)
        Strictly increasing seconds, evenly spaced or not.
    cutoff_hz : float
        -3 dB of the zero-lag Butterworth filter of order 4.

    Returns
    -------
    q, dq, ddq : ndarray (T, N)
        Smooth coordinates with their first and second derivatives by time.

    Raises
    ------
    ValueError
        Less than half a second, or too few frames a second for the filter.

    Notes
    -----
    The signal is filtered on an even grid at the median rate; ends are continued by point
    reflection (`scipy.signal.filtfilt`), so their accelerations are the least certain.
    """
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else np.inf
    length_s = float(time_s[-1] - time_s[0])
    if length_s < FILTERED_S or 0.5 / step_s < 1.1 * cutoff_hz:
        raise ValueError(
            f"{length_s:.2f} s at {1 / step_s:.1f} frames a second are too little for a "
            f"low-pass at {cutoff_hz:g} Hz"
        )
    count = max(round(length_s / step_s) + 1, 16)
    even_s = np.linspace(time_s[0], time_s[-1], count)
    # filtered forwards and backwards: each pass takes half of the -3 dB
    corner = cutoff_hz / (np.sqrt(2.0) - 1.0) ** (1.0 / _ORDER)
    half_rate = 0.5 * (count - 1) / length_s
    b, a = butter(_ORDER // 2, min(corner / half_rate, 0.99))
    padded = min(round(1.0 / step_s), count - 2)
    low = filtfilt(b, a, CubicSpline(time_s, q, axis=0)(even_s), axis=0, padlen=padded)
    curve = CubicSpline(even_s, low, axis=0)
    return curve(time_s), curve(time_s, 1), curve(time_s, 2)
