"""Times of the video frames, on the clock of the feedback.

N frames
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.errors import DataError

CLOCK_SHIFT_S = 28_800
NANOSECONDS = 1_000_000_000


def frame_times_s(timestamps_ns: NDArray[Any], *, where: str) -> FloatArray:
    """Convert the frame timestamps beside a video to the clock of the feedback.

    Parameters
    ----------
    timestamps_ns : ndarray [N]
        Whole nanoseconds, as integers or as floats with integral values.
    where : str
        The file they come from, for the error.

    Returns
    -------
    ndarray [N]
        Seconds, strictly increasing, 8 hours after the source clock.

    Raises
    ------
    DataError
        Not one-dimensional, empty, not whole non-negative nanoseconds, or not strictly
        increasing.

    Notes
    -----
    Whole seconds and fraction are split in integers and added as whole + fraction + 28800,
    bit for bit what `feedback_timestamps` were made with; nanoseconds / 1e9 + 28800 may
    differ in the last bit.
    """
    ns = _whole_nanoseconds(timestamps_ns, where)
    whole, rest = np.divmod(ns, NANOSECONDS)
    times_s: FloatArray = whole + rest / 1e9 + CLOCK_SHIFT_S
    late = np.flatnonzero(np.diff(times_s) <= 0)
    if late.size:
        frame = int(late[0]) + 1
        raise _bad(f"frame {frame} ({ns[frame]} ns) is not after the frame before it", where)
    return times_s


def _whole_nanoseconds(timestamps: NDArray[Any], where: str) -> IntArray:
    if timestamps.ndim != 1 or timestamps.size == 0:
        raise _bad(f"shape {timestamps.shape} is not one timestamp a frame", where)
    if timestamps.dtype.kind not in "iuf":
        raise _bad(f"dtype {timestamps.dtype} is no number of nanoseconds", where)
    if timestamps.dtype.kind == "f" and not np.all(timestamps == np.floor(timestamps)):
        raise _bad("timestamps are not whole nanoseconds but look like seconds", where)
    if not np.all((timestamps >= 0) & (timestamps < 2**63)):
        raise _bad("timestamps are negative or too large for nanoseconds", where)
    return timestamps.astype(np.int64)


def _bad(cause: str, where: str) -> DataError:
    return DataError(
        cause,
        where=where,
        next_step="Use the *_timestamps.npy beside the video, not the one beside its features",
    )
