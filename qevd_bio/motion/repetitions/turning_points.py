"""Turning points of one smooth curve, small swings left out.

T frames, E turning points
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray


def turning_points(curve: FloatArray) -> IntArray:
    """List the frames (E,) at which a finite curve (T,) turns, and its first and last.

    Maxima and minima alternate; of a flat top or bottom it is the middle. A constant curve has
    its first frame only.
    """
    moves = np.flatnonzero(np.diff(curve))
    if len(moves) == 0:
        return np.zeros(min(1, len(curve)), dtype=np.int64)
    rising = curve[moves + 1] > curve[moves]
    turned = np.flatnonzero(rising[1:] != rising[:-1])
    middle = (moves[turned] + 1 + moves[turned + 1]) // 2
    return np.concatenate([[0], middle, [len(curve) - 1]]).astype(np.int64)


def clear_turning_points(curve: FloatArray, points: IntArray, least: FloatArray) -> IntArray:
    """Leave out turning points until every swing between two is at least as large as asked.

    Parameters
    ----------
    curve : ndarray (T,)
        Finite.
    points : ndarray (E,) of int
        Frames from `turning_points`.
    least : ndarray (T,)
        Least swing at each frame, in the unit of the curve.

    Notes
    -----
    The smallest swings go first, relative to what is asked: both turning points of one in the
    middle, the outer one of a swing at an end. So what is left does not depend on where the curve
    begins, but for the swings at its ends.
    """
    while len(points) > 1:
        swings = np.abs(np.diff(curve[points]))
        shares = swings / np.minimum(least[points[1:]], least[points[:-1]])
        around = np.concatenate([[np.inf], shares, [np.inf]])
        smallest = (shares < 1.0) & (shares <= around[:-2]) & (shares < around[2:])
        if not smallest.any():
            return points
        last = len(swings) - 1
        inside = np.flatnonzero(smallest[1:last]) + 1
        gone = np.zeros(len(points), dtype=np.bool_)
        gone[inside] = gone[inside + 1] = True
        gone[0] = smallest[0] and last > 0
        gone[-1] = smallest[last]
        points = points[~gone]
    return points
