"""How fast and how noisy a curve is, and how much smoothing that asks for.

T frames
"""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.medians import median
from qevd_bio.motion.smoothing import SIGMA_S, gaussian_smooth

PERIOD_SHARE = 0.08
"""A noisy curve is smoothed by this share of its period: the fundamental keeps 88 %."""
LONGEST_SIGMA_S = 0.3
NOISE_SHARE = 0.04
"""Noise of a frame, in shares of the curve's range, above which a curve counts as noisy."""
WINDOW_S = 12.0
CLEAR_PEAK = 0.8
"""The period is the first peak of the autocorrelation that reaches this share of the highest."""


def jitter(values: FloatArray) -> float:
    """Estimate the white noise on a smooth curve: second differences hold it root 6 times.

    Parameters
    ----------
    values : ndarray (T,)
        Evenly sampled curve; NaN is left out.

    Returns
    -------
    float
        One standard deviation in the unit of `values`; 0 with fewer than three frames.
    """
    steps = np.diff(values, 2)
    steps = np.abs(steps[np.isfinite(steps)])
    return median(steps) / (0.6745 * np.sqrt(6.0)) if len(steps) else 0.0


def dominant_period_s(
    values: FloatArray, time_s: FloatArray, shortest_s: float, longest_s: float
) -> float | None:
    """Find the time after which a curve is most like itself.

    Parameters
    ----------
    values : ndarray (T,)
        Smooth curve; NaN where unknown, which counts as the median.
    time_s : ndarray (T,)
        Strictly increasing seconds; the median step is taken for all.
    shortest_s, longest_s : float
        Bounds of the period.

    Returns
    -------
    float or None
        Seconds; None where the curve does not repeat.

    Notes
    -----
    The autocorrelation is the mean over windows of `WINDOW_S`, each normalised by itself, so
    that one fall or a change of view weighs no more than its window.
    """
    known = np.isfinite(values)
    if known.sum() < 3:
        return None
    step_s = float(np.median(np.diff(time_s)))
    filled = np.where(known, values, np.median(values[known]))
    width = min(len(filled), max(4, round(WINDOW_S / step_s)))
    starts = np.unique(np.linspace(0, len(filled) - width, 1 + 2 * len(filled) // width))
    likeness = np.mean([_autocorrelation(filled[int(i) : int(i) + width]) for i in starts], axis=0)
    peaks, _ = find_peaks(likeness)
    peaks = peaks[(peaks * step_s >= shortest_s) & (peaks * step_s <= longest_s)]
    if len(peaks) == 0 or likeness[peaks].max() <= 0:
        return None
    clear = likeness[peaks] >= CLEAR_PEAK * likeness[peaks].max()
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

    Parameters
    ----------
    signal, smooth : ndarray (T,)
        The curve as measured and lightly smoothed; NaN where unknown.
    valid : ndarray (T,) of bool
        Frames that hold a measurement.
    noise_share : float
        Share of the range between the 10th and the 90th percentile.

    Returns
    -------
    bool
        False with fewer than three known frames.
    """
    known = np.isfinite(smooth)
    if known.sum() < 3:
        return False
    low, high = np.percentile(smooth[known], [10, 90])
    return bool(jitter(np.where(valid, signal, np.nan)) > noise_share * (high - low))


def smoothing_for(
    signal: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    *,
    shortest_s: float,
    sigma_s: float = SIGMA_S,
    noise_share: float = NOISE_SHARE,
) -> FloatArray:
    """Smooth a curve as much as its noise and its pace ask for.

    Parameters
    ----------
    signal, time_s, valid
        As in `gaussian_smooth`, one curve.
    shortest_s : float
        Least period.
    sigma_s : float
        Least smoothing, which a clean curve gets.
    noise_share : float
        Noise of a frame, in shares of the curve's range, above which it counts as noisy.

    Returns
    -------
    ndarray (T,)
        The smoothed curve.
    """
    fine = gaussian_smooth(signal, time_s, valid, sigma_s)
    if not is_noisy(signal, fine, valid, noise_share):
        return fine
    period_s = dominant_period_s(fine, time_s, shortest_s, LONGEST_SIGMA_S / PERIOD_SHARE)
    if period_s is None or PERIOD_SHARE * period_s <= sigma_s:
        return fine
    return gaussian_smooth(signal, time_s, valid, PERIOD_SHARE * period_s)
