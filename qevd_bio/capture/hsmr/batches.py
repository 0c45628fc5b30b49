"""Crops of several videos, through the network together, in batches of one shape.

B crops of a batch, n crops of one video

A video has its queue: it adds crops, and gets their estimates when all batches they are in are
done. Whoever fills a batch takes it through the network, while the others fill the next.

The same crop must give the same bytes with any other videos in work. So a batch that is not
full is padded: what stands beside a crop, and how much, never changes the shape the network works
on. And where the device makes a difference between positions in a batch (`position_matters`),
videos share no batch: a crop's position then depends on its own video alone.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.hsmr.predict import Prediction
from qevd_bio.errors import EnvironmentProblem

Step = Callable[[Tensor], Prediction]

RETRY_BATCHES = 50
"""Batches until a shape that did not fit is tried again; doubled each time."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates of n crops: angles q (n, 46) in rad and shape betas (n, 10).

    `finite` (n,) is False where a number of the network was not finite.
    """

    q: FloatArray
    betas: FloatArray
    finite: BoolArray


@dataclass(slots=True)
class NetworkUse:
    """Batches and crops that went through the network, and seconds with at least one in it."""

    batches: int = 0
    crops: int = 0
    busy_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    crop: Tensor
    queue: CropQueue
    place: int


@dataclass(slots=True)
class CropQueue:
    """The crops of one video on their way through the batches.

    Attributes
    ----------
    waiting : list
        Crops that are in no batch yet; one list for all queues that share batches.
    rows : list of ndarray (60,)
        Estimates in the order of the crops; None until they are there.
    missing : int
        Number of estimates still to come.
    error : Exception or None
        Why they will not come.
    """

    batches: CropBatches
    waiting: list[_Waiting]
    rows: list[FloatArray | None] = field(default_factory=list)
    missing: int = 0
    error: Exception | None = None

    @property
    def count(self) -> int:
        """Number of crops added."""
        return len(self.rows)

    @property
    def is_done(self) -> bool:
        """Whether all estimates are there, or will not come."""
        return self.missing == 0 or self.error is not None

    def add(self, crops: Tensor) -> None:
        """Add crops (n, 256, 256, 3) of uint8 on the network's device.

        Raises what the network raised on crops of this video.
        """
        self.batches.add(self, crops)

    def estimates(self) -> Estimates:
        """Return the estimates of all crops; only when the queue is closed."""
        rows = [row for row in self.rows if row is not None]
        if len(rows) != len(self.rows):
            raise RuntimeError(f"{self.missing} crops have not been through the network")
        held = np.array(rows).reshape(-1, 60)
        return Estimates(held[:, :46], held[:, 46:56], held[:, 59] > 0)


def position_matters(step: Step, crop: Tensor, size: int) -> bool:
    """Try whether a crop's position in a full batch changes its numbers.

    Random crops of the shape of `crop` go through in three orders. Matrix libraries may add up
    in another order near the end of a matrix than inside. Most do not at the sizes of this
    network, but none promises it.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (size, *crop.shape), dtype=torch.uint8, generator=generator)
    crops = noise.to(crop.device)
    known = _numbers(step(crops)).cpu()
    for order in (torch.arange(size).flip(0), torch.arange(size).roll(size // 2 + 1)):
        if not torch.equal(_numbers(step(crops[order.to(crop.device)])).cpu(), known[order]):
            return True
    return False


def _numbers(made: Prediction) -> Tensor:
    """Put all numbers of B crops side by side (B, 60)."""
    finite = made.finite[:, None].to(made.q.dtype)
    return torch.cat([made.q, made.betas, made.camera, finite], dim=1)


class CropBatches:
    """The network, shared by queues in several threads.

    `step` takes `size` crops through the network, as `predict` does. When the device's memory
    does not suffice, batches are halved. The former size is tried again after `RETRY_BATCHES`
    batches, and after twice as many whenever that fails. `use` shows how busy the network was.
    """

    def __init__(self, step: Step, size: int, *, shared: bool) -> None:
        self._step = step
        self.size, self.smallest, self.shared = size, size, shared
        self._full_size, self._since_halved, self._retry_after = size, 0, RETRY_BATCHES
        self._is_retried = False
        self._common: list[_Waiting] = []
        self.use = NetworkUse()
        self._inside, self._busy_since = 0, 0.0
        self._adding = 0
        self._filling = threading.Condition()
        self._network = threading.Lock()

    @contextmanager
    def queue(self) -> Iterator[CropQueue]:
        """Open a queue; its estimates are complete when it is left without an error."""
        queue = CropQueue(self, self._common if self.shared else [])
        with self._filling:
            self._adding += 1
        try:
            yield queue
        except BaseException:
            with self._filling:
                queue.waiting[:] = [one for one in queue.waiting if one.queue is not queue]
            raise
        finally:
            with self._filling:
                self._adding -= 1
                self._filling.notify_all()
        self._finish(queue)
        if queue.error is not None:
            raise queue.error

    def add(self, queue: CropQueue, crops: Tensor) -> None:
        """Queue crops, and take a full batch through the network."""
        for crop in crops:
            with self._filling:
                if queue.error is not None:
                    raise queue.error
                queue.waiting.append(_Waiting(crop, queue, len(queue.rows)))
                queue.rows.append(None)
                queue.missing += 1
                full = self._next_batch(queue) if len(queue.waiting) >= self._full_size else []
            if full:
                self._run(full)

    def _finish(self, queue: CropQueue) -> None:
        """Wait for the estimates of a queue that gets no more crops.

        Crops do not wait for a full batch when nobody adds more, or when the network would be
        idle: a video that shows nobody for long must not hold the others up.
        """

        def may_go_on() -> bool:
            nothing_comes = not self.shared or self._adding == 0 or self._inside == 0
            return queue.is_done or (bool(queue.waiting) and nothing_comes)

        while True:
            with self._filling:
                self._filling.wait_for(may_go_on)
                if queue.is_done:
                    return
                rest = self._next_batch(queue)
            self._run(rest)

    def _next_batch(self, queue: CropQueue) -> list[_Waiting]:
        """Take the next crops, which count as being in the network from now on."""
        batch = queue.waiting[: self._full_size]
        del queue.waiting[: self._full_size]
        self._inside += 1
        if self._inside == 1:
            self._busy_since = time.perf_counter()
        return batch

    def _run(self, batch: list[_Waiting]) -> None:
        try:
            with self._network:
                estimated = self._fitted([one.crop for one in batch])
            rows = torch.cat(estimated).cpu().double().numpy()
        except Exception as error:  # noqa: BLE001  it is raised in the queues it belongs to
            self._deliver(batch, None, error)
        except BaseException:
            self._deliver(batch, None, RuntimeError("the network was interrupted"))
            raise
        else:
            self._deliver(batch, rows, None)

    def _deliver(
        self, batch: list[_Waiting], rows: FloatArray | None, error: Exception | None
    ) -> None:
        with self._filling:
            for i, one in enumerate(batch):
                if rows is None:
                    one.queue.error = error
                else:
                    one.queue.rows[one.place] = rows[i]
                    one.queue.missing -= 1
            self._inside -= 1
            self.use.batches += 1
            self.use.crops += len(batch)
            if self._inside == 0:
                self.use.busy_s += time.perf_counter() - self._busy_since
            self._filling.notify_all()

    def _fitted(self, crops: list[Tensor]) -> list[Tensor]:
        """Take crops through the network in the largest shape that fits."""
        while True:
            try:
                parts = [
                    self._passed(crops[i : i + self.size]) for i in range(0, len(crops), self.size)
                ]
            except torch.cuda.OutOfMemoryError as error:
                self._halve(error)
            else:
                self._grow()
                return parts

    def _passed(self, crops: list[Tensor]) -> Tensor:
        stacked = torch.stack(crops)
        spare = self.size - len(crops)
        if spare:
            stacked = torch.cat([stacked, stacked.new_zeros(spare, *stacked.shape[1:])])
        return _numbers(self._step(stacked))[: len(crops)]

    def _halve(self, error: Exception) -> None:
        if self.size == 1:
            raise EnvironmentProblem(
                "the device's memory does not hold the network and one crop",
                where="hsmr",
                next_step="Free the GPU of other programs, or use one with more memory",
            ) from error
        if self._is_retried:
            self._retry_after *= 2
        self._is_retried = False
        self.size = (self.size + 1) // 2
        self.smallest, self._since_halved = min(self.smallest, self.size), 0
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _grow(self) -> None:
        self._since_halved += 1
        if self.size < self._full_size and self._since_halved >= self._retry_after:
            self.size, self._since_halved = min(2 * self.size, self._full_size), 0
            self._is_retried = True
