"""Which predicted utterance answers which true one, by their times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from qevd_bio.arrays import FloatArray

TOLERANCE_S = 1.5
"""Half of FitCoach's window of 3 s."""


def matched_by_time(
    times_s: FloatArray, other_s: FloatArray, other_texts: Sequence[str]
) -> list[tuple[int, int]]:
    """Match utterances to the nearest of another list as FitCoach's evaluation does.

    Parameters
    ----------
    times_s, other_s : array (N,), (M,)
        Times in seconds, in their own order.
    other_texts : sequence of str
        Texts of the other list; an empty one is never matched.

    Returns
    -------
    list of (int, int)
        Indices into both lists.

    Notes
    -----
    Each utterance in turn takes the nearest other one, the first of equally near ones, if it is
    less than 1.5 s away, later than the last one taken, and has a text. There is no second
    choice, and the two directions can differ.
    """
    found: list[tuple[int, int]] = []
    last = -1
    for index, time_s in enumerate(times_s):
        if len(other_s) == 0:
            break
        nearest = int(np.argmin((other_s - time_s) ** 2))
        is_near = abs(other_s[nearest] - time_s) < TOLERANCE_S
        if is_near and nearest > last and other_texts[nearest]:
            found.append((index, nearest))
            last = nearest
    return found


def best_by_time(true_s: FloatArray, predicted_s: FloatArray) -> list[tuple[int, int]]:
    """Match as many utterances as possible one to one, at the smallest total distance.

    Returns
    -------
    list of (int, int)
        Indices into both lists, ascending in the first.
    """
    if not len(true_s) or not len(predicted_s):
        return []
    apart_s = np.abs(np.subtract.outer(true_s, predicted_s))
    # One pair more is worth more than any distance saved.
    most = 1.0 + TOLERANCE_S * min(apart_s.shape)
    cost = np.where(apart_s < TOLERANCE_S, apart_s, most)
    pairs = zip(*linear_sum_assignment(cost), strict=True)
    return [(int(i), int(j)) for i, j in pairs if apart_s[i, j] < TOLERANCE_S]
