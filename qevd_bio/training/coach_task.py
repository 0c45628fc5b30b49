"""What the recipes of a coach share: configuration, loss and the loss on held-out exercises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from qevd_bio.choices import ContextCut, Sentences
from qevd_bio.files.digest import sha256_file
from qevd_bio.model.batch import CoachBatch, collate
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.coach_folder import Coach, load_coach, save_coach
from qevd_bio.model.coach_settings import SETTINGS_FILE
from qevd_bio.model.hidden_cache import HiddenCache
from qevd_bio.model.layout import Example, LayoutConfig
from qevd_bio.model.loss import weighted_next_token_loss
from qevd_bio.training.coach_samples import CoachData, CoachSamples
from qevd_bio.training.configuration import TrainingConfig, given
from qevd_bio.training.loop import Task, autocast, training_device, uses_bf16
from qevd_bio.training.with_features import LEFT_OUT

COACH_FOLDER = "coach"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoachConfig(TrainingConfig):
    """Configuration of the recipes that train a coach.

    Attributes
    ----------
    coach : Path or None
        Folder of the coach to start from.
    release : Path or None
        Folder of the release with sentences and contexts.
    work : Path or None
        Work folder with the visual features.
    sentences : str
        ``new`` or ``original``, as in `released_coach_data`.
    motion_context : bool
        Whether the coach is given motion contexts.
    slot_tokens : int
        Tokens that a motion context may have.
    continuation_weight : float
        Weight of the token that goes on to the next frame; 0.1 in the paper.
    skip_spoken_frames : bool
        Whether frames that pass while a feedback is spoken are left out.
    context_cut : str
        What is left out of a motion context that is longer: its ``pose``, or all but its ``end``.
    replaced_numbers : int
        So many times each exercise comes again in an epoch with other numbers in its contexts and
        sentences, see `CoachSamples`.
    held_out_segments : int
        The loss is also computed on so many exercises of the split ``test``.
    cache_gb : float
        Memory of each process for the states below the first trained layer, which are computed
        once for each exercise; 0 computes them each time. Nothing is kept where that layer is
        the first.
    cache_folder : Path or None
        Keeps these states from training to training; without it they are kept in memory.
    """

    coach: Path | None = None
    release: Path | None = None
    work: Path | None = None
    sentences: Sentences = "new"
    motion_context: bool = True
    slot_tokens: int = 128
    continuation_weight: float = 0.1
    skip_spoken_frames: bool = True
    context_cut: ContextCut = "pose"
    replaced_numbers: int = 0
    held_out_segments: int = 64
    cache_gb: float = 8.0
    cache_folder: Path | None = None
    micro_batch: int = 4

    def range_issue(self) -> str | None:
        """Check what is counted or measured in memory."""
        for key in ("replaced_numbers", "held_out_segments", "cache_gb"):
            if getattr(self, key) < 0:
                return f"{key} must be 0 or more, not {getattr(self, key)}"
        return None

    def layout(self) -> LayoutConfig:
        """Return how sequences are laid out."""
        return LayoutConfig(
            slot_tokens=self.slot_tokens,
            continuation_weight=self.continuation_weight,
            skip_spoken_frames=self.skip_spoken_frames,
            context_cut=self.context_cut,
        )


def loaded_coach(config: CoachConfig) -> Coach:
    """Load the coach to start from, in bf16 where the training computes in it."""
    dtype = torch.bfloat16 if uses_bf16(config, training_device()) else torch.float32
    return load_coach(given(config.coach, "coach"), dtype=dtype)


def training_samples(data: CoachData, coach: Coach, config: CoachConfig) -> CoachSamples:
    """Lay out what a coach is trained on."""
    return CoachSamples(
        data.trained_on,
        data,
        coach.tokenizer,
        config.layout(),
        copies=config.replaced_numbers,
        seed=config.seed,
    )


@dataclass(frozen=True, slots=True)
class JoinedSamples:
    """A batch with the sequences it was made of, by which their states are found.

    Attributes
    ----------
    batch : CoachBatch
        Tensors.
    examples : tuple of Example
        The sequences without their frames.
    """

    batch: CoachBatch
    examples: tuple[Example, ...]

    def to(self, device: torch.device | str, non_blocking: bool = True) -> JoinedSamples:
        """Copy the tensors to a device."""
        return replace(self, batch=self.batch.to(device))

    def pin_memory(self) -> JoinedSamples:
        """Move the tensors to page-locked memory."""
        return replace(self, batch=self.batch.pin_memory())


def joined(examples: Sequence[Example]) -> JoinedSamples:
    """Join sequences to a batch; ``collate_fn`` of a ``DataLoader``."""
    without = tuple(replace(one, frames=one.frames[:0]) for one in examples)
    return JoinedSamples(collate(examples), without)


def coach_task(coach: Coach, samples: CoachSamples, config: CoachConfig) -> Task:
    """Describe the training of a coach: what is trainable in its model, on samples.

    The loss is the weighted negative log-likelihood of the next token; staying silent counts
    less than speaking. States below the first trained layer are computed once.
    """
    most_bytes = int(config.cache_gb * 1e9)
    depth = coach.model.frozen_depth()
    cache = None
    if depth and most_bytes:
        cache = HiddenCache(coach.model, folder=config.cache_folder, most_bytes=most_bytes)

    def loss(model: nn.Module, batch: JoinedSamples, _row_seeds: list[int]) -> Tensor:
        lower = None if cache is None else cache.states(batch.examples)
        return _loss(model, batch.batch, lower)

    return Task(
        model=coach.model,
        dataset=samples,
        collate=joined,
        loss=loss,
        weight=lambda joined: float(joined.batch.weights.sum()),
        items=lambda joined: joined.batch.n_tokens(),
        largest=samples.longest,
    )


def made_from(coach: Coach, data: CoachData) -> dict[str, str]:
    """Name what decides the result of a training beside its configuration."""
    return {
        "coach": sha256_file(coach.folder / SETTINGS_FILE),
        "release": data.digest,
        "network of the features": data.network,
        **({LEFT_OUT: ", ".join(data.left_out)} if data.left_out else {}),
    }


def held_out_loss(model: CoachModel, samples: CoachSamples, config: CoachConfig) -> float | None:
    """Compute the mean loss on held-out exercises; None where there are none."""
    device = next(model.parameters()).device
    count = min(len(samples), config.held_out_segments)
    total = weight = 0.0
    model.eval()
    with torch.inference_mode(), autocast(config, device):
        for first in range(0, count, config.micro_batch):
            last = min(first + config.micro_batch, count)
            batch = collate([samples[index] for index in range(first, last)]).to(device)
            total += float(_loss(model, batch, None))
            weight += float(batch.weights.sum())
    return total / weight if weight else None


def save_trained(
    folder: Path, coach: Coach, config: CoachConfig, data: CoachData, note: str
) -> None:
    """Write a trained coach below the folder of its training."""
    settings = replace(
        coach.settings,
        layout=config.layout(),
        network=data.network,
        release=data.release,
        notes=(*coach.settings.notes, note),
    )
    save_coach(folder / COACH_FOLDER, replace(coach, settings=settings))


def _loss(model: nn.Module, batch: CoachBatch, lower: Tensor | None) -> Tensor:
    logits = model(batch, lower)
    return weighted_next_token_loss(logits, batch.targets, batch.weights, "sum")
