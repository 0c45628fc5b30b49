"""Which cycles of a segment form its sets: those that are mutually alike.

C cycles, K angles
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.motion.noise import jitter
from qevd_bio.motion.repetitions.cycles import Cycle

ALIKE = np.log(1.5)
"""Cycles of the core differ by less than this in duration and in swing, as logarithms."""

LEAST_CYCLES = 3
"""Fewer cycles have no core to be compared with."""

UNIT = (np.log(1.5), np.log(2.0))
"""Bounds of what counts as one unit off, as logarithms: of duration and of swing it is their own
spread in the set, of the two ways against each other the upper one."""

SPREADS = 4.5
"""Median absolute deviations in a unit: three standard deviations."""

DIRECTION = 0.25
"""A cycle whose angles move in a direction with this much less cosine is one unit off."""

MOST_OF_ONE, MOST_OF_DIRECTION = 1.5, 2.5
"""No single property counts for more: a repetition held long or badly tracked is still one."""

MOST_OF_BOTH = 2.0
"""Duration and swing together count for no more: what is shallow and quick, but moves alike there
and back, is a faulty repetition."""

FARTHEST = 2.3
"""Sum of the squares in units beyond which a cycle is other movement."""

FARTHEST_INSIDE = 3.2
"""The same for one between two cycles of the set, without a pause: a faulty repetition is one."""

FARTHEST_ALONE = 0.8
"""The same for one between two long pauses: nothing but its likeness makes it a repetition."""

PAUSES = 2.0
"""A long pause is this many times the usual one of the set."""

CENTRES = 200

LEAST_NOISE_RAD = np.deg2rad(1.0)


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Logarithms of duration, swing and of the ratio of both ways (C,); moves (C, K) in rad."""

    duration: FloatArray
    swing: FloatArray
    uneven: FloatArray
    moves: FloatArray


def members(
    cycles: Sequence[Cycle], smooth: FloatArray, angles: FloatArray | None = None
) -> BoolArray:
    """Mark the cycles (C,) that belong to a set.

    Parameters
    ----------
    cycles : sequence of Cycle
        In time order.
    smooth : ndarray (T,)
        The curve they were found in, its maxima at the key frames.
    angles : ndarray (T, K), optional
        Smooth angles in rad, known in all frames.

    Notes
    -----
    The core of the set are the most numerous cycles that are alike in duration and swing. Every
    cycle is compared with it: by duration, swing, evenness of the ways there and back, and the
    direction in which all angles move. A shallow or faulty repetition moves along the same
    direction at the same pace; walking in, turning round and a pause do not. A set after a rest
    is compared in the same way, so it is a set again.
    """
    if len(cycles) < LEAST_CYCLES:
        return np.ones(len(cycles), dtype=np.bool_)
    shapes = _shapes(cycles, smooth, angles)
    core = _core(shapes)
    if core.sum() < LEAST_CYCLES:
        return np.ones(len(cycles), dtype=np.bool_)
    off = np.zeros(len(cycles))
    for values in (shapes.duration, shapes.swing):
        away = values - np.median(values[core])
        unit = np.clip(SPREADS * np.median(np.abs(away[core])), *UNIT)
        off += np.minimum((away / unit) ** 2, MOST_OF_ONE)
    off = np.minimum(off, MOST_OF_BOTH)
    is_cut = np.array([cycle.cut is not None for cycle in cycles])
    off += np.where(is_cut, 0.0, np.minimum((shapes.uneven / UNIT[1]) ** 2, MOST_OF_ONE))
    if shapes.moves.shape[1]:
        cosine = _cosines(shapes.moves, np.median(shapes.moves[core], axis=0))
        unit = max(DIRECTION, float(SPREADS * np.median(1.0 - cosine[core])))
        off += np.minimum(((1.0 - cosine) / unit) ** 2, MOST_OF_DIRECTION)
    near = off <= FARTHEST
    near |= (off <= FARTHEST_INSIDE) & _is_between(
        cycles, near, float(np.exp(np.median(shapes.duration[core])))
    )
    near[near] = ~_is_alone([cycles[i] for i in np.flatnonzero(near).tolist()])
    return near | (off <= FARTHEST_ALONE)


