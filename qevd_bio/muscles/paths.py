"""Muscle-tendon lengths and moment arms as polynomials of the coordinates they cross.

T frames, N coordinates, M muscles, S sampled poses, C coordinates of a group, P terms

The muscles of a group cross the same coordinates. A polynomial of total degree d in these,
scaled to -1..1 over their ranges, gives the length; its derivative gives the moment arms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray

_CROSSED_M = 1e-4
"""A muscle crosses a coordinate if it moves the muscle by more than this, in metres a radian."""

_DEGREES = (3, 4, 5, 6, 8, 10, 12)
_GOOD_ENOUGH_M = 3e-4
_MOST_TERMS = 500
_PROBED = 8
_JUMP_M = 0.12
"""A larger moment arm is a path that slips off the surface which it wraps, in metres."""
_STEP_RAD = 1e-3


@dataclass(frozen=True, slots=True)
class PathGroup:
    """Muscles that cross the same coordinates.

    Attributes
    ----------
    muscles, coordinates : ndarray of int (m,), (C,)
        Their places in the model.
    middle_rad, half_rad : ndarray (C,)
        Middle and half width of the sampled range.
    powers : ndarray of int (P, C)
        Exponents of each term.
    weights : ndarray (P, m)
        Metres a term.
    """

    muscles: IntArray
    coordinates: IntArray
    middle_rad: FloatArray
    half_rad: FloatArray
    powers: IntArray
    weights: FloatArray


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of all muscles, and how far they are off in poses that they were not fitted to.

    Attributes
    ----------
    groups : tuple of PathGroup
        Every muscle is in one of them.
    count, size : int
        Muscles and coordinates of the model.
    length_error_m, arm_error_m : ndarray (M,)
        Root mean square error of length and moment arms in held-out poses.
    jump_share : ndarray (M,)
        Share of the poses, left out of fit and errors, in which the path jumps.
    """

    groups: tuple[PathGroup, ...]
    count: int
    size: int
    length_error_m: FloatArray
    arm_error_m: FloatArray
    jump_share: FloatArray


