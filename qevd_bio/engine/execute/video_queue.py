"""The videos of a run that no worker has in hand: found by planning, given out, taken back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.unit_run import ending_without_work
from qevd_bio.engine.plan import plan_video
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store

_PLANNING_S = 0.1


@dataclass(slots=True)
class VideoQueue:
    """Videos with work to do, in the order they are begun.

    Attributes
    ----------
    stages, store
        What plans them, and where results lie.
    unplanned : iterator of str
        Videos that may have work to do.
    stale_s : float
        A unit that another run began longer ago (s) is not in progress any more.
    on_event : callable
        Gets the ends of the units of videos without work.
    is_planned : bool
        Whether all videos were planned.
    """

    stages: Sequence[Stage]
    store: Store
    unplanned: Iterator[str]
    stale_s: float
    on_event: Callable[[Event], None]
    is_planned: bool = False
    _waiting: deque[str] = field(default_factory=deque)
    _in_progress_elsewhere: deque[str] = field(default_factory=deque)
    _alone: deque[str] = field(default_factory=deque)
    _given_back: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_progress_elsewhere) + len(self._alone)

    def plan(self, wanted: int) -> None:
        """Find videos with work to do, for a moment, until `wanted` are there."""
        deadline = time.monotonic() + _PLANNING_S
        while self.is_short_of(wanted):
            video_id = next(self.unplanned, None)
            if video_id is None:
                self.is_planned = True
                return
            units = plan_video(self.stages, video_id, self.store)
            if any(unit.action in ("run", "retry") for unit in units):
                self._waiting.append(video_id)
            else:
                for unit in units:
                    self.on_event(ending_without_work(unit))
            if time.monotonic() > deadline:
                return

    def is_short_of(self, wanted: int) -> bool:
        """Return whether fewer than `wanted` videos wait and more may be found."""
        return not self.is_planned and len(self._waiting) < wanted

    def take(self) -> str:
        """Take the next video; empty where another run seems to work on all those at hand.

        Two runs on one folder would else begin the same videos at the same time and throw
        half of the work away. Nothing rests on the hint: when only such videos are left they
        are begun, and the first success stands.
        """
        while self._waiting:
            video_id = self._waiting.popleft()
            since = time.time() - self.stale_s
            if video_id in self._given_back or not any(
                self.store.is_in_progress(stage.name, video_id, since=since)
                for stage in self.stages
            ):
                return video_id
            self._in_progress_elsewhere.append(video_id)
        if self.is_planned and self._in_progress_elsewhere:
            return self._in_progress_elsewhere.popleft()
        return ""

    def take_alone(self) -> str:
        """Take a video for a worker that must have no other beside it; empty when none is left."""
        return self._alone.popleft() if self._alone else ""

    def give_back(self, video_id: str, *, alone: bool) -> None:
        """Put a video first in line."""
        self._given_back.add(video_id)
        (self._alone if alone else self._waiting).appendleft(video_id)
