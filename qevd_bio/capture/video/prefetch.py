"""Compute items in a separate thread, in advance of their use."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


class _Producer(threading.Thread, Generic[T]):
    """Puts items in a queue, until they are all there or it is closed."""

    def __init__(self, items: Iterable[T], most: int) -> None:
        super().__init__(name="prefetch", daemon=True)
        self._items = items
        self._queue: queue.Queue[_Item[T] | BaseException | None] = queue.Queue(most)
        self._closed = threading.Event()
        self._context = copy_context()

    def run(self) -> None:
        self._context.run(self._compute)

    def _compute(self) -> None:
        try:
            for value in self._items:
                if not self._put(_Item(value)):
                    return
        except BaseException as error:  # noqa: BLE001  it is raised where the items are read
            self._put(error)
        else:
            self._put(None)

    def read(self) -> Iterator[T]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item.value

    def close(self) -> None:
        self._closed.set()
        self.join()

    def _put(self, item: _Item[T] | BaseException | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=_WAIT_S)
            except queue.Full:
                continue
            return True
        return False


@contextmanager
def prefetched(items: Iterable[T], most: int) -> Iterator[Iterator[T]]:
    """Compute items in a separate thread, at most `most` of them before they are used.

    An exception of that thread is raised in the reader, in its turn. The thread has ended when the
    context is left.
    """
    producer = _Producer(items, most)
    producer.start()
    try:
        yield producer.read()
    finally:
        producer.close()
