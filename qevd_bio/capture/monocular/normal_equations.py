"""Least squares over a whole clip, where frames touch only their two neighbours on either side.

T frames, N unknowns a frame, L shared unknowns
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from scipy.linalg import cholesky_banded
from scipy.linalg.lapack import dtbtrs

from qevd_bio.arrays import BoolArray, FloatArray, IntArray


def neighbour_masks(sections: IntArray) -> tuple[BoolArray, BoolArray]:
    """Find frames (T,) with a successor in their section, and those between two of their own."""
    followed = np.zeros(len(sections), dtype=bool)
    followed[:-1] = sections[:-1] == sections[1:]
    between = np.zeros(len(sections), dtype=bool)
    between[1:-1] = followed[:-2] & followed[1:-1]
    return followed, between


def first_difference(x: FloatArray) -> FloatArray:
    """Take x[t+1] - x[t] along the first axis; zero at the last frame."""
    out = np.zeros_like(x)
    out[:-1] = x[1:] - x[:-1]
    return out


def first_difference_transposed(y: FloatArray) -> FloatArray:
    """Apply the transpose of `first_difference`; y must be zero at the last frame."""
    out = -y
    out[1:] += y[:-1]
    return out


def bend_coefficients(steps: FloatArray) -> FloatArray:
    """Weigh a frame, its predecessor and its successor (T, 3) so that steady speed gives zero.

    (1, -2, 1) for even steps (T,) from each frame to the next; zero at both ends. The mean of the
    two steps squared times the second derivative of the parabola through the three frames.
    """
    out = np.zeros((len(steps), 3))
    if len(steps) > 2:
        before, after = steps[:-2], steps[1:-1]
        mean = (before + after) / 2.0
        out[1:-1] = np.stack([mean / before, -(mean**2) * 2.0 / (before * after), mean / after], 1)
    return out


def second_difference(x: FloatArray, bend: FloatArray) -> FloatArray:
    """Add up each frame and its two neighbours (T, ...) by `bend_coefficients` (T, 3)."""
    bend = bend.reshape(*bend.shape, *(1,) * (x.ndim - 1))
    out = bend[:, 1] * x
    out[1:] += bend[1:, 0] * x[:-1]
    out[:-1] += bend[:-1, 2] * x[1:]
    return np.asarray(out)


def second_difference_transposed(y: FloatArray, bend: FloatArray) -> FloatArray:
    """Apply the transpose of `second_difference`."""
    bend = bend.reshape(*bend.shape, *(1,) * (y.ndim - 1))
    out = bend[:, 1] * y
    out[:-1] += bend[1:, 0] * y[1:]
    out[1:] += bend[:-1, 2] * y[:-1]
    return np.asarray(out)


def banded_matrix(
    blocks: FloatArray, following: FloatArray, after: FloatArray, damping: float
) -> FloatArray:
    """Put the normal matrix of a clip into LAPACK's lower banded form (3 N, T N).

    `blocks` (T, N, N) are the symmetric matrices of each frame; `following` and `after` (T, N, N)
    rows of the next frame, and of the one after it, against columns of each frame (the last one
    and the last two are not read). Row k of the result holds the k-th diagonal below the main one.
    """
    frames, size, _ = blocks.shape
    wide = np.zeros((frames, size, 4 * size))
    wide[:, :, :size] = np.swapaxes(blocks, 1, 2)
    wide[:-1, :, size : 2 * size] = np.swapaxes(following[:-1], 1, 2)
    wide[:-2, :, 2 * size : 3 * size] = np.swapaxes(after[:-2], 1, 2)
    across, down, along = wide.strides
    columns = as_strided(wide, (frames, size, 3 * size), (across, down + along, along))
    band = columns.reshape(frames * size, 3 * size)
    band[:, 0] += damping
    return np.asarray(band.T)


def solve_with_shared(
    band: FloatArray,
    coupling: FloatArray,
    shared: FloatArray,
    gradient: FloatArray,
    shared_gradient: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Solve for the Gauss-Newton step of all frames (T N,) and of the unknowns they share (L,).

    Parameters
    ----------
    band : ndarray (3 N, T N)
        Frame part, from `banded_matrix`; `LinAlgError` unless positive definite.
    coupling : ndarray (T N, L)
        Mixed part.
    shared : ndarray (L, L)
        Part of the shared unknowns.
    gradient, shared_gradient : ndarray (T N,), (L,)
        Gradients of half the cost.
    """
    factor = cholesky_banded(band, lower=True, overwrite_ab=True, check_finite=False)
    columns = np.asfortranarray(np.concatenate([gradient[:, None], coupling], axis=1))
    solved = _triangular(factor, columns, "N")
    own, mixed = solved[:, 0], solved[:, 1:]
    shared_step: FloatArray = np.asarray(
        -np.linalg.solve(shared - mixed.T @ mixed, shared_gradient - mixed.T @ own)
    )
    step = _triangular(factor, (own + mixed @ shared_step)[:, None], "T")
    return -step[:, 0], shared_step


def _triangular(factor: FloatArray, columns: FloatArray, transposed: str) -> FloatArray:
    """Solve with a lower banded factor, or its transpose, for columns (T N, C)."""
    solved, failed = dtbtrs(factor, columns, uplo="L", trans=transposed, overwrite_b=True)
    if failed:
        raise np.linalg.LinAlgError(f"row {failed} of the factor is singular")
    return np.asarray(solved)
