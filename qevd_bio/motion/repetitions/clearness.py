"""How clearly a curve shows its cycles.

T frames, C cycles
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.cycles_in_curve import TurningCurve
from qevd_bio.motion.repetitions.turning_points import clear_turning_points, turning_points

SMALL_SHARE = 0.2
"""Swings of less than this share of the typical one are clearly no repetitions."""

DOUBTFUL = (0.4, 0.25)
"""A swing of this share of the typical one could be counted or not; width of the doubt."""

SWING_WEIGHT = 0.25
"""Weight of the change of swing against that of duration."""

FEW = 0.3
"""Unevenness taken where too few cycles show any."""

NOTHING = 9.0
"""Of a curve without a cycle."""


CLEAR_SHARE = 0.6
"""A clear cycle goes this share of the typical swing both there and back."""


def unclearness(
    curve: TurningCurve, cycles: Sequence[Cycle], settings: CycleSettings
) -> tuple[float, float]:
    """Measure how doubtful the count of cycles is in a curve: 0 is clear.

    First the doubtful swings a cycle; second the typical change of duration and a quarter that
    of swing from one cycle to the next, as logarithms. Faulty repetitions are shallow: a curve is
    not less clear for showing them.
    """
    if not cycles:
        return NOTHING, 0.0
    smooth, time_s = curve.smooth, curve.time_s
    doubt = 0.0
    for points in small_turns(curve, settings):
        middle_s = (time_s[points[1:]] + time_s[points[:-1]]) / 2
        during = (middle_s > cycles[0].start_s) & (middle_s < cycles[-1].end_s)
        share = np.abs(np.diff(smooth[points])) / curve.typical[points[1:]]
        near = np.abs(share - DOUBTFUL[0]) / DOUBTFUL[1]
        doubt += float(np.clip(1.0 - near[during], 0.0, 1.0).sum())
    swings = _ways(curve, cycles).min(axis=1)
    seconds = np.array([c.end_s - c.start_s for c in cycles])
    uneven = sum(
        weight * (_typical_change(np.log(np.maximum(values, 1e-3))) if len(cycles) > 2 else FEW)
        for weight, values in ((1.0, seconds), (SWING_WEIGHT, swings))
    )
    return doubt / (2 * len(cycles)), float(uneven)


def clear_keys(curve: TurningCurve, cycles: Sequence[Cycle], settings: CycleSettings) -> IntArray:
    """List the key frames of the cycles that nobody would doubt: whole, and without a dip."""
    if not cycles:
        return np.empty(0, dtype=np.int64)
    turns = np.concatenate(small_turns(curve, settings))
    least = CLEAR_SHARE * curve.typical[[c.key for c in cycles]]
    own = (_ways(curve, cycles).min(axis=1) >= least).tolist()
    keys = [
        c.key
        for c, is_whole in zip(cycles, own, strict=True)
        if is_whole and ((turns > c.start) & (turns < c.end)).sum() == 1
    ]
    return np.array(keys, dtype=np.int64)


def small_turns(curve: TurningCurve, settings: CycleSettings) -> list[IntArray]:
    """Find the turning points of each run that are at least `SMALL_SHARE` apart."""
    least = np.maximum(settings.prominence_rad, SMALL_SHARE * curve.typical)
    smooth = curve.smooth
    return [
        clear_turning_points(smooth, turning_points(smooth[run]) + run.start, least)
        for run in curve.runs
    ]


def _ways(curve: TurningCurve, cycles: Sequence[Cycle]) -> FloatArray:
    """Return the ways there and back (C, 2)."""
    frames = np.array([(c.start, c.key, c.end) for c in cycles], dtype=np.int64)
    levels = curve.smooth[frames]
    return np.asarray(levels[:, [1]] - levels[:, [0, 2]])


def _typical_change(values: FloatArray) -> float:
    return float(np.median(np.abs(np.diff(values))))
