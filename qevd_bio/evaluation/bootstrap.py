"""Intervals by drawing sessions anew.

S sessions
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray

DRAWS = 2_000
SEED = 0


def ratio_interval(
    numerators: FloatArray, denominators: FloatArray, *, seed: int = SEED, draws: int = DRAWS
) -> tuple[float, float] | None:
    """Find the 95 % interval of a ratio of sums over sessions.

    Parameters
    ----------
    numerators, denominators : array (S,)
        Sums of each session: the ratio is that of their totals.
    seed, draws : int
        The same seed gives the same interval.

    Returns
    -------
    tuple of float or None
        2.5 and 97.5 % of the ratios when whole sessions are drawn with replacement; draws whose
        denominator is 0 are left out. None for fewer than two sessions: nothing tells how much
        they differ.

    Notes
    -----
    Utterances of one session are alike, so that drawing them one by one would make the interval
    too narrow. With few sessions the percentile interval is too narrow all the same.
    """
    sessions = len(numerators)
    if sessions < 2:
        return None
    times = session_draws(sessions, seed=seed, draws=draws)
    below = times @ denominators
    ratios = (times @ numerators)[below > 0] / below[below > 0]
    if len(ratios) == 0:
        return None
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)


def session_draws(sessions: int, *, seed: int = SEED, draws: int = DRAWS) -> IntArray:
    """Draw as many sessions as there are with replacement: how often each was drawn (draws, S)."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.multinomial(sessions, np.full(sessions, 1.0 / sessions), size=draws)
