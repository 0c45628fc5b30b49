"""The updates of a training, equal in every recipe.

B samples of an update, P processes
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.training.checkpoint import (
    newest_checkpoint,
    restore,
    save_checkpoint,
    trained_parameters,
)
from qevd_bio.training.configuration import TrainingConfig
from qevd_bio.training.log import LogLine, TrainingLog
from qevd_bio.training.order import BatchPlan, MicroBatches, seed_of
from qevd_bio.training.schedule import learning_rate

if TYPE_CHECKING:
    from accelerate import Accelerator

Batch: TypeAlias = Any
"""What `Task.collate` makes: tensors in a mapping, or an object with a method ``to``."""

BETAS = (0.9, 0.999)


@dataclass(frozen=True, slots=True)
class Task:
    """What a recipe trains, and on what.

    Attributes
    ----------
    model : Module
        Parameters that require a gradient are trained; all others stay as they are.
    dataset : Dataset
        Samples by index; a sample depends on nothing but its index.
    collate : callable
        Joins samples to a batch on the CPU.
    loss : callable
        Model, batch and a seed for each row to the *sum* of the weighted losses.
    weight : callable
        Batch to the sum of its weights; the loss is divided by that of the whole update.
    items : callable
        Batch to the number of samples or tokens in it, for the speed.
    largest : callable
        Finds the index of a sample that needs most memory.
    """

    model: nn.Module
    dataset: Dataset[Any]
    collate: Callable[[list[Any]], Batch]
    loss: Callable[[nn.Module, Batch, list[int]], Tensor]
    weight: Callable[[Batch], float]
    items: Callable[[Batch], int]
    largest: Callable[[], int] = lambda: 0


def start_processes() -> Accelerator:
    """Join the processes that ``accelerate launch`` or ``torchrun`` started, or be the only one.

    Raises
    ------
    EnvironmentProblem
        accelerate is not installed.
    """
    # must be set before CUDA starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise EnvironmentProblem(
            f"training needs accelerate, which does not import ({error})",
            where="train",
            next_step="Run: pip install 'qevd-bio[train]'",
        ) from error
    return Accelerator()


def train(
    task: Task,
    config: TrainingConfig,
    folder: Path,
    accelerator: Accelerator,
    on_update: Callable[[LogLine, int], None] = lambda _line, _updates: None,
) -> None:
    """Train a model, from its newest checkpoint if there is one.

    Parameters
    ----------
    task : Task
        What is trained. Its model is changed in place.
    config : TrainingConfig
        How.
    folder : Path
        For checkpoints and logs.
    accelerator : Accelerator
        Of `start_processes`.
    on_update : callable
        Gets the line of each update and the number of all updates, in the main process.

    Raises
    ------
    DataError
        The loss is no finite number, or a checkpoint cannot be used.

    Notes
    -----
    The gradient of an update is that of the weighted mean loss over its B samples, however many
    processes and micro-batches they are divided into: sums are divided by the weight of the whole
    batch, and multiplied by P since gradients are averaged over processes.
    """
    plan = BatchPlan(
        len(task.dataset),  # type: ignore[arg-type]  # a Dataset with a length
        config.batch_size,
        config.micro_batch,
        config.seed,
        accelerator.process_index,
        accelerator.num_processes,
    )
    updates = plan.updates(config.epochs)
    task.model.to(accelerator.device)
    optimizer = torch.optim.AdamW(
        trained_parameters(task.model).values(),
        lr=config.learning_rate,
        betas=BETAS,
        weight_decay=config.weight_decay,
    )
    done = _resume(task.model, optimizer, folder)
    loader = DataLoader(
        task.dataset,
        batch_sampler=MicroBatches(plan, done, updates),
        collate_fn=task.collate,
        num_workers=config.loader_workers,
        pin_memory=accelerator.device.type == "cuda",
    )
    model: nn.Module = accelerator.prepare_model(task.model) if done < updates else task.model
    writes = accelerator.is_main_process
    with (
        deterministic(config.deterministic),
        TrainingLog(folder, done, tensorboard=config.tensorboard)
        if writes
        else nullcontext() as log,
    ):
        step = Updating(task, model, optimizer, plan, config, accelerator)
        batches = iter(loader)
        model.train()
        for update in range(done, updates):
            line = step.update(update, updates, batches)
            if log is not None:
                log.add(line)
                on_update(line, updates)
            is_due = line.update % config.checkpoint_every == 0 or line.update == updates
            if is_due and writes:
                save_checkpoint(
                    folder, line.update, task.model, optimizer, keep=config.checkpoints_kept
                )
        model.eval()
    accelerator.wait_for_everyone()


@dataclass(frozen=True, slots=True)
class Updating:
    """One update of the parameters after the other."""

    task: Task
    model: nn.Module
    optimizer: torch.optim.Optimizer
    plan: BatchPlan
    config: TrainingConfig
    accelerator: Accelerator

    def update(self, update: int, updates: int, batches: Iterator[Batch]) -> LogLine:
        """Do one update and describe it."""
        from accelerate.utils import send_to_device

        began_s = time.perf_counter()
        config, device = self.config, self.accelerator.device
        parts = [next(batches) for _ in range(self.plan.parts)]
        weight, items = self._over_processes(
            sum(map(self.task.weight, parts)), sum(map(self.task.items, parts))
        )
        rate = learning_rate(
            update,
            peak=config.learning_rate,
            updates=updates,
            warm_up=config.warm_up,
            schedule=config.schedule,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        # whatever draws random numbers in a forward pass draws the same after a resume
        torch.manual_seed(seed_of(config.seed, update, self.plan.process))
        summed = torch.zeros((), device=device)
        for number, part in enumerate(parts):
            is_last = number + 1 == len(parts)
            with nullcontext() if is_last else self.accelerator.no_sync(self.model):
                seeds = self.plan.row_seeds(update, number)
                with autocast(config, device):
                    loss = self.task.loss(self.model, send_to_device(part, device), seeds)
                self.accelerator.backward(loss * (self.plan.processes / max(weight, 1e-12)))
                summed += loss.detach()
        (total,) = self._over_processes(float(summed))
        loss_mean = total / max(weight, 1e-12)
        if not math.isfinite(loss_mean):
            raise DataError(
                f"the loss is {loss_mean}",
                where=f"update {update + 1}",
                next_step="Lower learning_rate or clip_norm and train in a new folder",
            )
        norm = nn.utils.clip_grad_norm_(
            list(trained_parameters(self.task.model).values()), config.clip_norm or math.inf
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        speed = items / (time.perf_counter() - began_s)
        epoch = self.plan.epoch_of(update + 1)
        return LogLine(update + 1, epoch, loss_mean, rate, float(norm), speed)

    def _over_processes(self, *numbers: float) -> list[float]:
        """Add numbers up over the processes."""
        if self.plan.processes == 1:
            return list(numbers)
        own = torch.tensor(numbers, dtype=torch.float64, device=self.accelerator.device)
        summed: list[float] = self.accelerator.reduce(own, reduction="sum").tolist()
        return summed


def training_device() -> torch.device:
    """Return the device that this process trains on."""
    return torch.device(start_processes().device)


def uses_bf16(config: TrainingConfig, device: torch.device) -> bool:
    """Decide whether a training computes in bf16 on a device."""
    if config.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return config.precision == "bf16"


def autocast(config: TrainingConfig, device: torch.device) -> AbstractContextManager[Any]:
    """Compute in bf16 where `uses_bf16` says so; parameters and their updates stay in fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(config, device))


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Refuse operations that have no deterministic form, within a block."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _resume(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> int:
    checkpoint = newest_checkpoint(folder)
    if checkpoint is None:
        return 0
    restore(checkpoint, model, optimizer, where=str(folder))
    return checkpoint.update
