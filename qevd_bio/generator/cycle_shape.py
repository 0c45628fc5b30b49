"""Cycles of different length and place as arrays of one shape, and back.

T frames of a cycle, L frames of the shape, N coordinates, C = N + 1 channels

The channels are the coordinates, placed and headed as at the first frame of the cycle, and the
logarithm of its duration, the same in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from qevd_bio.arrays import FloatArray

FRAMES = 64
_LEVEL = ("pelvis_tx", "pelvis_tz")
_YAW = "pelvis_rotation"
_FLAT = 1e-4


@dataclass(frozen=True, slots=True)
class CycleShape:
    """How channels are scaled: mean and spread (C,) over the training cycles.

    A channel that never changes there keeps its mean.
    """

    coordinates: tuple[str, ...]
    mean: FloatArray
    spread: FloatArray

    @classmethod
    def of(
        cls, coordinates: Sequence[str], cycles: Sequence[tuple[FloatArray, FloatArray]]
    ) -> CycleShape:
        """Measure training cycles, each q (T, N) and time (T,)."""
        channels = np.concatenate([_channels(coordinates, q, time_s) for q, time_s in cycles])
        spread = channels.std(axis=0)
        return cls(
            tuple(coordinates), channels.mean(axis=0), np.where(spread < _FLAT, 0.0, spread)
        )

    def shaped(self, q: FloatArray, time_s: FloatArray) -> FloatArray:
        """Lay a cycle out as scaled channels (L, C)."""
        channels = _channels(self.coordinates, q, time_s)
        return (channels - self.mean) / np.where(self.spread == 0.0, 1.0, self.spread)

    def cycle(self, shaped: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray]:
        """Turn scaled channels (L, C) back to q (T, N) and time (T,) from 0."""
        channels = shaped * self.spread + self.mean
        duration_s = float(np.exp(channels[:, -1].mean()))
        time_s = np.arange(max(round(duration_s * rate_hz), 8) + 1) / rate_hz
        curve = CubicSpline(np.linspace(0.0, 1.0, len(channels)), channels[:, :-1], axis=0)
        return np.asarray(curve(np.minimum(time_s / time_s[-1], 1.0))), time_s


def placed(coordinates: Sequence[str], q: FloatArray) -> FloatArray:
    """Place and head a cycle (T, N) as it begins: at the origin, looking ahead."""
    found = q.copy()
    x, z, yaw = (coordinates.index(name) for name in (*_LEVEL, _YAW))
    turn = q[0, yaw]
    ahead, aside = q[:, x] - q[0, x], q[:, z] - q[0, z]
    found[:, x] = np.cos(turn) * ahead - np.sin(turn) * aside
    found[:, z] = np.sin(turn) * ahead + np.cos(turn) * aside
    found[:, yaw] -= turn
    return found


def _channels(coordinates: Sequence[str], q: FloatArray, time_s: FloatArray) -> FloatArray:
    """Place a cycle as it begins, and resample it to L frames with its duration (L, C)."""
    duration_s = float(time_s[-1] - time_s[0])
    share = (time_s - time_s[0]) / duration_s
    begun = placed(coordinates, q)
    even = CubicSpline(share, begun, axis=0)(np.linspace(0.0, 1.0, FRAMES))
    return np.column_stack([even, np.full(FRAMES, np.log(duration_s))])
