"""Which repetitions follow each other without a rest: the sets as a trainer counts them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from qevd_bio.motion.repetitions.cycles import Cycle

LEAST_REST_S = 10.0
"""A shorter pause is breath within a set; unverified."""

REST_CYCLES = 3.0
"""So is one of fewer repetitions, where these are slow; unverified."""


def set_numbers(cycles: Sequence[Cycle]) -> list[int]:
    """Give each cycle the number of its set, from 1.

    Parameters
    ----------
    cycles : sequence of Cycle
        Of one exercise, in time order.

    Notes
    -----
    A set ends where the pause to the next cycle is longer than `LEAST_REST_S` and than
    `REST_CYCLES` usual cycles.
    """
    if not cycles:
        return []
    usual_s = float(np.median([cycle.end_s - cycle.start_s for cycle in cycles]))
    rest_s = max(LEAST_REST_S, REST_CYCLES * usual_s)
    pauses_s = np.array([after.start_s - before.end_s for before, after in pairwise(cycles)])
    return [1, *(1 + np.cumsum(pauses_s > rest_s)).tolist()]
