"""A motion to which frames are added one by one, read back as a `Motion` of its newest part.

T frames, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import N_DOFS

_ROOM_FRAMES = 1024


@dataclass(frozen=True, slots=True)
class MotionFrame:
    """One frame of a motion.

    Attributes
    ----------
    q : ndarray (46,)
        SKEL degrees of freedom in rad.
    time_s : float
        Later than the frame before.
    confidence, valid : float, bool
        As in `Motion`.
    sigma_rad : ndarray (46,) or None
        Angle noise of this frame; None where the capture has one for the whole video.
    """

    q: FloatArray
    time_s: float
    confidence: float
    valid: bool
    sigma_rad: FloatArray | None = None


def without_frames(motion: Motion) -> Motion:
    """Keep what holds for the whole video: sizes, gravity, noise, what is observed."""
    sigma = None if motion.frame_sigma_rad is None else np.empty((0, N_DOFS))
    return replace(
        motion,
        q=np.empty((0, N_DOFS)),
        time_s=np.empty(0),
        confidence=np.empty(0),
        valid=np.empty(0, dtype=np.bool_),
        betas=None,
        root_m=None,
        frame_sigma_rad=sigma,
    )


def frames_of(motion: Motion, start: int, stop: int) -> Iterator[MotionFrame]:
    """Yield the frames of a stretch of a motion, in order."""
    sigma = motion.frame_sigma_rad
    for i in range(start, stop):
        yield MotionFrame(
            q=motion.q[i],
            time_s=float(motion.time_s[i]),
            confidence=float(motion.confidence[i]),
            valid=bool(motion.valid[i]),
            sigma_rad=None if sigma is None else sigma[i],
        )


class GrowingMotion:
    """A motion that grows at its end and is forgotten at its beginning.

    Parameters
    ----------
    constants : Motion
        What holds for the whole video, from `without_frames`.
    first : int
        Number of the first frame that will be added.
    """

    def __init__(self, constants: Motion, first: int = 0) -> None:
        self.constants = constants
        self.first = self.stop = first
        self._offset = first
        self._has_sigma = constants.frame_sigma_rad is not None
        self._q = np.empty((_ROOM_FRAMES, N_DOFS))
        self._sigma = np.empty((_ROOM_FRAMES if self._has_sigma else 0, N_DOFS))
        self._scalars = np.empty((_ROOM_FRAMES, 2))
        self._valid = np.empty(_ROOM_FRAMES, dtype=np.bool_)

    def add(self, frame: MotionFrame) -> None:
        """Add a frame.

        Raises
        ------
        ValueError
            Its time does not follow the frame before, or it has no noise where the others have.
        """
        if self.stop > self.first and frame.time_s <= self.time_s(self.stop - 1):
            before_s = self.time_s(self.stop - 1)
            raise ValueError(f"time {frame.time_s} s does not follow {before_s} s")
        if (frame.sigma_rad is not None) != self._has_sigma:
            raise ValueError(f"noise in some frames only, first missed or new at {frame.time_s} s")
        row = self.stop - self._offset
        if row == len(self._valid):
            row = self._make_room()
        self._q[row] = frame.q
        self._scalars[row] = frame.time_s, frame.confidence
        self._valid[row] = frame.valid
        if frame.sigma_rad is not None:
            self._sigma[row] = frame.sigma_rad
        self.stop += 1

    def time_s(self, frame: int) -> float:
        """Return the time of a frame that is still known."""
        return float(self._scalars[frame - self._offset, 0])

    def first_since(self, time_s: float) -> int:
        """Find the first known frame at or after a time; `stop` where there is none."""
        times_s = self._scalars[self.first - self._offset : self.stop - self._offset, 0]
        return self.first + int(np.searchsorted(times_s, time_s))

    def forget_before(self, frame: int) -> None:
        """Forget the frames before one; a part may no longer begin there."""
        self.first = max(self.first, min(frame, self.stop))

    def part(self, start: int, stop: int | None = None) -> Motion:
        """Return a stretch of the known frames as a motion, without copying.

        Raises
        ------
        ValueError
            Some of it is forgotten or not there yet.
        """
        stop = self.stop if stop is None else stop
        if not self.first <= start <= stop <= self.stop:
            raise ValueError(f"frames {start} to {stop} of {self.first} to {self.stop}")
        rows = slice(start - self._offset, stop - self._offset)
        return replace(
            self.constants,
            q=self._q[rows],
            time_s=self._scalars[rows, 0],
            confidence=self._scalars[rows, 1],
            valid=self._valid[rows],
            frame_sigma_rad=self._sigma[rows] if self._has_sigma else None,
        )

    def _make_room(self) -> int:
        """Move the known frames to new arrays that hold at least as many more."""
        known = slice(self.first - self._offset, self.stop - self._offset)
        count = self.stop - self.first
        room = max(2 * count, _ROOM_FRAMES)
        for name in ("_q", "_scalars", "_valid", "_sigma"):
            old = getattr(self, name)
            if name == "_sigma" and not self._has_sigma:
                continue
            new = np.empty((room, *old.shape[1:]), dtype=old.dtype)
            new[:count] = old[known]
            setattr(self, name, new)
        self._offset = self.first
        return count
