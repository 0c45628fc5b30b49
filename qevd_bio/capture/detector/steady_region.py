"""Keep the region that is looked at steady from frame to frame.

Landmarks move a little with the region, so a region that trembles makes them tremble. They
themselves are not smoothed.
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.detector.people_boxes import body_region
from qevd_bio.capture.detector.sampling import Region

_FRAMES_PER_SECOND = 30.0
_LEAST_CUTOFF_HZ, _CUTOFF_PER_SPEED, _SPEED_CUTOFF_HZ = 0.01, 10.0, 1.0


class SteadyRegion:
    """The region of one person from her landmarks, through a one-euro filter.

    The slower the region, the more it is smoothed. Time counts in frames, taken as 1/30 s each,
    since the filter follows the network's error from frame to frame and not the person's motion.

    Source: Casiez et al. 2012 (the filter); MediaPipe's `pose_landmark_filtering` (its numbers).
    """

    def __init__(self) -> None:
        self._last: FloatArray | None = None
        self._smooth = self._speed = np.zeros((2, 2))

    def __call__(self, edge_px: FloatArray) -> Region:
        """Take mid-hips and the point above the head (2, 2); return the next frame's region."""
        size_px = 2 * float(np.hypot(*(edge_px[1] - edge_px[0])))
        if self._last is None:
            self._smooth, self._speed = edge_px, np.zeros((2, 2))
        elif size_px > 0:
            speed = (edge_px - self._last) / size_px * _FRAMES_PER_SECOND
            self._speed = self._speed + _share(_SPEED_CUTOFF_HZ) * (speed - self._speed)
            share = _share(_LEAST_CUTOFF_HZ + _CUTOFF_PER_SPEED * np.abs(self._speed))
            self._smooth = self._smooth + share * (edge_px - self._smooth)
        self._last = edge_px
        return body_region(self._smooth[0], self._smooth[1])


def _share(cutoff_hz: FloatArray | float) -> FloatArray:
    """Return the share of a new value in a first-order low-pass filter."""
    return np.asarray(1.0 / (1.0 + _FRAMES_PER_SECOND / (2 * np.pi * np.asarray(cutoff_hz))))
