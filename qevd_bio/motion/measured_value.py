"""Values of a measure within a cycle: the number and its noise, or the reason there is none.

T frames
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.medians import median, medians_of_known, quantile
from qevd_bio.motion.noise import jitter, without_outliers
from qevd_bio.motion.repetitions.cycles import Cycle

LEAST_CONFIDENCE = 0.5
KEY_REACH_S = 0.1
"""A value at a frame is the median within this time on both sides."""
KEY_REACH_SHARE = 0.05
"""Upper bound of that time, as a share of the cycle, so that fast extremes are not cut off."""
TRIMMED_SHARE = 0.03
"""The outermost value of a cycle is the one that this share of it reaches or exceeds."""
NOISE_CORRELATION_S = 0.2
"""Noise of frames nearer than this is correlated; further apart it is independent."""


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One measured number with its noise and status.

    Attributes
    ----------
    value, sigma : float or None
        In the constraint's unit; None when there is none.
    status, reason : str
        As in `Finding` of `constraints`.
    """

    value: float | None
    sigma: float | None
    status: str
    reason: str


def unmeasurable(reason: str) -> MeasuredValue:
    """Return a value without a number, with the reason."""
    return MeasuredValue(None, None, "unmeasurable", reason)


def value_at(
    values: FloatArray, valid: BoolArray, confidence: FloatArray, sigma: float
) -> MeasuredValue:
    """Estimate a measure robustly within a short time.

    Parameters
    ----------
    values : ndarray (T,)
        The measure over the frames of that time; NaN where unknown.
    valid, confidence : ndarray (T,)
        Of the motion, the same frames.
    sigma : float
        Noise of one frame's value in the same unit.

    Returns
    -------
    MeasuredValue
        The median of the known frames. Its sigma is that of one frame: errors of neighbouring
        frames are correlated, so more frames do not reduce it.

    Notes
    -----
    Unmeasurable when sigma is not finite or fewer than half of the frames are known;
    low_confidence when the median confidence is below `LEAST_CONFIDENCE`.
    """
    if not math.isfinite(sigma):
        return unmeasurable(_without_noise(sigma))
    known = valid & np.isfinite(values)
    count = np.count_nonzero(known)
    if count == 0 or 2 * count < len(values):
        return unmeasurable("the person or joint is not seen there")
    if count < len(values):
        values, confidence = values[known], confidence[known]
    return _with_confidence(median(values), sigma, confidence)


def in_passage(values: FloatArray, sigma: float) -> float:
    """Widen the noise of a value at a frame by how far the measure goes meanwhile.

    Parameters
    ----------
    values : ndarray (T,)
        The measure over the frames of the value's window; NaN where unknown.
    sigma : float
        Noise of one frame's value in the same unit.

    Notes
    -----
    Noise that is alike over `NOISE_CORRELATION_S` moves the frame that is found by about half of
    it, the reach of the window. At an extreme or at rest that changes nothing; in a fast passage
    the value read is that of another moment. The way is that of a straight line through the known
    frames, less what noise alone would show. Its slope is the median of those between all pairs
    of frames (Theil and Sen), so that single outliers change nothing.
    """
    if not math.isfinite(sigma):
        return sigma
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 3:
        return sigma
    first, second = _pairs(len(known))
    apart = (known[second] - known[first]) * (2.0 / (len(values) - 1))
    seen = values[known]
    way = median((seen[second] - seen[first]) / apart)
    squares = float(apart @ apart) / len(known)
    return math.sqrt(sigma**2 + max(0.0, way**2 - sigma**2 / squares))


@lru_cache(maxsize=64)
def _pairs(count: int) -> tuple[IntArray, IntArray]:
    first, second = np.triu_indices(count, 1)
    return first, second


def spread_over(
    values: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    confidence: FloatArray,
    sigma: float,
    limit: float,
) -> MeasuredValue:
    """Estimate how much a measure moves within a cycle, without the noise.

    Parameters
    ----------
    values, time_s, valid, confidence, sigma
        As in `value_at`, frames of the cycle only.
    limit : float
        The spread it will be compared with, in the same unit.

    Returns
    -------
    MeasuredValue
        ``sqrt(max(0, sd^2 - jitter^2))`` and its standard error.

    Notes
    -----
    The supplement's "variance < 5 degrees" is a standard deviation in degrees (section 4 names
    a variance; its unit and its examples mean the deviation). Outliers are replaced first (see
    `without_outliers`). Only jitter between frames is subtracted, by the second differences and
    never more than sigma: the rest of sigma may be an offset, which does not spread, or slow
    noise, which does. So the standard error, besides that of a sample variance (one sample per
    `NOISE_CORRELATION_S`, at the larger of spread and limit), has half of what slow noise of
    this size adds to such a spread: a guard band of two standard errors covers it.
    """
    if not math.isfinite(sigma):
        return unmeasurable(_without_noise(sigma))
    known = valid & np.isfinite(values)
    count = np.count_nonzero(known)
    if count < 3 or 2 * count < len(values):
        return unmeasurable("the person or joint is not seen for most of it")
    calm = without_outliers(values[known])
    noise = min(sigma, jitter(calm))
    spread = math.sqrt(max(0.0, float(np.var(calm)) - noise**2))
    samples = max(2.0, float(time_s[-1] - time_s[0]) / NOISE_CORRELATION_S)
    size = max(spread, limit)
    error = math.sqrt((2 * sigma**4 + 4 * sigma**2 * size**2) / samples) / (2 * size)
    slow = size - math.sqrt(max(0.0, size**2 - (sigma**2 - noise**2)))
    return _with_confidence(spread, error + slow / 2.0, confidence[known])


