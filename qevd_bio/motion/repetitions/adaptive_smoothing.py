"""Smoothing by the period of a curve.

T frames
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.smoothing import SIGMA_S, gaussian_smooth

PERIOD_SHARE = 0.09
"""An unclear curve is smoothed by this share of its period: the fundamental keeps 98 %."""
LONGEST_SIGMA_S = 0.3
RIDGE = 0.1
"""Share of the kernel's variance that is added to that of the frames under it."""
WINDOW_S = 12.0
CLEAR_PEAK = 0.8
"""The period is the first peak of the autocorrelation that reaches this share of the highest."""


def dominant_period_s(
    values: FloatArray, time_s: FloatArray, shortest_s: float, longest_s: float
) -> float | None:
    """Find the period of a curve in seconds, within bounds; None where it does not repeat.

    Parameters
    ----------
    values, time_s : ndarray (T,)
        Smooth curve, NaN counts as the median; strictly increasing seconds, of which the median
        step is used for all.
    shortest_s, longest_s : float
        Bounds of the period.

    Notes
    -----
    By the mean autocorrelation over windows of `WINDOW_S`, each normalised by itself, so that a
    single fall or change of view affects only its window.
    """
    known = np.isfinite(values)
    if known.sum() < 3:
        return None
    step_s = float(np.median(np.diff(time_s)))
    filled = np.where(known, values, np.median(values[known]))
    width = min(len(filled), max(4, round(WINDOW_S / step_s)))
    starts = np.unique(np.linspace(0, len(filled) - width, 1 + 2 * len(filled) // width))
    mean = np.mean([_autocorrelation(filled[int(i) : int(i) + width]) for i in starts], axis=0)
    peaks, _ = find_peaks(mean)
    peaks = peaks[(peaks * step_s >= shortest_s) & (peaks * step_s <= longest_s)]
    if len(peaks) == 0 or mean[peaks].max() <= 0:
        return None
    clear = mean[peaks] >= CLEAR_PEAK * mean[peaks].max()
    return float(peaks[clear][0] * step_s)


def _autocorrelation(window: FloatArray) -> FloatArray:
    """Correlate a window with itself; 0 where it does not move."""
    frames = len(window)
    spectrum = np.abs(np.fft.rfft(window - window.mean(), 2 * frames)) ** 2
    product = np.fft.irfft(spectrum)[:frames]
    if product[0] <= 0:
        return np.zeros(frames)
    return np.asarray(product / product[0] * frames / np.maximum(frames - np.arange(frames), 1))


def edge_true_smooth(
    signal: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    sigma_s: float,
    cuts: Sequence[int] = (),
) -> FloatArray:
    """Smooth one curve (T,) as `gaussian_smooth` does, without drawing its ends inwards.

    A straight line is fitted with the same weights; inside, where the weights are even, it gives
    the mean. So how far a movement is gone at the first and last frame stays to be seen, and so
    at the frames `cuts`, before which another recording ends.
    """
    if len(cuts):
        bounds = pairwise([0, *cuts, len(signal)])
        parts = [slice(first, stop) for first, stop in bounds if first < stop]
        return np.concatenate(
            [edge_true_smooth(signal[p], time_s[p], valid[p], sigma_s) for p in parts]
        )
    clock_s = time_s - time_s[:1]
    curves = np.column_stack([signal, clock_s, clock_s**2, clock_s * signal])
    known = np.isfinite(signal)
    mean, at_s, squared, product = gaussian_smooth(curves, time_s, valid & known, sigma_s).T
    spread = squared - at_s**2
    slope = (product - at_s * mean) / (spread + RIDGE * sigma_s**2)
    return np.asarray(np.where(valid & known, mean + slope * (clock_s - at_s), mean))


def smooth_by_period(
    signal: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    shortest_s: float,
    longest_s: float,
    sigma_s: float = SIGMA_S,
    cuts: Sequence[int] = (),
) -> FloatArray:
    """Smooth one curve (T,) by a share of its period, by `sigma_s` where that is more.

    `signal`, `time_s`, `valid`, `cuts` as in `edge_true_smooth`; the period is sought within the
    bounds. What a first smoothing leaves is smoothed and added (Tukey's twicing), so that a
    repetition that is quick and shallow keeps its height.
    """
    fine = gaussian_smooth(signal, time_s, valid, sigma_s)
    period_s = dominant_period_s(fine, time_s, shortest_s, longest_s)
    if period_s is None:
        return edge_true_smooth(signal, time_s, valid, sigma_s, cuts)
    wide_s = min(PERIOD_SHARE * period_s, LONGEST_SIGMA_S)
    own = (time_s, valid, max(sigma_s, wide_s), cuts)
    smooth = edge_true_smooth(signal, *own)
    return smooth + edge_true_smooth(signal - smooth, *own)
