"""How far a stage is within one video: its frame loop reports, whoever runs it listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Listener = Callable[[int, int], None]
"""Gets the number of frames done and of all frames."""

LEAST_INTERVAL_S = 0.25

_LISTENER: ContextVar[Listener | None] = ContextVar("frame listener", default=None)


@contextmanager
def frame_listener(listener: Listener) -> Iterator[None]:
    """Call a listener about the frames that `reported` counts in this context."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def reported(frames: Iterable[T], total: int) -> Iterator[T]:
    """Pass frames on, and report how many are done.

    Parameters
    ----------
    frames : iterable
        Read once, in this thread or another.
    total : int
        Number of frames that are expected.
    """
    listener = _LISTENER.get()
    return iter(frames) if listener is None else _counted(frames, total, listener)


def _counted(frames: Iterable[T], total: int, listener: Listener) -> Iterator[T]:
    listener(0, total)
    last, done = time.monotonic(), 0
    for done, frame in enumerate(frames, 1):
        yield frame
        if time.monotonic() - last >= LEAST_INTERVAL_S:
            last = time.monotonic()
            listener(done, total)
    listener(done, total)
