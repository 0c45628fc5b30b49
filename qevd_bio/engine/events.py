"""The events of a run: what happens to each unit, and the counts at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from qevd_bio.errors import EnvironmentProblem

EventKind = Literal["started", "progress", "completed", "failed", "skipped", "done"]
ENDINGS: tuple[EventKind, ...] = ("completed", "done", "failed", "skipped")

MAX_UNRECORDED = 3
"""Failures in a row that could not be written to the disk. Then no more can be expected."""


@dataclass(frozen=True, slots=True)
class Event:
    """The start, the progress or the end of a unit.

    Attributes
    ----------
    kind : str
        Every unit ends with exactly one of ``completed``, ``failed``, ``skipped`` (on
        purpose or because an artifact is missing) and ``done`` (completed by an earlier run);
        ``started`` comes before when the stage is called, ``progress`` in between.
    stage, video_id : str
        The unit.
    reason : str
        Why it failed or was skipped; when it starts, why it runs.
    seconds : float
        What this run spent on it.
    worker : int
        Number of the worker; 0 for the process that runs the run.
    unrecorded : str
        Why the store could not take the record of a failure.
    frames, frames_total : int
        Frames done so far, and all frames of the video; of ``progress`` only.
    """

    kind: EventKind
    stage: str
    video_id: str
    reason: str = ""
    seconds: float = 0.0
    worker: int = 0
    unrecorded: str = ""
    frames: int = 0
    frames_total: int = 0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of a run.

    Attributes
    ----------
    counts : mapping of str to int
        Units ``completed`` by this run, ``done`` before, ``failed``, ``skipped``.
    failures : tuple of Event
        The failed units, in the order they ended.
    """

    counts: Mapping[str, int]
    failures: tuple[Event, ...]


@dataclass(slots=True)
class Tally:
    """Counts endings and passes every event on to `on_event`."""

    on_event: Callable[[Event], None]
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(ENDINGS, 0)))
    failures: list[Event] = field(default_factory=list)
    _unrecorded: int = 0

    def add(self, event: Event) -> None:
        """Count an event.

        Raises
        ------
        EnvironmentProblem
            The store could not write any of the last records: no run can continue.
        """
        if event.kind in ENDINGS:
            self.counts[event.kind] += 1
        if event.kind == "failed":
            self.failures.append(event)
        self.on_event(event)
        if event.kind == "completed":
            self._unrecorded = 0
        elif event.unrecorded:
            self._unrecorded += 1
        if self._unrecorded >= MAX_UNRECORDED:
            raise EnvironmentProblem(
                f"{self._unrecorded} units in a row could not even be recorded as failed; "
                f"the last: {event.unrecorded}",
                where=f"{event.stage}/{event.video_id}",
                next_step="Fix the work folder, then run again: finished units stay",
            )

    def summary(self) -> RunSummary:
        """Sum up."""
        return RunSummary(dict(self.counts), tuple(self.failures))
