"""Smoothing by the noise and the period of a curve.

T frames
"""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.noise import jitter
from qevd_bio.motion.smoothing import SIGMA_S, gaussian_smooth

PERIOD_SHARE = 0.08
"""A noisy curve is smoothed by this share of its period: the fundamental keeps 88 %."""
LONGEST_SIGMA_S = 0.3
NOISE_SHARE = 0.04
"""Noise of a frame, in shares of the curve's range, above which a curve counts as noisy."""
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


def is_noisy(signal: FloatArray, smooth: FloatArray, valid: BoolArray, noise_share: float) -> bool:
    """Check whether the noise of a frame exceeds a share of a curve's range.

    `signal` and `smooth` (T,) are the curve as measured and lightly smoothed, NaN where unknown.
    Its range is that between the 10th and the 90th percentile. False with fewer than three known
    frames.
    """
    known = np.isfinite(smooth)
    if known.sum() < 3:
        return False
    low, high = np.percentile(smooth[known], [10, 90])
    return bool(jitter(np.where(valid, signal, np.nan)) > noise_share * (high - low))


def smooth_adaptively(
    signal: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    shortest_s: float,
    sigma_s: float = SIGMA_S,
    noise_share: float = NOISE_SHARE,
) -> FloatArray:
    """Smooth one curve (T,): a noisy one by a share of its period, a clean one by `sigma_s`.

    `signal`, `time_s`, `valid` as in `gaussian_smooth`, `noise_share` as in `is_noisy`; no period
    is shorter than `shortest_s`.
    """
    fine = gaussian_smooth(signal, time_s, valid, sigma_s)
    if not is_noisy(signal, fine, valid, noise_share):
        return fine
    period_s = dominant_period_s(fine, time_s, shortest_s, LONGEST_SIGMA_S / PERIOD_SHARE)
    if period_s is None or PERIOD_SHARE * period_s <= sigma_s:
        return fine
    return gaussian_smooth(signal, time_s, valid, PERIOD_SHARE * period_s)