@dataclass(frozen=True, slots=True)
class Extreme:
    """The frame where a measure is farthest out in a cycle, and on which end of its target."""

    frame: int
    above: bool


def farthest_out(smooth: FloatArray, target_low: float, target_high: float) -> Extreme | None:
    """Find the end of the target that a measure passes most, or comes nearest to.

    `smooth` (T,) is the measure over the frames of a cycle, as `median_smooth` gives it, in the
    unit of the target. The frame counts from the first; None where nothing is known.
    """
    known = smooth[np.isfinite(smooth)]
    if len(known) == 0:
        return None
    low, high = (quantile(known, share) for share in (TRIMMED_SHARE, 1.0 - TRIMMED_SHARE))
    above = bool(high - target_high >= target_low - low)
    return Extreme(int(np.nanargmax(smooth) if above else np.nanargmin(smooth)), above)


def median_smooth(values: FloatArray, valid: BoolArray, reach_frames: int) -> FloatArray:
    """Compute the running median (T,) of the known frames within a reach on both sides."""
    known = np.where(valid, values, np.nan)
    padded = np.pad(known, reach_frames, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach_frames + 1)
    smooth = np.full(len(values), np.nan)
    some = np.isfinite(known)
    if some.any():
        smooth[some] = medians_of_known(windows[some])
    return smooth


def extreme_over(
    smooth: FloatArray, confidence: FloatArray, sigma: float, *, above: bool, reach_frames: int
) -> MeasuredValue:
    """Estimate how far a measure goes within a cycle.

    Parameters
    ----------
    smooth, confidence : ndarray (T,)
        The measure over the frames of a cycle, as `median_smooth` gives it; NaN where unknown.
    sigma : float
        Noise of one frame's value.
    above : bool
        Whether the largest value is meant, not the smallest.
    reach_frames : int
        Of the running median.

    Returns
    -------
    MeasuredValue
        The value that `TRIMMED_SHARE` of the known frames reach, less what noise adds to it.

    Notes
    -----
    The largest of noisy values is too large. To estimate by how much, the noise that the median
    leaves is added once more, and the quantile's gain is subtracted. Errors slower than the median
    move the value like an offset; the guard band covers these, so sigma stays that of one frame.
    """
    known = np.isfinite(smooth)
    if not np.isfinite(sigma):
        return unmeasurable(_without_noise(sigma))
    if known.sum() < 3 or 2 * known.sum() < len(smooth):
        return unmeasurable("the person or joint is not seen for most of it")
    share = 1.0 - TRIMMED_SHARE if above else TRIMMED_SHARE
    once = quantile(smooth[known], share)
    left = sigma * np.sqrt(np.pi / 2.0 / (2 * reach_frames + 1)) if reach_frames else sigma
    twice = quantile(np.add.outer(smooth[known], left * _NORMAL), share)
    return _with_confidence(2.0 * once - twice, sigma, confidence[known])


_NORMAL: FloatArray = np.asarray(ndtri((np.arange(21) + 0.5) / 21))
"""Evenly likely values of a standard normal distribution."""


def difference(one: MeasuredValue, other: MeasuredValue) -> MeasuredValue:
    """Subtract one measured number from another, with the noise of both."""
    for part in (one, other):
        if part.status != "measured":
            return MeasuredValue(None, None, part.status, part.reason)
    sigma = float(np.hypot(one.sigma or 0.0, other.sigma or 0.0))
    return MeasuredValue((one.value or 0.0) - (other.value or 0.0), sigma, "measured", "")


def _without_noise(sigma: float) -> str:
    undefined = np.isnan(sigma)
    return "it is undefined in this pose" if undefined else "the joints it needs are not observed"


def _with_confidence(value: float, sigma: float, confidence: FloatArray) -> MeasuredValue:
    level = median(confidence)
    if level < LEAST_CONFIDENCE:
        reason = f"confidence {level:.2f} is below {LEAST_CONFIDENCE:.2f}"
        return MeasuredValue(value, sigma, "low_confidence", reason)
    return MeasuredValue(value, sigma, "measured", "")


def key_reach_s(cycle: Cycle) -> float:
    """Return the time on both sides of a frame within which its value is measured."""
    return min(KEY_REACH_S, KEY_REACH_SHARE * (cycle.end_s - cycle.start_s))


def key_window_s(frame_s: float, cycle: Cycle) -> tuple[float, float]:
    """Return the interval around a frame within which its value is measured."""
    reach_s = key_reach_s(cycle)
    return frame_s - reach_s, frame_s + reach_s
