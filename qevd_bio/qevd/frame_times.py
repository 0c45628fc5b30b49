"""Times of the video frames, on the clock of the feedback.

N frames
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.errors import DataError

_LEAST_STEP_S, _MOST_STEP_S = 1e-4, 60.0
"""Usual steps of frames, from 10,000 a second to one a minute; gaps may be longer."""
_USUAL_STEPS_S = (1.0 / 300.0, 1.0)
_UNITS_S = {"microseconds": 1e-6, "milliseconds": 1e-3, "seconds": 1.0, "picoseconds": 1e-12}

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
        Not one-dimensional, empty, not whole non-negative nanoseconds, not strictly
        increasing, or too close together or far apart for frames of a video: the message then
        guesses the unit.

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
    _check_unit(ns, where)
    return times_s


def _check_unit(ns: IntArray, where: str) -> None:
    """Refuse steps that no camera makes, and say of which unit they look like."""
    if ns.size < 2:
        return
    step_s = float(np.median(np.diff(ns))) / NANOSECONDS
    if _LEAST_STEP_S <= step_s <= _MOST_STEP_S:
        return
    guesses = [
        name
        for name, unit_s in _UNITS_S.items()
        if _USUAL_STEPS_S[0] <= step_s * NANOSECONDS * unit_s <= _USUAL_STEPS_S[1]
    ]
    cause = f"frames are {step_s:.3g} s apart if the timestamps are nanoseconds"
    raise _bad(f"{cause}; these look like {guesses[0]}" if guesses else cause, where)


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
