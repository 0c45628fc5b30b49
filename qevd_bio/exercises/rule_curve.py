"""The representative measure of a rule as frames arrive, and the phase it shows.

T frames
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.cycle_search import (
    in_posture,
    joined_sides,
    observed_sides,
    representative_curves,
)
from qevd_bio.exercises.references import WORLD_GRAVITY
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import PROMINENCE_RAD, Cycle
from qevd_bio.skeleton.kinematics import Skeleton

NOW_S = 0.1
"""A level is the mean over this time; a direction is that of two such means in a row."""


class RuleCurve:
    """The recent past of a rule's representative measure, its extreme upwards.

    Parameters
    ----------
    rule : Rule
        Of the exercise.
    reference : ndarray (P, 46)
        One cycle as the rule asks.
    constants : Motion
        What the capture observes; its frames are not read.
    skeleton : Skeleton
        Body for the measures.

    Attributes
    ----------
    time_s, values : ndarray (T,)
        Seconds, and the measure in rad; NaN where nobody is seen.
    is_observed : bool
        Whether the capture observes the measure.
    """

    def __init__(
        self, rule: Rule, reference: FloatArray, constants: Motion, skeleton: Skeleton
    ) -> None:
        self._rule, self._skeleton = rule, skeleton
        self._sides = observed_sides(constants, rule)
        self.is_observed = bool(self._sides)
        self.time_s, self.values = np.empty(0), np.empty(0)
        self._is_posed = False
        if self.is_observed:
            model = representative_curves(reference, rule, self._sides, skeleton, WORLD_GRAVITY)
            joined = joined_sides(model, rule)
            self._rest, self._extreme = float(joined[0]), float(joined.max())

    def extend(self, part: Motion, memory_s: float) -> None:
        """Add the frames of `part`, which follow those there are, and forget the oldest."""
        if not self.is_observed or not len(part.time_s):
            return
        curves = representative_curves(
            part.q, self._rule, self._sides, self._skeleton, part.gravity
        )
        new = np.where(part.valid, joined_sides(curves, self._rule), np.nan)
        self._is_posed = bool(in_posture(part, self._rule, self._skeleton)[-1])
        kept = slice(int(np.searchsorted(self.time_s, part.time_s[-1] - memory_s)), None)
        self.time_s = np.concatenate([self.time_s[kept], part.time_s])
        self.values = np.concatenate([self.values[kept], self._continued(new)])

    def moved_since(self, since_s: float) -> bool:
        """Check whether the measure has moved by the least swing of a cycle after a time."""
        values = self.values[int(np.searchsorted(self.time_s, since_s)) :]
        known = values[np.isfinite(values)]
        return bool(len(known) and np.ptp(known) >= PROMINENCE_RAD)

    def learn(self, cycle: Cycle) -> None:
        """Take over rest and extreme from a complete cycle of this person."""
        if cycle.rests_at_extreme:
            return
        start, key, end = (self._level(at - NOW_S / 2, at + NOW_S / 2) for at in (
            cycle.start_s, cycle.key_s, cycle.end_s,
        ))  # fmt: skip
        rest = np.nanmean([start, end]) if np.isfinite([start, end]).any() else np.nan
        if key > rest:
            self._rest, self._extreme = float(rest), float(key)

    def phase(self) -> str | None:
        """Name the phase of the newest frame by level and direction.

        None where the person is not seen, not in the rule's posture, or the measure unobserved.

        Notes
        -----
        The way from rest to the extreme goes from phase 0 to the key phase and back to 1; both
        are taken as linear in the measure. Levels are those of the last complete cycle, before
        it those of the reference. The nearest phase of the rule is named; 0 and 1 are the same.
        """
        if not len(self.values) or not self._is_posed or not np.isfinite(self.values[-1]):
            return None
        now_s = float(self.time_s[-1])
        level, before = (self._level(now_s - (i + 1) * NOW_S, now_s - i * NOW_S) for i in range(2))
        share = (level - self._rest) / max(self._extreme - self._rest, 1e-9)
        share, key_at = min(1.0, max(0.0, share)), self._rule.key_phase.at
        at = 1.0 - (1.0 - key_at) * share if level < before else key_at * share
        apart = {phase.name: abs(phase.at - at) % 1.0 for phase in self._rule.phases}
        return min(apart, key=lambda name: min(apart[name], 1.0 - apart[name]))

    def _level(self, from_s: float, to_s: float) -> float:
        """Average the known values in (from_s, to_s]; NaN without one."""
        span = slice(*np.searchsorted(self.time_s, [from_s, to_s], side="right").tolist())
        known = self.values[span][np.isfinite(self.values[span])]
        return float(known.mean()) if len(known) else float("nan")

    def _continued(self, new: FloatArray) -> FloatArray:
        """Continue the curve without a jump by a turn."""
        known = np.flatnonzero(np.isfinite(new))
        earlier = self.values[np.isfinite(self.values)][-1:]
        turned = np.unwrap(np.concatenate([earlier, new[known]]))
        continued = new.copy()
        continued[known] = turned[len(earlier) :]
        return continued
