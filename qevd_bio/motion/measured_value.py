"""What a measure is worth within a cycle: a number, its noise, or why there is none.

T frames
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.medians import median, medians_of_known
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.motion.repetitions.pace import jitter

LEAST_CONFIDENCE = 0.5
KEY_REACH_S = 0.1
"""A value at a frame is the median within this time on both sides ..."""
KEY_REACH_SHARE = 0.05
"""... but within no more than this share of the cycle, so that fast extremes are not cut off."""
TRIMMED_SHARE = 0.03
"""The outermost value of a cycle is the one that this share of it reaches or exceeds."""
NOISE_CORRELATION_S = 0.2
"""Frames nearer than this share their noise; further apart they count as independent."""


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One measured number and what it rests on.

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
    """Say why there is no number."""
    return MeasuredValue(value=None, sigma=None, status="unmeasurable", reason=reason)


def value_at(
    values: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    confidence: FloatArray,
    sigma: float,
    *,
    from_s: float,
    to_s: float,
) -> MeasuredValue:
    """Take the robust value of a measure within a short time.

    Parameters
    ----------
    values : ndarray (T,)
        The measure; NaN where unknown.
    time_s, valid, confidence : ndarray (T,)
        Of the motion.
    sigma : float
        Noise of one frame's value in the same unit.
    from_s, to_s : float
        The time, both ends included.

    Returns
    -------
    MeasuredValue
        The median of the known frames. Its sigma is that of one frame: errors of neighbouring
        frames are alike, so their number does not make it better.

    Notes
    -----
    Unmeasurable when sigma is not finite or fewer than half of the frames are known;
    low_confidence when the median confidence is below `LEAST_CONFIDENCE`.
    """
    if not math.isfinite(sigma):
        return unmeasurable(_without_noise(sigma))
    inside = (time_s >= from_s) & (time_s <= to_s)
    known = inside & valid & np.isfinite(values)
    seen = np.count_nonzero(known)
    if seen == 0 or 2 * seen < np.count_nonzero(inside):
        return unmeasurable("the person or joint is not seen there")
    return _with_confidence(median(values[known]), sigma, confidence[known])


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
    values, time_s, valid, confidence : ndarray (T,)
        Frames of the cycle only.
    sigma : float
        Noise of one frame's value.
    limit : float
        The spread it will be compared with, in the same unit.

    Returns
    -------
    MeasuredValue
        ``sqrt(max(0, sd^2 - jitter^2))`` and its standard error.

    Notes
    -----
    The supplement's "variance < 5 degrees" is a standard deviation in degrees (section 4 names
    a variance, its unit and its examples say deviation). Only jitter between frames is taken
    off, seen in the second differences and never more than sigma: the rest of sigma may be an
    offset, which spreads nothing. The standard error counts all of sigma as noise that could
    have moved the curve: the variance of a sample variance, one sample per
    `NOISE_CORRELATION_S`, at the larger of spread and limit.
    """
    if not math.isfinite(sigma):
        return unmeasurable(_without_noise(sigma))
    known = valid & np.isfinite(values)
    seen = np.count_nonzero(known)
    if seen < 3 or 2 * seen < len(values):
        return unmeasurable("the person or joint is not seen for most of it")
    noise = min(sigma, jitter(values[known]))
    spread = float(np.sqrt(max(0.0, float(np.var(values[known])) - noise**2)))
    samples = max(2.0, float(time_s[-1] - time_s[0]) / NOISE_CORRELATION_S)
    size = max(spread, limit)
    error = float(np.sqrt(2 * sigma**4 + 4 * sigma**2 * size**2) / (2 * size * np.sqrt(samples)))
    return _with_confidence(spread, error, confidence[known])


@dataclass(frozen=True, slots=True)
class Extreme:
    """Where a measure lies farthest out within a cycle, and on which end of its target."""

    frame: int
    above: bool


def farthest_out(smooth: FloatArray, target_low: float, target_high: float) -> Extreme | None:
    """Find the end of the target that a measure passes most, or comes nearest to.

    Parameters
    ----------
    smooth : ndarray (T,)
        The measure over the frames of a cycle, as `median_smooth` gives it.
    target_low, target_high : float
        In the same unit.

    Returns
    -------
    Extreme or None
        The frame counts from the first; None where nothing is known.
    """
    known = smooth[np.isfinite(smooth)]
    if len(known) == 0:
        return None
    low, high = np.quantile(known, [TRIMMED_SHARE, 1.0 - TRIMMED_SHARE])
    above = bool(high - target_high >= target_low - low)
    return Extreme(int(np.nanargmax(smooth) if above else np.nanargmin(smooth)), above)


def median_smooth(values: FloatArray, valid: BoolArray, reach_frames: int) -> FloatArray:
    """Take the running median over the known frames within a reach on both sides."""
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
    smooth : ndarray (T,)
        The measure over the frames of a cycle, as `median_smooth` gives it; NaN where unknown.
    confidence : ndarray (T,)
        Of the same frames.
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
    The largest of noisy values is too large. How much is seen by adding the noise once more,
    as much of it as the median leaves: what the quantile gains by a second helping is taken
    off as the first. Errors slower than the median move the value like an offset; they are
    what the guard band is for, so the sigma stays that of one frame.
    """
    known = np.isfinite(smooth)
    if not np.isfinite(sigma):
        return unmeasurable(_without_noise(sigma))
    if known.sum() < 3 or 2 * known.sum() < len(smooth):
        return unmeasurable("the person or joint is not seen for most of it")
    share = 1.0 - TRIMMED_SHARE if above else TRIMMED_SHARE
    once = np.quantile(smooth[known], share)
    left = sigma * np.sqrt(np.pi / 2.0 / (2 * reach_frames + 1)) if reach_frames else sigma
    twice = np.quantile(np.add.outer(smooth[known], left * _NORMAL), share)
    return _with_confidence(float(2.0 * once - twice), sigma, confidence[known])


_NORMAL: FloatArray = np.asarray(ndtri((np.arange(21) + 0.5) / 21))
"""Evenly likely values of a standard normal distribution."""


def difference(one: MeasuredValue, other: MeasuredValue) -> MeasuredValue:
    """Subtract one measured number from another, with the noise of both."""
    for evidence in (one, other):
        if evidence.status != "measured":
            return MeasuredValue(None, None, evidence.status, evidence.reason)
    sigma = float(np.hypot(one.sigma or 0.0, other.sigma or 0.0))
    return MeasuredValue((one.value or 0.0) - (other.value or 0.0), sigma, "measured", "")


def _without_noise(sigma: float) -> str:
    undefined = np.isnan(sigma)
    return "it is undefined in this pose" if undefined else "the joints it needs are not observed"


def _with_confidence(value: float, sigma: float, confidence: FloatArray) -> MeasuredValue:
    level = median(confidence)
    if level < LEAST_CONFIDENCE:
        reason = f"confidence {level:.2f} is below {LEAST_CONFIDENCE:.2f}"
        return MeasuredValue(value=value, sigma=sigma, status="low_confidence", reason=reason)
    return MeasuredValue(value=value, sigma=sigma, status="measured", reason="")


def key_reach_s(cycle: Cycle) -> float:
    """Give the time on both sides of a frame within which its value is taken."""
    return min(KEY_REACH_S, KEY_REACH_SHARE * (cycle.end_s - cycle.start_s))


def key_window_s(frame_s: float, cycle: Cycle) -> tuple[float, float]:
    """Give the time around a frame within which its value is taken."""
    reach_s = key_reach_s(cycle)
    return frame_s - reach_s, frame_s + reach_s
