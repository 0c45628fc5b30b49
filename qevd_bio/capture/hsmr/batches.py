"""Crops of several videos, through the network together, in batches of one shape.

B crops of a batch, n crops of one video

A video has its lane: it adds crops, and gets their estimates when a batch they are in is through.
Whoever fills a batch takes it through the network, while the others fill the next.

The same crop must give the same bytes whatever other videos are at work. So a batch that is not
full is padded: what stands beside a crop, and how much, never changes the shape the network works
on. And where the device makes a difference between places in a batch (`places_matter`), videos
share no batch: a crop's place is then given by its own video.
"""

from __future__ import annotations

import gc
import threading
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

CALM_BATCHES = 50
"""Batches that must pass before a shape that did not fit is tried again; doubled each time."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the network says of n crops.

    Attributes
    ----------
    q : ndarray (n, 46)
        Angles in rad.
    betas : ndarray (n, 10)
        Shape.
    camera : ndarray (n, 3)
        Scale and shift of the crop's camera.
    finite : ndarray (n,) of bool
        False where a number of the network was not finite.
    """

    q: FloatArray
    betas: FloatArray
    camera: FloatArray
    finite: BoolArray


@dataclass(frozen=True, slots=True)
class _Waiting:
    crop: Tensor
    lane: Lane
    place: int


@dataclass(slots=True)
class Lane:
    """One video's way through the batches.

    Attributes
    ----------
    rows : list of ndarray (60,)
        Estimates by the order in which crops were added; None until they are there.
    waiting : list
        Crops that are in no batch yet; one list for all lanes that share batches.
    missing : int
        How many are not there yet.
    error : Exception or None
        Why they never will be.
    """

    batches: CropBatches
    waiting: list[_Waiting]
    rows: list[FloatArray | None] = field(default_factory=list)
    missing: int = 0
    error: Exception | None = None

    def add(self, crops: Tensor) -> None:
        """Hand over crops (n, 256, 256, 3) of uint8 on the network's device.

        Raises
        ------
        Exception
            Whatever the network raised on crops of this video.
        """
        self.batches.add(self, crops)

    def estimates(self) -> Estimates:
        """Give the estimates of all crops; only when the lane is closed."""
        rows = [row for row in self.rows if row is not None]
        if len(rows) != len(self.rows):
            raise RuntimeError(f"{self.missing} crops have not been through the network")
        held = np.array(rows).reshape(-1, 60)
        return Estimates(held[:, :46], held[:, 46:56], held[:, 56:59], held[:, 59] > 0)


def places_matter(step: Step, crop: Tensor, size: int) -> bool:
    """Try whether a crop's place in a batch changes the numbers.

    Parameters
    ----------
    step : callable
        Takes crops through the network.
    crop : Tensor (256, 256, 3)
        uint8, on the network's device; its values do not matter.
    size : int
        Crops of a batch.

    Returns
    -------
    bool
        False when random crops in two other orders give the same bytes.

    Notes
    -----
    Matrix libraries may add up in another order near the end of a matrix than inside. Most do
    not at the sizes of this network, but none promises it.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (size, *crop.shape), dtype=torch.uint8, generator=generator)
    crops = noise.to(crop.device)
    told = _numbers(step(crops))
    for order in (torch.arange(size).flip(0), torch.arange(size).roll(size // 2 + 1)):
        if not torch.equal(_numbers(step(crops[order.to(crop.device)])).cpu(), told.cpu()[order]):
            return True
    return False


def _numbers(said: Prediction) -> Tensor:
    """Put all that is said of B crops side by side (B, 60)."""
    finite = said.finite[:, None].to(said.q.dtype)
    return torch.cat([said.q, said.betas, said.camera, finite], dim=1)


class CropBatches:
    """The network, shared by lanes in several threads.

    Parameters
    ----------
    step : callable
        Takes B crops through the network, as `predict` does; may raise OutOfMemoryError.
    size : int
        Crops of a batch.
    shared : bool
        Whether lanes share batches.

    Notes
    -----
    When the device's memory does not suffice, batches are halved. The former size is tried again
    after `CALM_BATCHES` batches, and after twice as many whenever that fails.
    """

    def __init__(self, step: Step, size: int, *, shared: bool) -> None:
        self._step = step
        self.size, self.smallest, self.shared = size, size, shared
        self._asked, self._calm, self._patience = size, 0, CALM_BATCHES
        self._is_retried = False
        self._common: list[_Waiting] = []
        self._adding = 0
        self._filling = threading.Condition()
        self._network = threading.Lock()

    @contextmanager
    def lane(self) -> Iterator[Lane]:
        """Open a lane; its estimates are all there when it is left without an error."""
        lane = Lane(self, self._common if self.shared else [])
        with self._filling:
            self._adding += 1
        try:
            yield lane
        except BaseException:
            with self._filling:
                lane.waiting[:] = [one for one in lane.waiting if one.lane is not lane]
            self._leave(lane)
            raise
        self._leave(lane)
        with self._filling:
            self._filling.wait_for(lambda: lane.missing == 0 or lane.error is not None)
        if lane.error is not None:
            raise lane.error

    def add(self, lane: Lane, crops: Tensor) -> None:
        """Put crops in line, and take a full batch through the network."""
        for crop in crops:
            with self._filling:
                if lane.error is not None:
                    raise lane.error
                lane.waiting.append(_Waiting(crop, lane, len(lane.rows)))
                lane.rows.append(None)
                lane.missing += 1
                full = self._taken(lane) if len(lane.waiting) >= self._asked else []
            if full:
                self._through(full)

    def _leave(self, lane: Lane) -> None:
        """Count a lane out; the last one of those that share batches takes along what waits."""
        with self._filling:
            self._adding -= 1
            is_last = not self.shared or self._adding == 0
            rest = self._taken(lane) if is_last else []
        if rest:
            self._through(rest)

    def _taken(self, lane: Lane) -> list[_Waiting]:
        taken = lane.waiting[: self._asked]
        del lane.waiting[: self._asked]
        return taken

    def _through(self, batch: list[_Waiting]) -> None:
        try:
            with self._network:
                told = self._fitted([one.crop for one in batch])
            rows = torch.cat(told).cpu().double().numpy()
        except Exception as error:  # noqa: BLE001  it is raised in the lanes it belongs to
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
                    one.lane.error = error
                else:
                    one.lane.rows[one.place] = rows[i]
                    one.lane.missing -= 1
            self._filling.notify_all()

    def _fitted(self, crops: list[Tensor]) -> list[Tensor]:
        """Take crops through the network in the largest shape that fits."""
        while True:
            try:
                told = [
                    self._passed(crops[i : i + self.size]) for i in range(0, len(crops), self.size)
                ]
            except torch.cuda.OutOfMemoryError as error:
                self._halve(error)
            else:
                self._grow()
                return told

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
            self._patience *= 2
        self._is_retried = False
        self.size = (self.size + 1) // 2
        self.smallest, self._calm = min(self.smallest, self.size), 0
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _grow(self) -> None:
        self._calm += 1
        if self.size < self._asked and self._calm >= self._patience:
            self.size, self._calm = min(2 * self.size, self._asked), 0
            self._is_retried = True
