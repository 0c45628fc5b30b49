"""Detects repetitions while frames still arrive.

T frames
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.repetitions.cycles import Cycle, CycleSettings
from qevd_bio.motion.repetitions.detection import detect_cycles


def newly_complete(found: Sequence[Cycle], reported_s: float, complete_s: float) -> list[Cycle]:
    """Choose the cycles to report: key after what is reported, end before `complete_s`.

    `reported_s` is the end of the last reported cycle. Cycles are in time order.
    """
    return [one for one in found if one.key_s > reported_s and one.end_s <= complete_s]


@dataclass(slots=True)
class CycleStream:
    """Find the repetitions of one segment frame by frame.

    Attributes
    ----------
    settings : CycleSettings
        As in `detect_cycles`.
    memory_s : float
        Length of the searched past.
    every_s : float
        Time between two searches.

    Notes
    -----
    The cycles that `feed` returns are provisional: the typical prominence may still change.
    `finish` searches the whole segment, with all angles if they were fed. Until then a search is
    limited to `memory_s`, so the cost of a frame does not grow.
    """

    settings: CycleSettings
    memory_s: float = 30.0
    every_s: float = 0.25
    _values: list[float] = field(default_factory=list, init=False)
    _times_s: list[float] = field(default_factory=list, init=False)
    _valid: list[bool] = field(default_factory=list, init=False)
    _angles: list[FloatArray] = field(default_factory=list, init=False)
    _searched_s: float = field(default=-np.inf, init=False)
    _first: int = field(default=0, init=False)
    _reported_s: float = field(default=-np.inf, init=False)

    def feed(
        self, value: float, time_s: float, valid: bool, angles: FloatArray | None = None
    ) -> list[Cycle]:
        """Add one frame and return the cycles that are complete by now.

        Parameters
        ----------
        value : float
            Angle in rad, extreme upwards; NaN where unknown.
        time_s : float
            Later than the frame before.
        valid : bool
            Whether the frame holds a measurement.
        angles : ndarray (K,), optional
            All angles that the exercise moves, in every frame or in none.

        Returns
        -------
        list of Cycle
            New ones in time order, each reported once, frames counted from the first one fed.

        Raises
        ------
        ValueError
            The time does not increase, or angles come in some frames only.
        """
        if self._times_s and time_s <= self._times_s[-1]:
            raise ValueError(f"time {time_s} s does not follow {self._times_s[-1]} s")
        if (angles is not None) != (len(self._angles) == len(self._times_s) > 0) and self._times_s:
            raise ValueError(f"angles in some frames only, first missed or new at {time_s} s")
        if angles is not None:
            self._angles.append(angles)
        self._values.append(value)
        self._times_s.append(time_s)
        self._valid.append(valid)
        if time_s - self._searched_s < self.every_s:
            return []
        self._searched_s = time_s
        while self._times_s[self._first] < time_s - self.memory_s:
            self._first += 1
        new = newly_complete(
            self._found(self._first), self._reported_s, time_s - self.settings.pause_s
        )
        if new:
            self._reported_s = new[-1].end_s
        return new

    def finish(self) -> list[Cycle]:
        """Return all cycles of the segment, equal to those of `detect_cycles`."""
        return self._found(0)

    def _found(self, first: int) -> list[Cycle]:
        found = detect_cycles(
            np.array(self._values[first:], dtype=np.float64),
            np.array(self._times_s[first:], dtype=np.float64),
            np.array(self._valid[first:], dtype=np.bool_),
            settings=self.settings,
            angles=np.array(self._angles[first:], dtype=np.float64) if self._angles else None,
        )
        return [
            replace(c, start=c.start + first, key=c.key + first, end=c.end + first) for c in found
        ]
