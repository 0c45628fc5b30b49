"""A repetition, and the settings that separate one from noise and rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.smoothing import SIGMA_S

PROMINENCE_RAD = 0.1
"""Floor of an extreme's prominence (supplement 5)."""

COUNTED = "full"
"""Convention for repetitions that a segment cuts, see `CycleSettings`."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One repetition, one side of an alternating repetition, or one hold.

    Attributes
    ----------
    kind : str
        ``cycle``, ``half`` (one side of an alternating movement) or ``hold``.
    start, key, end : int
        Frames, start <= key <= end, end inclusive; the key frame is at the extreme (of a hold: in
        its middle). Start and end lie where this body rests: away from the extreme, or at the
        extreme itself, see `rests_at_extreme`.
    start_s, key_s, end_s : float
        Their times in seconds.
    side : str or None
        ``r`` or ``l``: the leading side of an alternating movement.
    cut : str or None
        ``start`` or ``end``: that end lies outside the measured frames, so its phase and the
        duration are not known.
    counted : str
        ``full``, or ``cut`` where the recording shows its way back from the extreme only.
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
    counted: str = "full"

    @classmethod
    def of_frames(cls, kind: str, start: int, key: int, end: int, time_s: FloatArray) -> Cycle:
        """Make a cycle without a leading side from its frames and all frame times (T,)."""
        start_s, key_s, end_s = time_s[[start, key, end]].tolist()
        return cls(kind, int(start), int(key), int(end), start_s, key_s, end_s, side=None)

    def going_on(self) -> Cycle:
        """Return the cycle with an end that is not known yet."""
        if self.rests_at_extreme:
            return replace(self, cut="end", key=self.start, key_s=self.start_s)
        return replace(self, cut="end")

    @property
    def rests_at_extreme(self) -> bool:
        """Whether the body rests at the extreme: the key frame is then an end of the cycle.

        Who sits down after standing up does sit to stand; who starts seated rests at its extreme.
        """
        if self.kind == "hold" or self.start == self.end:
            return False
        at_end = self.key == self.end and self.cut != "end"
        return at_end or (self.key == self.start and self.cut != "start")


@dataclass(frozen=True, slots=True)
class CycleSettings:
    """Bounds and thresholds of the search for repetitions.

    Attributes
    ----------
    shortest_s, longest_s : float
        Bounds of a cycle. They are wide: whether a tempo is good is for a finding to say.
    prominence_rad : float
        Least swing between two turning points.
    prominence_share : float
        The same as a share of the swing that is typical around it: a repetition that dips to
        this share of its depth is still one.
    return_share : float
        Least ratio between the way gone back and the way there, or of both to the typical swing.
    rest_share : float
        A cycle starts where the curve has left its rest level by this share of the rise.
    pause_s, pause_share : float
        Rest between two repetitions longer than both the seconds and the share of the time
        between their extremes belongs to neither; a shorter one is split half and half.
    neighbours_s : float
        The typical swing is that within this time on both sides, or that of the whole segment
        where it is less: a new camera view or a shallower set changes it.
    least_local_share : float
        The local typical swing is at least this share of the whole segment's.
    cut_share : float
        A cycle at the edge of the measured frames is cut when its two ends differ by this share
        of its range.
    first_share, last_share : float
        A first repetition that begins before the measured frames counts as full when this share
        of its way there is seen, and as cut when only its way back is; a last one that continues
        after them counts when this share of the way back is seen.
    counted : str
        ``full``: what is counted as cut is left out of a set, and stays where a segment shows
        hardly anything else; ``cut``: it stays everywhere. Labels differ in this.
    gap_s : float
        No cycle spans a longer time without measurement.
    sigma_s : float
        Least Gaussian smoothing (supplement 5: 2 frames at 30 fps); unclear curves get more.
    """

    shortest_s: float = 0.3
    longest_s: float = 15.0
    prominence_rad: float = PROMINENCE_RAD
    prominence_share: float = 0.4
    return_share: float = 0.5
    rest_share: float = 0.05
    pause_s: float = 0.5
    pause_share: float = 0.3
    neighbours_s: float = 12.0
    least_local_share: float = 1.0 / 3.0
    cut_share: float = 0.1
    first_share: float = 0.3
    last_share: float = 2.0 / 3.0
    counted: str = COUNTED
    gap_s: float = 0.5
    sigma_s: float = SIGMA_S

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s < self.longest_s:
            raise ValueError(f"bounds {self.shortest_s} s to {self.longest_s} s are no interval")
        if self.counted not in ("full", "cut"):
            raise ValueError(f"counted must be full or cut, not {self.counted!r}")
        for name in ("prominence_rad", "pause_s", "gap_s", "sigma_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
