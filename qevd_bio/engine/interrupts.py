"""Ctrl-C and SIGTERM as counts that a loop can look at."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interrupts:
    """How often the user asked to stop."""

    count: int = 0


@contextmanager
def counted_interrupts() -> Iterator[Interrupts]:
    """Count SIGINT and SIGTERM instead of being thrown out by them.

    Yields
    ------
    Interrupts
        Outside of the main thread, where Python handles no signals, it stays at 0.
    """
    seen = Interrupts()

    def count(_signal: int, _frame: FrameType | None) -> None:
        seen.count += 1

    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = {number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