def path_lengths(paths: Paths, q: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute lengths and moment arms.

    Parameters
    ----------
    paths : Paths
        Fitted paths.
    q : ndarray (T, N)
        rad.

    Returns
    -------
    length_m : ndarray (T, M)
        Muscle-tendon lengths.
    arm_m : ndarray (T, M, N)
        Moment arms: minus the change of length by coordinate, positive where the muscle pulls
        the coordinate up.
    outside : ndarray (T,) of float
        By how much the pose lies beyond the sampled ranges, rad; 0 inside. Beyond them the
        nearest pose inside is taken.
    """
    T = len(q)
    length = np.zeros((T, paths.count))
    arm = np.zeros((T, paths.count, paths.size))
    outside = np.zeros(T)
    for group in paths.groups:
        given = q[:, group.coordinates]
        x = np.clip((given - group.middle_rad) / group.half_rad, -1.0, 1.0)
        beyond = np.abs(given - (group.middle_rad + x * group.half_rad)).max(axis=1)
        outside = np.maximum(outside, beyond)
        terms, slopes = _terms(x, group.powers)
        length[:, group.muscles] = terms @ group.weights
        for c, coordinate in enumerate(group.coordinates):
            change = slopes[c] @ group.weights / group.half_rad[c]
            arm[:, group.muscles, coordinate] = -change
    return length, arm, outside


def _terms(x: FloatArray, powers: IntArray) -> tuple[FloatArray, list[FloatArray]]:
    """Compute all terms (T, P) at scaled coordinates (T, C), and their C derivatives."""
    highest = int(powers.max(initial=0))
    raised = x[:, :, None] ** np.arange(highest + 1)
    factors = [raised[:, c, powers[:, c]] for c in range(x.shape[1])]
    product = np.prod(factors, axis=0)
    slopes = []
    for c in range(x.shape[1]):
        lower = powers[:, c] * raised[:, c, np.maximum(powers[:, c] - 1, 0)]
        others = [factor for k, factor in enumerate(factors) if k != c]
        slopes.append(np.prod([lower, *others], axis=0))
    return product, slopes


def powers_up_to(degree: int, coordinates: int) -> IntArray:
    """List the exponents (P, C) of all terms up to a total degree."""
    rows = []
    for total in range(degree + 1):
        for chosen in combinations_with_replacement(range(coordinates), total):
            rows.append(np.bincount(np.array(chosen, dtype=np.int64), minlength=coordinates))
    return np.array(rows, dtype=np.int64)


def fit_paths(
    lengths_m: Callable[[FloatArray], FloatArray],
    ranges: FloatArray,
    *,
    samples: int = 1500,
    held_out: int = 300,
    seed: int = 0,
) -> Paths:
    """Fit polynomials to the paths of a model.

    Parameters
    ----------
    lengths_m : callable
        Poses (S, N) in rad to muscle-tendon lengths (S, M) in metres.
    ranges : ndarray (N, 2)
        Ranges of the coordinates, rad.
    samples, held_out, seed : int
        Poses to fit to, poses to measure the error in, and the seed of both.

    Notes
    -----
    Lengths and their central differences are fitted at once by least squares. Each group has
    the lowest degree with an error of moment arms below 0.3 mm in the held-out poses, else the
    one with the least mean error. Coordinates that share no muscle are moved at once.
    """
    rng = np.random.default_rng(seed)
    q = rng.uniform(ranges[:, 0], ranges[:, 1], (samples + held_out, len(ranges)))
    one_by_one = np.eye(len(ranges), dtype=bool)
    crossed = np.abs(_differences(lengths_m, q[:_PROBED], one_by_one)).max(axis=0) > _CROSSED_M
    sets = _sharing_none(crossed)
    change = np.zeros((len(q), len(crossed), len(ranges)))
    for together, moved in zip(sets, np.moveaxis(_differences(lengths_m, q, sets), 2, 0),
                               strict=True):  # fmt: skip
        change[:, :, together] = moved[:, :, None]
    return _fit_groups(q, lengths_m(q), change * crossed, crossed, ranges, samples)


def _differences(
    lengths_m: Callable[[FloatArray], FloatArray], q: FloatArray, sets: BoolArray
) -> FloatArray:
    """Take central differences (S, M, K) of lengths along K sets of coordinates (K, N)."""
    moved = [
        (lengths_m(q + _STEP_RAD * one) - lengths_m(q - _STEP_RAD * one)) / (2.0 * _STEP_RAD)
        for one in sets
    ]
    return np.stack(moved, axis=2)


def _sharing_none(crossed: BoolArray) -> BoolArray:
    """Put coordinates that no muscle (M, N) crosses together into as few sets (K, N) as found."""
    sets: list[BoolArray] = []
    for coordinate in np.flatnonzero(crossed.any(axis=0)):
        alone = [
            one for one in sets
            if not (crossed[:, one].any(axis=1) & crossed[:, coordinate]).any()
        ]  # fmt: skip
        if not alone:
            alone = [np.zeros(crossed.shape[1], dtype=bool)]
            sets += alone
        alone[0][coordinate] = True
    return np.array(sets)


def _fit_groups(
    q: FloatArray,
    length: FloatArray,
    change: FloatArray,
    crossed: BoolArray,
    ranges: FloatArray,
    samples: int,
) -> Paths:
    """Fit the muscles of each group to the first poses and measure the errors in the others."""
    errors = np.zeros((2, len(crossed)))
    jumps = np.asarray((np.abs(change) > _JUMP_M).any(axis=2))
    fitted = np.arange(len(q)) < samples
    groups = []
    for row in np.unique(crossed, axis=0):
        members, columns = np.flatnonzero((crossed == row).all(axis=1)), np.flatnonzero(row)
        middle, half = ranges[columns].mean(axis=1), np.diff(ranges[columns], axis=1)[:, 0] / 2
        x = (q[:, columns] - middle) / half
        wanted = np.concatenate(
            [length[:, None, members], np.moveaxis(change[:, members][:, :, columns], 2, 1)],
            axis=1,
        )
        smooth = np.asarray(~jumps[:, members].any(axis=1))
        best = (np.inf, np.empty((0, 0), dtype=np.int64), np.empty((0, 0)))
        for powers in (powers_up_to(degree, len(columns)) for degree in _DEGREES):
            if len(powers) > _MOST_TERMS:
                break
            rows = _rows(x, half, powers)
            weights = _least_squares(rows[fitted & smooth], wanted[fitted & smooth])
            off = rows[~fitted & smooth] @ weights - wanted[~fitted & smooth]
            length_error = np.sqrt((off[:, 0] ** 2).mean(axis=0))
            arm_error = np.sqrt((off[:, 1:] ** 2).mean(axis=(0, 1)))
            if arm_error.mean() < best[0]:
                best = (float(arm_error.mean()), powers, weights)
                errors[:, members] = length_error, arm_error
            if arm_error.max() < _GOOD_ENOUGH_M:
                break
        groups.append(PathGroup(members, columns, middle, half, best[1], best[2]))
    return Paths(tuple(groups), len(crossed), len(ranges), errors[0], errors[1], jumps.mean(0))


def _rows(x: FloatArray, half: FloatArray, powers: IntArray) -> FloatArray:
    """Lay out what a polynomial's weights are multiplied by: length and slopes (S, 1 + C, P)."""
    terms, slopes = _terms(x, powers)
    return np.stack([terms, *(slope / h for slope, h in zip(slopes, half, strict=True))], axis=1)


def _least_squares(rows: FloatArray, wanted: FloatArray) -> FloatArray:
    """Solve for the weights (P, m) of rows (S, 1 + C, P)."""
    found = np.linalg.lstsq(
        rows.reshape(-1, rows.shape[2]), wanted.reshape(-1, wanted.shape[2]), rcond=None
    )
    return np.asarray(found[0], dtype=np.float64)
