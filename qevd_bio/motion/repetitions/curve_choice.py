"""Chooses the curve that shows the repetitions of a segment most clearly.

T frames, K angles, S sides
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.repetitions.adaptive_smoothing import edge_true_smooth, smooth_by_period
from qevd_bio.motion.repetitions.clearness import clear_keys, unclearness
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.cycles_in_curve import TurningCurve, cycles_of, turning_curve
from qevd_bio.motion.repetitions.discriminant_curve import LEAST_CYCLES, discriminant_curve
from qevd_bio.motion.repetitions.principal_components import principal_components
from qevd_bio.motion.repetitions.sets import members
from qevd_bio.motion.repetitions.swings import camera_cuts

SURE, CLEAR = 0.02, 0.12
"""A measure whose swings are this little doubtful keeps its own boundaries; one whose count is
(`unclearness`) is taken as it is."""

DOUBT_SCALE = 0.2
"""A curve whose doubt is this much greater has e times less of a vote."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A curve, all its cycles, those that form the set, and how doubtful their count is."""

    curve: TurningCurve
    found: tuple[Cycle, ...]
    cycles: tuple[Cycle, ...]
    doubtful: float
    uneven: float

    @property
    def doubt(self) -> float:
        """Both parts of `unclearness`."""
        return self.doubtful + self.uneven

    def vote(self, clear: IntArray) -> float:
        """Weigh the count: doubtful ones less, and ones that lack clear cycles.

        Clear cycles are given by their key frames; each should lie in a cycle of its own.
        """
        if not self.cycles:
            return 0.0
        starts, ends = (np.array([getattr(c, n) for c in self.cycles]) for n in ("start", "end"))
        places = np.searchsorted(starts, clear, side="right") - 1
        inside = (places >= 0) & (clear <= ends[np.maximum(places, 0)])
        kept = len(np.unique(places[inside])) / len(clear) if len(clear) else 1.0
        return float(np.exp(-self.doubt / DOUBT_SCALE) * kept**2)


def clearest_curve(
    signal: FloatArray,
    sides: FloatArray,
    angles: FloatArray,
    smooth_angles: FloatArray | None,
    time_s: FloatArray,
    valid: BoolArray,
    settings: CycleSettings,
) -> Shown:
    """Choose the curve to find the cycles in.

    Parameters
    ----------
    signal : ndarray (T,)
        The measure of the exercise in rad, its maxima at the extremes.
    sides : ndarray (S, T)
        The same measure of single sides.
    angles, smooth_angles : ndarray (T, K)
        All angles in rad that the exercise moves, as measured and smooth; None without any.
    time_s, valid, settings
        As in `detect_cycles`.

    Notes
    -----
    The measure itself where its count is clear. Else several curves vote on the count, each by
    its clearness: the measure and each side, fine and smoothed by the period; what each of them
    shows, read from all angles (`discriminant_curve`); the principal component of all angles. Of
    those with the count most agree on, the clearest is taken. What loses clear cycles of the
    measure has less of a vote. A measure with clear swings keeps its own boundaries, whatever the
    count: swings tell where a repetition ends, not whether it is one. Without other angles it
    keeps its count, too: its own smooth copy is no witness. Nothing is smoothed across a cut of
    the video.
    """
    cuts = camera_cuts(signal, time_s, valid)
    curves = _Curves(signal, sides, angles, smooth_angles, time_s, valid, settings, cuts)
    return curves.clearest()


