"""The order of samples in training, and every random number, from seed, epoch and place alone.

N samples, P processes

Nothing here has a state. Training that starts again at an update therefore sees what it would have
seen without the interruption, whatever its loaders had read ahead.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch.utils.data import Sampler

from qevd_bio.arrays import IntArray
from qevd_bio.errors import UsageError


def seed_of(*numbers: int) -> int:
    """Derive a seed from whole numbers; equal on every machine and version.

    Returns
    -------
    int
        From 0 to 2**63 - 1, of the BLAKE2b digest of the numbers.
    """
    packed = struct.pack(f"<{len(numbers)}q", *numbers)
    digest = hashlib.blake2b(packed, digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@lru_cache(maxsize=2)
def epoch_order(seed: int, epoch: int, length: int) -> IntArray:
    """Shuffle the samples of an epoch.

    Parameters
    ----------
    seed, epoch : int
        What the order depends on.
    length : int
        Number N of samples.

    Returns
    -------
    ndarray (N,) of int
        Every index once, sorted by `seed_of` of seed, epoch and index. Shared: do not write to it.
    """
    keys = np.array([seed_of(seed, epoch, index) for index in range(length)], dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    order.flags.writeable = False
    return order


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """How the samples are divided into updates, processes and parts that fit into memory.

    The samples form one endless row: epoch after epoch, each in its own order. Update k takes
    samples k B to (k + 1) B - 1 of it, so a batch may reach over the end of an epoch, and every
    sample is used once in each epoch.

    Attributes
    ----------
    samples : int
        Number N of samples.
    batch_size : int
        Samples of one update, over all processes.
    micro_batch : int
        Most samples that a process holds in memory at once.
    seed : int
        Of the order.
    process, processes : int
        Which process this is, from 0, and their number P.
    """

    samples: int
    batch_size: int
    micro_batch: int
    seed: int
    process: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise UsageError(
                "there is no sample to train on",
                where="training data",
                next_step="Check the folders and the split that the configuration names",
            )
        if self.batch_size % self.processes:
            raise UsageError(
                f"{self.batch_size} samples cannot be divided among {self.processes} processes",
                where="batch_size",
                next_step=f"Give a multiple of {self.processes}",
            )

    def updates(self, epochs: int) -> int:
        """Count the updates that use every sample at least `epochs` times."""
        return -(-epochs * self.samples // self.batch_size)

    @property
    def parts(self) -> int:
        """Number of micro-batches of a process in one update."""
        return -(-(self.batch_size // self.processes) // self.micro_batch)

    def epoch_of(self, update: int) -> float:
        """Measure how many epochs are over when an update begins."""
        return update * self.batch_size / self.samples

    def rows(self, update: int) -> list[list[int]]:
        """List the rows of a batch that belong to this process, micro-batch by micro-batch.

        A row is a place in the batch of the update, from 0 to B - 1. Process p has rows
        p, p + P, ...; so the batch is the same for every number of processes.
        """
        own = list(range(self.process, self.batch_size, self.processes))
        return [own[at : at + self.micro_batch] for at in range(0, len(own), self.micro_batch)]

    def sample(self, update: int, row: int) -> int:
        """Find the sample that stands in a row of an update."""
        epoch, place = divmod(update * self.batch_size + row, self.samples)
        return int(epoch_order(self.seed, epoch, self.samples)[place])

    def row_seeds(self, update: int, part: int) -> list[int]:
        """Give each row of a micro-batch a seed of its own, for dropout."""
        return [seed_of(self.seed, update, row) for row in self.rows(update)[part]]


class MicroBatches(Sampler[list[int]]):
    """Micro-batches of this process from one update to another; a ``batch_sampler``.

    Parameters
    ----------
    plan : BatchPlan
        How samples are divided.
    start, end : int
        First update, and the one after the last.
    """

    def __init__(self, plan: BatchPlan, start: int, end: int) -> None:
        self._plan, self._start, self._end = plan, start, end

    def __len__(self) -> int:
        """Count the micro-batches."""
        return (self._end - self._start) * self._plan.parts

    def __iter__(self) -> Iterator[list[int]]:
        """List the samples of each micro-batch."""
        for update in range(self._start, self._end):
            for rows in self._plan.rows(update):
                yield [self._plan.sample(update, row) for row in rows]
