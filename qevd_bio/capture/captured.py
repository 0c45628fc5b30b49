"""What every capture backend returns, and what it fills frames without a person with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.record import Motion

Notes: TypeAlias = "dict[str, int | float | str | bool]"

ASSUMED_HEIGHT_M = 1.75


@dataclass(frozen=True, slots=True)
class Captured:
    """A motion and how it came about.

    Attributes
    ----------
    motion : Motion
        Angles with their confidence.
    notes : mapping
        Plain values for the record of the unit; `Footage.notes` are in those of every
        backend that looks at a video.
    """

    motion: Motion
    notes: Notes


def last_valid(q: FloatArray, valid: BoolArray) -> FloatArray:
    """Repeat the last valid pose where there is none.

    Parameters
    ----------
    q : ndarray (T, N)
        Anything where not valid.
    valid : ndarray (T,) of bool
        At least one True.

    Returns
    -------
    ndarray (T, N)
        Frames before the first valid one get that pose.
    """
    if not valid.any():
        raise ValueError("no frame is valid")
    order = np.where(valid, np.arange(len(valid)), -1)
    source = np.maximum.accumulate(order)
    source[source < 0] = int(np.flatnonzero(valid)[0])
    return np.asarray(q[source])
