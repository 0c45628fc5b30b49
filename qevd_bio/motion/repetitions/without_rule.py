"""Counts repetitions of an exercise that nobody has described.

T frames, K angles
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.detection import detect_alternating, detect_cycles
from qevd_bio.motion.repetitions.principal_components import noise_of, principal_components
from qevd_bio.motion.smoothing import gaussian_smooth

ALTERNATES = 2.0
"""Sides move against each other when their difference varies this many times as much as their
mean."""


@dataclass(frozen=True, slots=True)
class Unruled:
    """What is counted without a rule: ``repetitive`` or ``alternating``, and the cycles."""

    kind: str
    cycles: tuple[Cycle, ...]


def cycles_without_rule(
    right: FloatArray,
    left: FloatArray,
    middle: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    settings: CycleSettings | None = None,
) -> Unruled:
    """Find the repetitions of a movement from its angles alone.

    Parameters
    ----------
    right, left : ndarray (T, K)
        The same angles of both sides in rad, continuous, NaN where unknown; flexions alike.
    middle : ndarray (T, K)
        Angles that belong to no side, against gravity where they can be.
    time_s, valid, settings
        As in `detect_cycles`.

    Notes
    -----
    After GyML's idea, a distance of poses that rises and falls. The curve is a principal component
    of the steps of all angles in units of their noise: of the differences of the sides where
    these move against each other, else of all. Its sign is such that the body begins and ends low;
    where it rests is then found as with a rule. No pose is compared with the first one, so a
    frame more or less changes nothing.
    """
    settings = settings or CycleSettings()
    apart, mean = _known(right - left, valid), _known((right + left) / 2, valid)
    if apart.shape[1] and _energy(apart, time_s, valid) > ALTERNATES * _energy(
        np.column_stack([mean, _known(middle, valid)]), time_s, valid
    ):
        curve = principal_components(apart, time_s, valid)[:, 0]
        halves = detect_alternating(curve, -curve, time_s, valid, settings=settings)
        return Unruled("alternating", tuple(halves))
    curves = np.column_stack([_known(right, valid), _known(left, valid), _known(middle, valid)])
    if curves.shape[1] == 0:
        return Unruled("repetitive", ())
    components = np.stack([_resting_low(c) for c in principal_components(curves, time_s, valid).T])
    found = detect_cycles(
        components[0], time_s, valid, settings=settings, angles=curves, sides=components
    )
    return Unruled("repetitive", tuple(found))


def _known(curves: FloatArray, valid: BoolArray) -> FloatArray:
    """Keep the curves that are known in most valid frames."""
    known = np.isfinite(curves) & valid[:, None]
    return curves[:, 2 * known.sum(axis=0) > valid.sum()]


def _energy(curves: FloatArray, time_s: FloatArray, valid: BoolArray) -> float:
    """Add up the variances of curves (T, K) in units of their noise."""
    smooth = gaussian_smooth(curves, time_s, valid)
    return float(np.nansum(np.nanvar(smooth[valid], axis=0) / noise_of(curves, valid) ** 2))


def _resting_low(curve: FloatArray) -> FloatArray:
    """Turn a curve (T,) so that its ends lie low, or most of its time where they do not differ."""
    known = curve[np.isfinite(curve)]
    if len(known) < 2:
        return curve
    low, middle, high = np.percentile(known, [5, 50, 95])
    ends = float(known[[0, -1]].mean())
    level = ends if abs(ends - (low + high) / 2) > 0.1 * (high - low) else float(middle)
    return -curve if level > (low + high) / 2 else curve
