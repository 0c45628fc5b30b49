"""TODO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.person.upright import Upright
from qevd_bio.capture.video.decode import Decoded
from qevd_bio.motion.record import Motion


@dataclass(frozen=True, slots=True)
class Captured:
    """A motion and how it came about.

    Attributes
    ----------
    motion : Motion
        Angles with their worth.
    sigma_frame_rad : ndarray (T, 46)
        Standard deviation of each angle in each frame; infinite when not observed or the
        frame is not valid.
    shot : ndarray (T,) of int
        Number of the camera shot of each frame.
    upright : Upright
        The turn applied, and why.
    decoded : Decoded
        How far the video could be decoded.
    found_share : float
        Share of the timestamps with a valid frame.
    notes : mapping
        The same in plain values, for the record of the unit.
    """

    motion: Motion
    sigma_frame_rad: FloatArray
    shot: IntArray
    upright: Upright
    decoded: Decoded
    found_share: float
    notes: Mapping[str, int | float | str | bool]


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


ASSUMED_HEIGHT_M = 1.75
