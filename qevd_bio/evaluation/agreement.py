"""How far two raters agree on an ordinal scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.arrays import FloatArray


def quadratic_kappa(one: Sequence[int], other: Sequence[int]) -> float | None:
    """Compute Cohen's kappa with quadratic weights.

    Parameters
    ----------
    one, other : sequence of int
        Ratings of the same items.

    Returns
    -------
    float or None
        1: always equal; 0: as close as by chance; negative: less. None without items, or where
        all ratings of both are the same: without variation it is not defined.

    Notes
    -----
    J. Cohen, "Weighted kappa" (Psychological Bulletin 70, 1968): one minus the mean squared
    difference over that of the ratings paired at random.
    """
    a: FloatArray = np.asarray(one, dtype=np.float64)
    b: FloatArray = np.asarray(other, dtype=np.float64)
    if len(a) == 0:
        return None
    expected = float(np.mean(a**2) + np.mean(b**2) - 2.0 * np.mean(a) * np.mean(b))
    return None if expected < 1e-12 else 1.0 - float(np.mean((a - b) ** 2)) / expected