def _is_between(cycles: Sequence[Cycle], near: BoolArray, usual_s: float) -> BoolArray:
    """Mark the cycles between two of the set that no pause of a usual cycle separates from it."""
    pauses_s = np.array([b.start_s - a.end_s for a, b in pairwise(cycles)])
    bouts = np.concatenate([[0], np.cumsum(pauses_s > usual_s)])
    places, last = np.arange(len(cycles)), len(cycles) - 1
    before = np.maximum.accumulate(np.where(near, places, -1))
    after = np.minimum.accumulate(np.where(near, places, len(cycles))[::-1])[::-1]
    is_inside = (before >= 0) & (after <= last)
    return np.asarray(is_inside & (bouts[before] == bouts[np.minimum(after, last)]))


def _is_alone(cycles: Sequence[Cycle]) -> BoolArray:
    """Mark the cycles that longer pauses separate from all others than those keep among them."""
    if not cycles:
        return np.zeros(0, dtype=np.bool_)
    starts, ends = (np.array([getattr(c, name) for c in cycles]) for name in ("start_s", "end_s"))
    pauses = starts[1:] - ends[:-1]
    usual = PAUSES * float(np.median(pauses)) if len(pauses) else 0.0
    both = np.concatenate([[np.inf], pauses, [np.inf]])
    return np.asarray(np.minimum(both[:-1], both[1:]) > np.maximum(ends - starts, usual))


def _shapes(cycles: Sequence[Cycle], smooth: FloatArray, angles: FloatArray | None) -> _Shapes:
    frames = np.array([(c.start, c.key, c.end) for c in cycles], dtype=np.int64)
    levels = smooth[frames]
    ways = np.sort(levels[:, [1]] - levels[:, [0, 2]], axis=1)
    ways = np.maximum(ways, 1e-3 * ways[:, 1:])
    seconds = _seconds(cycles)
    logs = np.log(np.maximum(ways, 1e-9))
    return _Shapes(np.log(seconds), logs[:, 1], logs[:, 1] - logs[:, 0], _moves(frames, angles))


def _seconds(cycles: Sequence[Cycle]) -> FloatArray:
    """List durations (C,); of a cycle without its way there, what the others take for that way."""
    times_s = np.array([(c.start_s, c.key_s, c.end_s) for c in cycles])
    there_s, back_s = np.diff(times_s, axis=1).T
    is_half = np.array([c.counted == "cut" for c in cycles])
    seconds = there_s + back_s
    if is_half.any() and not is_half.all():
        seconds[is_half] = back_s[is_half] + float(np.median(there_s[~is_half]))
    return np.asarray(np.maximum(seconds, 1e-3))


def _moves(frames: IntArray, angles: FloatArray | None) -> FloatArray:
    """Measure how far each angle is at the extreme from where it rests, in units of its noise."""
    if angles is None:
        return np.empty((len(frames), 0))
    noise = np.array([jitter(column) for column in angles.T]) + LEAST_NOISE_RAD
    start, key, end = (angles[frames[:, i]] for i in range(3))
    return np.asarray((key - (start + end) / 2) / noise)


def _cosines(moves: FloatArray, usual: FloatArray) -> FloatArray:
    """Compare the directions of moves (C, K) with the usual one (K,).

    No angle counts as farther gone than twice what is usual: three angles of one joint may jump
    together without any movement.
    """
    most = 2.0 * np.maximum(np.abs(usual), np.median(np.abs(usual)))
    bounded = np.clip(moves, -most, most)
    size = np.linalg.norm(bounded, axis=1) * np.linalg.norm(usual)
    return np.asarray((bounded @ usual) / np.maximum(size, 1e-12))


def _core(shapes: _Shapes) -> BoolArray:
    """Find the cycles around the one that has the most, and the largest, others like itself.

    At most `CENTRES` of the cycles are tried, evenly taken.
    """
    count = len(shapes.swing)
    centres = np.unique(np.linspace(0, count - 1, min(count, CENTRES)).astype(np.int64))
    alike = np.ones((len(centres), count), dtype=np.bool_)
    for values in (shapes.duration, shapes.swing):
        alike &= np.abs(values[centres, None] - values) < ALIKE
    return np.asarray(alike[int(np.argmax(alike @ np.exp(shapes.swing)))])
