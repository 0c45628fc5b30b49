"""Work that goes on beside: frames decoded ahead of their use, several videos at once."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE_S = 0.1


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


class _Maker(threading.Thread, Generic[T]):
    """Puts items in a line, until they are all there or nobody wants them any more."""

    def __init__(self, items: Iterable[T], most: int) -> None:
        super().__init__(name="made ahead", daemon=True)
        self._items = items
        self._line: queue.Queue[_Item[T] | BaseException | None] = queue.Queue(most)
        self._left = threading.Event()

    def run(self) -> None:
        try:
            for value in self._items:
                if not self._put(_Item(value)):
                    return
        except BaseException as error:  # noqa: BLE001  it is raised where the items are read
            self._put(error)
        else:
            self._put(None)

    def read(self) -> Iterator[T]:
        while (item := self._line.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item.value

    def leave(self) -> None:
        self._left.set()
        self.join()

    def _put(self, item: _Item[T] | BaseException | None) -> bool:
        while not self._left.is_set():
            try:
                self._line.put(item, timeout=_PATIENCE_S)
            except queue.Full:
                continue
            return True
        return False


@contextmanager
def made_ahead(items: Iterable[T], most: int) -> Iterator[Iterator[T]]:
    """Make items in a thread of their own, no more than some ahead of their use.

    Parameters
    ----------
    items : iterable
        Read once, in the thread. What it raises is raised to the reader, in its turn.
    most : int
        Items made and not used yet.

    Yields
    ------
    iterator
        The items in order. The thread has ended when the context is left, however that is.
    """
    maker = _Maker(items, most)
    maker.start()
    try:
        yield maker.read()
    finally:
        maker.leave()


def side_by_side(
    jobs: Iterable[T], work: Callable[[T], R], at_once: int
) -> Iterator[tuple[T, R | Exception]]:
    """Work on several jobs at once, and tell of them in their order.

    Parameters
    ----------
    jobs : iterable
        Read as places become free.
    work : callable
        Called in a thread.
    at_once : int
        Jobs begun and not told of.

    Yields
    ------
    (job, result or Exception)
        What the work returned or raised: one job's failure costs that job.
    """
    begun: deque[tuple[T, Future[R]]] = deque()

    def told() -> tuple[T, R | Exception]:
        job, future = begun.popleft()
        try:
            return job, future.result()
        except Exception as error:  # noqa: BLE001  one job's failure costs that job
            return job, error

    with ThreadPoolExecutor(max_workers=at_once) as pool:
        for job in jobs:
            begun.append((job, pool.submit(work, job)))
            if len(begun) == at_once:
                yield told()
        while begun:
            yield told()
