"""What every capture backend returns, and what it fills frames without a person with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.record import Motion

Notes: TypeAlias = "dict[str, int | float | str | bool]"

ASSUMED_HEIGHT_M = 1.75


@dataclass(frozen=True, slots=True)
class Captured:
    """A motion, and plain values for the record of its unit.

    `Footage.notes` are in the notes of every backend that looks at a video. The concerns say in
    words what to look at before the motion is used.
    """

    motion: Motion
    notes: Notes
    concerns: tuple[str, ...] = ()


def stretches(frames: IntArray, shot: IntArray | None = None) -> IntArray:
    """Give each of some frames (n,) the number of its stretch, uninterrupted and of one shot."""
    breaks = np.diff(frames) > 1
    if shot is not None:
        breaks |= np.diff(shot[frames]) != 0
    return np.concatenate([[0], np.cumsum(breaks)]).astype(np.int64)


def last_valid(q: FloatArray, valid: BoolArray) -> FloatArray:
    """Repeat the last valid pose of q (T, N) where `valid` (T,) is False, the first one before it.

    Raises `ValueError` where no frame is valid.
    """
    if not valid.any():
        raise ValueError("no frame is valid")
    order = np.where(valid, np.arange(len(valid)), -1)
    source = np.maximum.accumulate(order)
    source[source < 0] = int(np.flatnonzero(valid)[0])
    return np.asarray(q[source])
