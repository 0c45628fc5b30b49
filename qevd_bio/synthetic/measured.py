"""A motion as a measurement would give it: each coordinate a little off, and waving.

T frames, N coordinates
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.synthetic.carriage import unsteady

_M_EACH_DEG = 0.004
_LEAST = 0.2


def as_measured(
    rng: np.random.Generator,
    q: FloatArray,
    time_s: FloatArray,
    is_angle: BoolArray,
    error_deg: float,
) -> FloatArray:
    """Shift every coordinate by a constant error and a waving one.

    Parameters
    ----------
    rng : Generator
        Draws the errors, and how large they are in this motion: a fifth of `error_deg` to all.
    q : ndarray (T, N)
        rad and metres.
    time_s : ndarray (T,)
        Seconds.
    is_angle : ndarray of bool (N,)
        Which coordinates are angles; of the others 4 mm count as a degree.
    error_deg : float
        Standard deviation of both errors in the worst motion.
    """
    one = np.where(is_angle, np.deg2rad(1.0), _M_EACH_DEG)
    size = error_deg * rng.uniform(_LEAST, 1.0) * one
    constant, waving = rng.standard_normal(q.shape[1]), unsteady(rng, time_s, q.shape[1])
    return np.asarray(q + size * (constant + waving))
