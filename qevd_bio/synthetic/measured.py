"""A motion as a measurement would give it: each coordinate a little off, waving, and bent.

T frames, N coordinates

Markers and pictures tell flexion best, turns about a limb's own axis worse, and how a foot rolls
and its toes bend worst; and skin slides over bones as joints bend, so errors come and go with the
movement (Leardini et al., Gait & Posture 21, 2005). The shares below are of that order
(unverified).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.synthetic.carriage import unsteady

_M_EACH_DEG = 0.004
_STILL_M = 1e-3
_LEAST = 0.2
_SHARES = {"subtalar": 6.0, "mtp": 4.0, "ankle": 2.0, "hip_rotation": 2.0, "arm_rot": 2.0,
           "pro_sup": 2.0}  # fmt: skip
"""How much larger errors are than those of other angles."""


def as_measured(
    rng: np.random.Generator,
    q: FloatArray,
    time_s: FloatArray,
    coordinates: Sequence[str],
    is_angle: BoolArray,
    error_deg: float,
) -> FloatArray:
    """Shift every coordinate by three errors: constant, waving, and growing with the movement.

    Parameters
    ----------
    rng : Generator
        Draws the errors, and how large they are in this motion: a fifth of `error_deg` to all.
    q : ndarray (T, N)
        rad and metres.
    time_s : ndarray (T,)
        Seconds.
    coordinates : sequence of str
        N names.
    is_angle : ndarray of bool (N,)
        Which coordinates are angles; of the others 4 mm count as a degree.
    error_deg : float
        Standard deviation of each error of a joint's flexion in the worst motion.

    Notes
    -----
    What grows with the movement is 0 where the pelvis is highest and whole where it is lowest.
    """
    one = np.where(is_angle, np.deg2rad(1.0), _M_EACH_DEG)
    shares = [next((k for begin, k in _SHARES.items() if name.startswith(begin)), 1.0)
              for name in coordinates]  # fmt: skip
    size = error_deg * rng.uniform(_LEAST, 1.0) * one * np.array(shares)
    constant, bent = rng.standard_normal((2, q.shape[1]))
    height = q[:, list(coordinates).index("pelvis_ty")]
    down = (height.max() - height) / max(float(np.ptp(height)), _STILL_M)
    waving = unsteady(rng, time_s, q.shape[1])
    return np.asarray(q + size * (constant + waving + bent * down[:, None]))
