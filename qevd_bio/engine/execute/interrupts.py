"""Ctrl-C and the signals of schedulers, as counts a loop can look at or as KeyboardInterrupt."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

# Schedulers announce the end of a job by one of these; a second one is no more urgent.
_WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
_STOPS = (signal.SIGINT, signal.SIGTERM, *_WARNINGS)


@dataclass(slots=True)
class Interrupts:
    """How often the user or the scheduler asked to stop."""

    count: int = 0


@contextmanager
def counted_interrupts() -> Iterator[Interrupts]:
    """Count SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 instead of being thrown out by them.

    Yields
    ------
    Interrupts
        Outside of the main thread, where Python handles no signals, it stays at 0. Warnings
        by SIGUSR1 and SIGUSR2 bring it to 1 and never further.
    """
    interrupts = Interrupts()

    def count(number: int, _frame: FrameType | None) -> None:
        interrupts.count = (
            max(interrupts.count, 1) if number in _WARNINGS else interrupts.count + 1
        )

    with _handled_by(count):
        yield interrupts


@contextmanager
def raised_interrupts() -> Iterator[None]:
    """Let SIGTERM, SIGUSR1 and SIGUSR2 raise KeyboardInterrupt, as SIGINT does."""
    with _handled_by(signal.default_int_handler):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _STOPS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
