"""A repetition, and the settings that separate one from noise and rest."""

from __future__ import annotations

from dataclasses import dataclass

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.repetitions.adaptive_smoothing import NOISE_SHARE
from qevd_bio.motion.smoothing import SIGMA_S

PROMINENCE_RAD = 0.1
"""Floor of an extreme's prominence (supplement 5)."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One repetition, one side of an alternating repetition, or one hold.

    Attributes
    ----------
    kind : str
        ``cycle``, ``half`` (one side of an alternating movement) or ``hold``.
    start, key, end : int
        Frames, start <= key <= end, end inclusive; start and end lie at rest, the key frame at
        the extreme (of a hold: in its middle).
    start_s, key_s, end_s : float
        Their times in seconds.
    side : str or None
        ``r`` or ``l``: the leading side of an alternating movement.
    cut : str or None
        ``start`` or ``end``: that end lies outside the measured frames, so its phase and the
        duration are not known.
    """

    kind: str
    start: int
    key: int
    end: int
    start_s: float
    key_s: float
    end_s: float
    side: str | None
    cut: str | None = None

    @classmethod
    def of_frames(cls, kind: str, start: int, key: int, end: int, time_s: FloatArray) -> Cycle:
        """Make a cycle without a leading side from its frames and all frame times (T,)."""
        start_s, key_s, end_s = time_s[[start, key, end]].tolist()
        return cls(kind, int(start), int(key), int(end), start_s, key_s, end_s, side=None)


@dataclass(frozen=True, slots=True)
class CycleSettings:
    """Bounds and thresholds of the search for repetitions.

    Attributes
    ----------
    shortest_s, longest_s : float
        Bounds of a cycle (supplement 5: 24 and 150 frames at 30 fps).
    prominence_rad : float
        Floor of an extreme's prominence.
    prominence_share : float
        Least prominence as a share of the segment's typical one; rejects bumps within a
        repetition and fidgeting at rest.
    distance_s : float
        Least time between two extremes (supplement 5: 5 frames at 30 fps).
    return_share : float
        Least ratio between the shorter and the longer of the two ways, there and back.
    rest_share : float
        A cycle starts where the curve has left its rest level by this share of the rise.
    pause_s, pause_share : float
        Rest between two repetitions longer than both the seconds and the share of the time
        between their extremes belongs to neither; a shorter one is split half and half.
    neighbours_s : float
        The typical prominence is that of the extremes within this time on both sides, or that
        of the whole segment where it is less: a new camera view or a shallower set changes it.
    least_local_share : float
        The local typical prominence is at least this share of the whole segment's.
    first_rise_share : float
        A first repetition that starts before the segment counts when the measured rise to its
        extreme is this share of the way back.
    done_share : float
        A last repetition that continues after the segment counts when this share of the way
        there is gone back.
    cut_share : float
        A cycle at the edge of the measured frames is cut when its two ends differ by this share
        of its range.
    gap_s : float
        No cycle spans a longer time without measurement.
    sigma_s : float
        Least Gaussian smoothing (supplement 5: 2 frames at 30 fps); noisy curves get more.
    noise_share : float
        Noise of a frame, in shares of the curve's range, above which a curve counts as noisy; a
        small value suits steady sets, a large one keeps a quick repetition among slow ones.
    set_noise_share : float
        The same where all angles are given: above it they are joined into one curve.
    set_prominence_share : float
        Replaces `prominence_share` for the joined curve, which rises alike in all cycles.
    outlier_range : float
        Least distance of a cycle from its nearest neighbours in pose that makes it an outlier,
        in units of the set's movement; only where all angles are given.
    """

    shortest_s: float = 0.8
    longest_s: float = 5.0
    prominence_rad: float = PROMINENCE_RAD
    prominence_share: float = 0.3
    distance_s: float = 5.0 / 30.0
    return_share: float = 0.5
    rest_share: float = 0.05
    pause_s: float = 0.5
    pause_share: float = 0.3
    neighbours_s: float = 12.0
    least_local_share: float = 1.0 / 3.0
    first_rise_share: float = 0.05
    done_share: float = 0.8
    cut_share: float = 0.2
    gap_s: float = 0.5
    sigma_s: float = SIGMA_S
    noise_share: float = NOISE_SHARE
    set_noise_share: float = 0.01
    set_prominence_share: float = 0.4
    outlier_range: float = 1.5

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s < self.longest_s:
            raise ValueError(f"bounds {self.shortest_s} s to {self.longest_s} s are no interval")
        for name in ("prominence_rad", "distance_s", "pause_s", "gap_s", "sigma_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