@dataclass(frozen=True, slots=True)
class _Curves:
    """What `clearest_curve` is given."""

    signal: FloatArray
    sides: FloatArray
    angles: FloatArray
    smooth_angles: FloatArray | None
    time_s: FloatArray
    valid: BoolArray
    settings: CycleSettings
    cuts: IntArray

    def clearest(self) -> Shown:
        """Choose the curve, see `clearest_curve`."""
        own = self._fine(self.signal)
        swings_clearly = own.doubtful <= SURE and len(own.cycles) >= LEAST_CYCLES
        if own.doubt <= CLEAR or (swings_clearly and self.smooth_angles is None):
            return own
        smoother = self._by_period(self.signal)
        first = min(own, smoother, key=lambda one: one.doubt)
        clear = clear_keys(first.curve, first.cycles, self.settings)
        found = [own, smoother]
        for side in self.sides if len(self.sides) > 1 else ():
            found += [self._fine(side), self._by_period(side)]
        if self.smooth_angles is not None:
            found += [self._joined(one, self.smooth_angles) for one in found]
            common = self._common_movement()
            found += [self._fine(common), self._by_period(common)]
        chosen = elected(found, clear)
        return with_boundaries(own, chosen) if swings_clearly else chosen

    def _joined(self, shown: Shown, smooth_angles: FloatArray) -> Shown:
        """Read what a curve shows from all angles; without enough cycles it stays as it is."""
        if len(shown.cycles) < LEAST_CYCLES:
            return shown
        frames = np.array([(c.start, c.key, c.end) for c in shown.cycles], dtype=np.int64)
        return self._by_period(
            discriminant_curve(self.signal, self.angles, smooth_angles, self.time_s, frames)
        )

    def _common_movement(self) -> FloatArray:
        """Return the first principal component of the angles (T,), turned as the measure is."""
        seen = np.isfinite(self.angles) & self.valid[:, None]
        angles = self.angles[:, 2 * seen.sum(axis=0) > self.valid.sum()]
        common = principal_components(angles, self.time_s, self.valid)[:, 0]
        known = np.isfinite(common) & np.isfinite(self.signal) & self.valid
        alike = np.diff(common[known]) @ np.diff(self.signal[known])
        return -common if alike < 0 else common

    def _fine(self, raw: FloatArray) -> Shown:
        sigma_s, cuts = self.settings.sigma_s, self.cuts.tolist()
        return self._shown(edge_true_smooth(raw, self.time_s, self.valid, sigma_s, cuts))

    def _by_period(self, raw: FloatArray) -> Shown:
        settings = self.settings
        smooth = smooth_by_period(
            raw,
            self.time_s,
            self.valid,
            shortest_s=settings.shortest_s,
            longest_s=settings.longest_s,
            sigma_s=settings.sigma_s,
            cuts=self.cuts.tolist(),
        )
        return self._shown(smooth)

    def _shown(self, smooth: FloatArray) -> Shown:
        curve = turning_curve(smooth, self.time_s, self.settings, self.cuts)
        cycles = cycles_of(curve, self.settings)
        kept = members(cycles, smooth, self.smooth_angles)
        own = tuple(c for c, stays in zip(cycles, kept, strict=True) if stays)
        return Shown(curve, tuple(cycles), own, *unclearness(curve, own, self.settings))


def elected(curves: Sequence[Shown], clear: IntArray) -> Shown:
    """Choose the clearest of the curves with the count that most vote for, see `Shown.vote`.

    Without any cycle it is the first curve.
    """
    votes: dict[int, float] = {}
    for one in curves:
        votes[len(one.cycles)] = votes.get(len(one.cycles), 0.0) + one.vote(clear)
    count = max(votes, key=lambda n: votes[n])
    return min((one for one in curves if len(one.cycles) == count), key=lambda one: one.doubt)


def with_boundaries(own: Shown, chosen: Shown) -> Shown:
    """Put the cycles of one curve in the place of the chosen ones that each of them lies in alone.

    All of them where the counts agree; none where they would overlap.
    """
    if len(own.cycles) == len(chosen.cycles) or not chosen.cycles:
        return own
    starts, ends = (np.array([getattr(c, n) for c in chosen.cycles]) for n in ("start", "end"))
    keys = np.array([cycle.key for cycle in own.cycles])
    places = np.searchsorted(starts, keys, side="right") - 1
    inside = (places >= 0) & (keys <= ends[np.maximum(places, 0)])
    alone = np.bincount(places[inside], minlength=len(starts)) == 1
    cycles = list(chosen.cycles)
    for i in np.flatnonzero(inside).tolist():
        if alone[places[i]]:
            cycles[places[i]] = own.cycles[i]
    put = dict(zip(chosen.cycles, cycles, strict=True))
    found = tuple(put.get(cycle, cycle) for cycle in chosen.found)
    overlap = any(before.end > after.start for before, after in pairwise(found))
    return chosen if overlap else replace(chosen, found=found, cycles=tuple(cycles))
