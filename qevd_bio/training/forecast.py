"""Memory and time of a training, from one and two samples really computed.

m samples that a device holds at once
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from qevd_bio.errors import EnvironmentProblem
from qevd_bio.training.checkpoint import trained_parameters
from qevd_bio.training.configuration import TrainingConfig
from qevd_bio.training.loop import Task, autocast
from qevd_bio.training.order import BatchPlan

if TYPE_CHECKING:
    from accelerate import Accelerator

USED_SHARE = 0.85
"""Share of the free memory that a training may plan with."""

_BYTES_A_PARAMETER = 12  # gradient and both moments of AdamW, float32
_TIMED_AT_LEAST_S = 0.5


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a training will need.

    Attributes
    ----------
    parameters, trained : int
        Numbers of all and of the trained parameters.
    weights_bytes : int
        Of all parameters, as loaded.
    optimizer_bytes : int
        Gradients and state of AdamW.
    fixed_bytes, sample_bytes : int
        What a forward and backward pass holds: a fixed part, and a part for each of m samples.
        On a GPU the highest memory that was allocated, on a CPU the tensors kept for the
        backward pass.
    free_bytes : int
        Memory of the device that is free now, with the weights loaded.
    micro_batch : int
        As configured.
    largest_micro_batch : int
        Largest m that fits into `USED_SHARE` of the free memory; 0 if not even one sample does.
    updates : int
        Of the whole training.
    update_s, total_s : float
        Time of an update and of the training, without reading samples.
    """

    parameters: int
    trained: int
    weights_bytes: int
    optimizer_bytes: int
    fixed_bytes: int
    sample_bytes: int
    free_bytes: int
    micro_batch: int
    largest_micro_batch: int
    updates: int
    update_s: float
    total_s: float

    @property
    def needed_bytes(self) -> int:
        """Memory beside the weights at the configured micro-batch."""
        return self.optimizer_bytes + self.fixed_bytes + self.micro_batch * self.sample_bytes

    @property
    def fits(self) -> bool:
        """Whether the configured micro-batch fits."""
        return self.micro_batch <= self.largest_micro_batch

    @property
    def advice(self) -> str:
        """Say what to do, in words."""
        if self.fits:
            return f"micro_batch {self.micro_batch} fits"
        if self.largest_micro_batch == 0:
            return "not even one sample fits: use a smaller model or a device with more memory"
        return (
            f"micro_batch {self.micro_batch} does not fit: give "
            f"--set micro_batch={self.largest_micro_batch}; batch_size and result stay the same"
        )


def forecast(task: Task, config: TrainingConfig, accelerator: Accelerator) -> Forecast:
    """Compute one and two of the largest samples, and scale up.

    Parameters
    ----------
    task : Task
        What would be trained; nothing in it is changed.
    config : TrainingConfig
        How.
    accelerator : Accelerator
        Of `loop.start_processes`.

    Raises
    ------
    EnvironmentProblem
        The device has not enough memory for one sample.
    """
    device = accelerator.device
    task.model.to(device).train()
    parameters = list(task.model.parameters())
    plan = BatchPlan(
        len(task.dataset),  # type: ignore[arg-type]  # a Dataset with a length
        config.batch_size,
        config.micro_batch,
        config.seed,
        accelerator.process_index,
        accelerator.num_processes,
    )
    sample = task.dataset[task.largest()]
    held, seconds = [], []
    for count in (1, 2):
        run = _Pass(task, config, device, [sample] * count)
        held.append(run.memory())
        seconds.append(run.seconds())
    task.model.zero_grad(set_to_none=True)
    task.model.eval()
    sample_bytes = max(held[1] - held[0], 1)
    fixed_bytes = max(held[0] - sample_bytes, 0)
    trained = sum(one.numel() for one in trained_parameters(task.model).values())
    optimizer_bytes = _BYTES_A_PARAMETER * trained
    free = free_bytes(device)
    left = USED_SHARE * free - optimizer_bytes - fixed_bytes
    own_rows = config.batch_size // plan.processes
    update_s = own_rows * min(seconds[0], seconds[1] / 2.0)
    updates = plan.updates(config.epochs)
    return Forecast(
        parameters=sum(one.numel() for one in parameters),
        trained=trained,
        weights_bytes=sum(one.numel() * one.element_size() for one in parameters),
        optimizer_bytes=optimizer_bytes,
        fixed_bytes=fixed_bytes,
        sample_bytes=sample_bytes,
        free_bytes=free,
        micro_batch=min(config.micro_batch, own_rows),
        largest_micro_batch=max(min(int(left / sample_bytes), own_rows), 0),
        updates=updates,
        update_s=update_s,
        total_s=updates * update_s,
    )


def kept_bytes(model: nn.Module, compute: Callable[[], Tensor]) -> int:
    """Measure what a forward pass keeps for its backward pass, without the model's parameters.

    Parameters
    ----------
    model : Module
        Whose parameters and buffers do not count.
    compute : callable
        The forward pass.

    Returns
    -------
    int
        Bytes; a tensor that is kept twice counts once.
    """
    own = {one.untyped_storage().data_ptr() for one in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = compute()
    del result  # until here every kept storage has an address of its own
    return sum(kept.values())


def free_bytes(device: torch.device) -> int:
    """Measure the free memory of a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


@dataclass(frozen=True, slots=True)
class _Pass:
    """A forward and backward pass over some samples."""

    task: Task
    config: TrainingConfig
    device: torch.device
    samples: list[object]

    def memory(self) -> int:
        """Measure what it holds in memory."""
        if self.device.type != "cuda":
            return kept_bytes(self.task.model, self._loss)
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        try:
            self._run()
        except torch.cuda.OutOfMemoryError as error:
            raise EnvironmentProblem(
                f"the GPU's memory does not hold {len(self.samples)} samples",
                where="train --plan",
                next_step="Use a smaller model, shorter segments or a GPU with more memory",
            ) from error
        return int(torch.cuda.max_memory_allocated(self.device)) - before

    def seconds(self) -> float:
        """Measure how long it takes, after one pass that does not count."""
        self._run()
        passes, began_s = 0, time.perf_counter()
        while passes == 0 or time.perf_counter() - began_s < _TIMED_AT_LEAST_S:
            self._run()
            passes += 1
        return (time.perf_counter() - began_s) / passes

    def _run(self) -> None:
        self._loss().backward()  # type: ignore[no-untyped-call]
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _loss(self) -> Tensor:
        from accelerate.utils import send_to_device

        batch = send_to_device(self.task.collate(self.samples), self.device)
        with autocast(self.config, self.device):
            return self.task.loss(self.task.model, batch, list(range(len(self.samples))))
