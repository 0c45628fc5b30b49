"""Repetition counting of other projects, re-implemented from their publications.

T frames, K curves
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, savgol_filter

from qevd_bio.arrays import FloatArray, IntArray

Spans = list[tuple[int, int]]


def between_valleys(curve: FloatArray, peaks: IntArray) -> Spans:
    """Give every peak the span between the lowest points on its two sides."""
    bounds = [0, *(int(p) for p in peaks), len(curve) - 1]
    lows = [a + int(np.argmin(curve[a : b + 1])) for a, b in pairwise(bounds)]
    return list(pairwise(lows)) if len(peaks) else []


def plain_peaks(curve_rad: FloatArray, rate_hz: float) -> Spans:
    """Peaks of 30 degrees prominence half a second apart: the naive method."""
    smooth = gaussian_filter1d(curve_rad, 2 * rate_hz / 30)
    peaks, _ = find_peaks(smooth, prominence=np.deg2rad(30), distance=max(1, 0.5 * rate_hz))
    return between_valleys(smooth, peaks)


def gyml_distance(curves: FloatArray, rate_hz: float) -> Spans:
    """GyML: peaks of the L2 distance of the pose from the first pose, Gaussian smoothed."""
    distance = np.linalg.norm(curves - curves[0], axis=1)
    smooth = gaussian_filter1d(distance, 2 * rate_hz / 30)
    peaks, _ = find_peaks(smooth)
    return between_valleys(smooth, peaks)


def bige_velocity(right_rad: FloatArray, left_rad: FloatArray, rate_hz: float) -> Spans:
    """BIGE: valleys of the faster knee's speed among the slowest 10 %; the best three pairs.

    The paper keeps three repetitions of each recording whatever it holds, none above two
    seconds on average, so it cannot count; 21 frames and 6 frames at 60 fps are kept in seconds.
    """
    window = max(5, int(0.35 * rate_hz) // 2 * 2 + 1)
    if len(right_rad) <= window:
        return []
    speed = np.max(
        [
            np.abs(savgol_filter(side, window, 3, deriv=1, delta=1 / rate_hz))
            for side in (right_rad, left_rad)
        ],
        axis=0,
    )
    stops, _ = find_peaks(-speed, distance=max(1, 0.1 * rate_hz))
    stops = stops[speed[stops] <= np.percentile(speed, 10)]
    knee = (right_rad + left_rad) / 2
    pairs = [(int(a), int(b)) for a, b in combinations(stops, 2) if 0.5 <= (b - a) / rate_hz <= 2]
    grid = np.linspace(0, 1, 101)
    spread = []
    for a, b in pairs:
        cycle = np.interp(grid, np.linspace(0, 1, b - a + 1), knee[a : b + 1])
        spread.append(abs(cycle[0] - cycle[-1]) - np.ptp(cycle))
    chosen: Spans = []
    for i in np.argsort(spread):
        a, b = pairs[int(i)]
        if all(b <= c or a >= d for c, d in chosen):
            chosen.append((a, b))
        if len(chosen) == 3:
            break
    return sorted(chosen)


def pelvis_height(height_m: FloatArray, rate_hz: float) -> Spans:
    """OpenCap: squats are valleys of the pelvis height, 0.2 m prominent."""
    peaks, _ = find_peaks(-height_m, prominence=0.2, distance=max(1, 0.7 * rate_hz))
    return between_valleys(-height_m, peaks)


def released_biocoach(curve_rad: FloatArray, rate_hz: float) -> Spans:
    """Return half spans between neighbouring extremes, then peak to peak, as BioCoach released.

    It counts frames (10 to 120 of 30 fps, extremes 5 apart), so the curve is brought to 30 fps.
    """
    frames = max(2, round(len(curve_rad) * 30 / rate_hz))
    at = np.linspace(0, len(curve_rad) - 1, frames)
    curve = gaussian_filter1d(np.interp(at, np.arange(len(curve_rad)), curve_rad), 2)
    tops, _ = find_peaks(curve, prominence=0.1, distance=5)
    bottoms, _ = find_peaks(-curve, prominence=0.1, distance=5)
    extremes = np.sort(np.concatenate([tops, bottoms]))
    spans = [(int(a), int(b)) for a, b in pairwise(extremes) if 10 <= b - a <= 120]
    for a, b in pairwise(tops):
        known = any(abs(a - c) < 5 and abs(b - d) < 5 for c, d in spans)
        if 10 <= b - a <= 120 and not known:
            spans.append((int(a), int(b)))
    return [(int(at[a]), int(at[b])) for a, b in spans]
