"""Chooses the curve that shows the repetitions of a segment most clearly.

T frames, K angles, S sides
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.repetitions.adaptive_smoothing import edge_true_smooth, smooth_by_period
from qevd_bio.motion.repetitions.clearness import clear_keys, unclearness
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.cycles_in_curve import TurningCurve, cycles_of, turning_curve
from qevd_bio.motion.repetitions.discriminant_curve import LEAST_CYCLES, discriminant_curve
from qevd_bio.motion.repetitions.sets import members
from qevd_bio.motion.repetitions.swings import camera_cuts

SURE, CLEAR = 0.02, 0.12
"""A measure whose swings are this little doubtful, or whose count is (`unclearness`), is taken as
it is."""

CLEARER = 0.8
"""Another curve replaces the measure when its doubt is less than this share."""

ROUNDS = 3
"""Most times that the joined curve is made anew from the cycles found in it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A curve, those of its cycles that form the set, and how doubtful their count is."""

    curve: TurningCurve
    cycles: tuple[Cycle, ...]
    doubtful: float
    uneven: float

    @property
    def doubt(self) -> float:
        """Both parts of `unclearness`."""
        return self.doubtful + self.uneven

    def keeps(self, keys: IntArray) -> bool:
        """Check that each of some key frames lies in a cycle of its own."""
        starts, ends = (np.array([getattr(c, n) for c in self.cycles]) for n in ("start", "end"))
        places = np.searchsorted(starts, keys, side="right") - 1
        if len(keys) == 0:
            return True
        if len(starts) == 0 or places[0] < 0 or (np.diff(places) < 1).any():
            return False
        return bool((keys <= ends[places]).all())


def clearest_curve(
    signal: FloatArray,
    sides: FloatArray,
    angles: FloatArray,
    smooth_angles: FloatArray | None,
    time_s: FloatArray,
    valid: BoolArray,
    settings: CycleSettings,
) -> TurningCurve:
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
    The measure itself where its count is clear. Else the clearest of: the measure and each side
    smoothed by the period, and all angles joined by what a clearer one shows
    (`discriminant_curve`). No clear cycle of the measure is lost by another curve. Nothing is
    smoothed across a cut of the video.
    """
    cuts = camera_cuts(signal, time_s, valid)
    curves = _Curves(signal, sides, angles, smooth_angles, time_s, valid, settings, cuts)
    return curves.clearest().curve


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
        """Choose the clearest curve, see `clearest_curve`."""
        best = self._shown(self._smooth(self.signal))
        if best.doubtful <= SURE or best.doubt <= CLEAR:
            return best
        smoother = self._by_period(self.signal)
        best = smoother if smoother.doubt <= best.doubt else best
        clear = clear_keys(best.curve, best.cycles, self.settings)
        least = CLEARER * best.doubt
        for side in self.sides if len(self.sides) > 1 else ():
            other = self._by_period(side)
            is_better = other.doubt < min(best.doubt, least) and other.keeps(clear)
            best = other if is_better else best
        for _ in range(ROUNDS if self.smooth_angles is not None else 0):
            if self.smooth_angles is None or len(best.cycles) < LEAST_CYCLES:
                break
            frames = np.array([(c.start, c.key, c.end) for c in best.cycles], dtype=np.int64)
            joined = discriminant_curve(
                self.signal, self.angles, self.smooth_angles, self.time_s, frames
            )
            other = self._by_period(joined)
            if other.doubt >= min(best.doubt, least) or not other.keeps(clear):
                break
            best = other
        return best

    def _smooth(self, raw: FloatArray) -> FloatArray:
        return edge_true_smooth(
            raw, self.time_s, self.valid, self.settings.sigma_s, self.cuts.tolist()
        )

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
        return Shown(curve, own, *unclearness(curve, own, self.settings))
