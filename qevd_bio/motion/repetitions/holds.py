"""Static holds: stretches in which an angle stays where it is.

T frames
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.motion.smoothing import SIGMA_S, gaussian_smooth


@dataclass(frozen=True, slots=True)
class HoldSettings:
    """Bounds and thresholds of the search for holds.

    Attributes
    ----------
    window_s : float
        Width of the rolling standard deviation (supplement 5: 10 frames at 30 fps).
    percentile : float
        The threshold is this percentile of the segment's rolling deviations (supplement 5).
    floor_rad, ceiling_rad : float
        Bounds of the threshold: a person is never stiller than the floor, and the stillest part
        of a moving segment is no hold.
    merge_s, merge_rad : float
        Two stretches this near in time and in angle are one hold: hips that sag within a plank
        are a form error and begin no new hold.
    sway_s : float
        The same where every frame between them is known and as near in angle: a pose that sways
        is held badly, but held.
    shortest_s, longest_s : float
        Bounds of a hold.
    sigma_s : float
        Gaussian smoothing (supplement 5).
    """

    window_s: float = 10.0 / 30.0
    percentile: float = 30.0
    floor_rad: float = np.deg2rad(2.0)
    ceiling_rad: float = np.deg2rad(5.0)
    merge_s: float = 1.0
    merge_rad: float = np.deg2rad(45.0)
    sway_s: float = 4.0
    shortest_s: float = 1.0
    longest_s: float = 600.0
    sigma_s: float = SIGMA_S

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s < self.longest_s:
            raise ValueError(f"bounds {self.shortest_s} s to {self.longest_s} s are no interval")
        if not 0 < self.floor_rad <= self.ceiling_rad:
            raise ValueError(f"floor {self.floor_rad} rad lies above {self.ceiling_rad} rad")


def detect_holds(
    signal: FloatArray, time_s: FloatArray, valid: BoolArray, *, settings: HoldSettings
) -> list[Cycle]:
    """Find the static holds of one segment.

    Parameters
    ----------
    signal : ndarray (T,)
        Angle in rad that must stay constant. Only frames of the segment.
    time_s, valid : ndarray (T,)
        As in `gaussian_smooth`.
    settings : HoldSettings
        Window, thresholds and bounds.

    Returns
    -------
    list of Cycle
        Kind ``hold``, in time order, key frame in the middle.

    Notes
    -----
    NaN and invalid frames have no deviation and end a hold unless it continues at the same angle
    within `merge_s`. A frame is still at or below the threshold, so a perfectly constant curve
    is one hold.
    """
    smooth = gaussian_smooth(signal, time_s, valid, settings.sigma_s)
    deviation = rolling_deviation(smooth, time_s, settings.window_s)
    known = np.isfinite(deviation)
    if not known.any():
        return []
    threshold = float(
        np.clip(
            np.percentile(deviation[known], settings.percentile),
            settings.floor_rad,
            settings.ceiling_rad,
        )
    )
    still = known & (deviation <= threshold)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    stretches = _merged(edges.reshape(-1, 2), smooth, time_s, settings)
    holds = []
    for start, stop in stretches:
        end = stop - 1
        length_s = float(time_s[end] - time_s[start])
        if not settings.shortest_s <= length_s <= settings.longest_s:
            continue
        key = int(np.searchsorted(time_s, (time_s[start] + time_s[end]) / 2))
        holds.append(Cycle.of_frames("hold", start, key, end, time_s))
    return holds


def rolling_deviation(values: FloatArray, time_s: FloatArray, window_s: float) -> FloatArray:
    """Compute the standard deviation (T,) of a curve in a window of time around each frame.

    The centred window is shortened at the ends; NaN where the frame itself is unknown or alone in
    its window.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), np.nan)
    centred = np.where(known, values - np.mean(values[known]), 0.0)
    first = np.searchsorted(time_s, time_s - window_s / 2, side="left")
    stop = np.searchsorted(time_s, time_s + window_s / 2, side="right")

    def windowed(per_frame: FloatArray) -> FloatArray:
        total = np.concatenate([[0.0], np.cumsum(per_frame)])
        return np.asarray(total[stop] - total[first])

    count = windowed(known.astype(float))
    enough = known & (count >= 2)
    safe = np.where(enough, count, 1.0)
    variance = windowed(centred * centred) / safe - (windowed(centred) / safe) ** 2
    return np.where(enough, np.sqrt(np.maximum(variance, 0.0)), np.nan)


def _merged(
    stretches: IntArray, smooth: FloatArray, time_s: FloatArray, settings: HoldSettings
) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    level = 0.0
    for start, stop in stretches:
        here = float(np.median(smooth[start:stop]))
        near = False
        if merged:
            between = np.abs(smooth[merged[-1][1] : start] - level)
            sways = bool((between <= settings.merge_rad).all())  # NaN is not
            longest_s = settings.sway_s if sways else settings.merge_s
            near = bool(time_s[start] - time_s[merged[-1][1] - 1] <= longest_s)
        if near and abs(here - level) <= settings.merge_rad:
            merged[-1] = (merged[-1][0], int(stop))
        else:
            merged.append((int(start), int(stop)))
            level = here
    return merged
