"""All angles of a set joined into one curve that separates rest from extreme.

T frames, K angles, C cycles, W windows
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.motion.noise import jitter

WINDOW_S = 12.0
"""The axis is fitted to the cycles within this time on both sides: a new view changes it."""

LEAST_CYCLES = 3
"""With fewer cycles near by the axis of the whole set is used."""

LEAST_NOISE_RAD = np.deg2rad(1.0)
ROBUST = 1.4826
"""Standard deviations in a median absolute deviation."""


def discriminant_curve(
    signal: FloatArray,
    angles: FloatArray,
    smooth: FloatArray,
    time_s: FloatArray,
    frames: IntArray,
) -> FloatArray:
    """Measure in every frame how far the pose is from rest towards the extreme (T,), in rad.

    Parameters
    ----------
    signal : ndarray (T,)
        Angle in rad with its maxima at the extremes; it sets the scale.
    angles, smooth : ndarray (T, K)
        Angles in rad, NaN where unknown, and the same smoothed and known in all frames.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    frames : ndarray (C, 3) of int
        Start, key frame and end of each cycle found so far.

    Notes
    -----
    The curve is 0 at rest and the signal's typical rise at the extreme; NaN where an angle is. Its
    axis is Fisher's linear discriminant of two classes, rest and extreme, with a diagonal scatter:
    the weight of an angle is its way between the two over its variance there, which is its noise
    from frame to frame and its spread between cycles. Medians limit the influence of a wrong
    cycle.
    """
    middle_s = time_s[frames[:, 1]]
    extreme = smooth[frames[:, 1]]
    rest = (smooth[frames[:, 0]] + smooth[frames[:, 2]]) / 2
    noise = np.array([jitter(column) for column in angles.T])

    overall = _axis(extreme, rest, noise)
    centres_s = np.arange(time_s[0], time_s[-1] + WINDOW_S, WINDOW_S / 2)
    axes = []
    for centre_s in centres_s:
        near = np.abs(middle_s - centre_s) <= WINDOW_S
        enough = near.sum() >= LEAST_CYCLES
        axes.append(_axis(extreme[near], rest[near], noise) if enough else overall)
    weights, origin = (
        _interpolated(np.array(part), centres_s, time_s) for part in zip(*axes, strict=True)
    )
    keys, edges = frames[:, 1], frames[:, [0, 2]]
    rise = np.nanmedian(signal[keys]) - np.nanmedian(signal[edges])
    return np.asarray(((angles - origin) * weights).sum(axis=1) * abs(rise))


def _axis(
    extreme: FloatArray, rest: FloatArray, noise: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weigh the angles so that the typical rest lies at 0 and the typical extreme at 1."""
    top, origin = np.median(extreme, axis=0), np.median(rest, axis=0)
    scatter = (
        np.median(np.abs(extreme - top), axis=0) ** 2
        + np.median(np.abs(rest - origin), axis=0) ** 2
    )
    way = top - origin
    weights = way / (noise**2 + ROBUST**2 * scatter / 2 + LEAST_NOISE_RAD**2)
    return weights / float(way @ weights), origin


def _interpolated(values: FloatArray, centres_s: FloatArray, time_s: FloatArray) -> FloatArray:
    """Interpolate linearly from window (W, K) to window."""
    return np.stack([np.interp(time_s, centres_s, column) for column in values.T], axis=1)
