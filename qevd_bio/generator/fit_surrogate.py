"""Training of the surrogates, and how well they agree with the simulation.

T frames, F features, M muscles, S sequences, L frames of the longest
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.generator.surrogate import LEAST, FrameSurrogate, Ranges, SequenceSurrogate


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How long and how fast a surrogate is trained; the paper's are in brackets.

    epochs (1000), batch (128 sequences), rate (2e-4), decay (1e-5), clip (1.0), noise that is
    added to inputs, in their spreads (none), seed.
    """

    epochs: int
    batch: int
    rate: float
    decay: float = 1e-5
    clip: float = 1.0
    noise: float = 0.2
    seed: int = 0


def fit_frames(
    features: FloatArray, activations: FloatArray, options: FitOptions, width: int = 256
) -> FrameSurrogate:
    """Train the network of single frames on features (T, F) and activations (T, M)."""
    torch.manual_seed(options.seed)
    network = FrameSurrogate(Ranges.of(features), activations.shape[1], width)
    x = torch.tensor(features, dtype=torch.float32)
    y = torch.tensor(activations, dtype=torch.float32)
    _begin_at_mean(network.layers[-1], y.mean(dim=0))
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=options.rate, weight_decay=options.decay
    )
    steps = options.epochs * -(-len(x) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps)
    generator = torch.Generator().manual_seed(options.seed)
    noise = options.noise * x.std(dim=0)
    for _ in range(options.epochs):
        for rows in torch.split(torch.randperm(len(x), generator=generator), options.batch):
            shaken = x[rows] + noise * torch.randn(x[rows].shape, generator=generator)
            loss = nn.functional.mse_loss(network(shaken), y[rows])
            _step(network, optimiser, loss, options.clip)
            schedule.step()
    return network.eval()


def fit_sequences(
    features: Sequence[FloatArray], activations: Sequence[FloatArray], options: FitOptions
) -> SequenceSurrogate:
    """Train the paper's transformer on whole motions (T, F) and activations (T, M).

    Smooth L1 loss; the rate halves when the loss has not fallen for ten epochs.
    """
    torch.manual_seed(options.seed)
    network = SequenceSurrogate(Ranges.of(np.concatenate(features)), activations[0].shape[1])
    x, absent = padded(features)
    y, _ = padded(activations)
    optimiser = torch.optim.Adam(network.parameters(), lr=options.rate, weight_decay=options.decay)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=10)
    generator = torch.Generator().manual_seed(options.seed)
    for _ in range(options.epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(x), generator=generator), options.batch):
            there = ~absent[rows]
            loss = nn.functional.smooth_l1_loss(
                network(x[rows], absent[rows])[there], y[rows][there], beta=0.1
            )
            _step(network, optimiser, loss, options.clip)
            total += float(loss.detach()) * len(rows)
        schedule.step(total)
    return network.eval()


def _begin_at_mean(last: nn.Module, mean: torch.Tensor) -> None:
    """Let activations begin at their means (M,): most are near 0, and sigmoids begin at .5."""
    share = ((mean - LEAST) / (1.0 - LEAST)).clamp(1e-3, 1.0 - 1e-3)
    with torch.no_grad():
        last.get_parameter("bias").copy_(torch.logit(share))


def _step(
    network: nn.Module, optimiser: torch.optim.Optimizer, loss: torch.Tensor, clip: float
) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimiser.step()


def padded(motions: Sequence[FloatArray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Fill motions (T, K) up to one tensor (S, L, K); True (S, L) where it is filling."""
    longest = max(len(one) for one in motions)
    values = torch.zeros(len(motions), longest, motions[0].shape[1])
    absent = torch.ones(len(motions), longest, dtype=torch.bool)
    for row, one in enumerate(motions):
        values[row, : len(one)] = torch.tensor(one, dtype=torch.float32)
        absent[row, : len(one)] = False
    return values, absent


def predicted(network: FrameSurrogate, features: FloatArray) -> FloatArray:
    """Predict activations (T, M) of frames (T, F)."""
    with torch.no_grad():
        found = network(torch.tensor(features, dtype=torch.float32))
    return np.asarray(found.numpy(), dtype=np.float64)


def predicted_sequences(
    network: SequenceSurrogate, features: Sequence[FloatArray]
) -> list[FloatArray]:
    """Predict activations (T, M) of each motion (T, F)."""
    with torch.no_grad():
        return [
            network(torch.tensor(one, dtype=torch.float32)[None])[0].numpy().astype(np.float64)
            for one in features
        ]


def agreement(
    ours: FloatArray, simulated: FloatArray, groups: Mapping[str, IntArray]
) -> dict[str, tuple[float, float]]:
    """Compute R2 and RMSE of groups of muscles, all frames and muscles of a group pooled.

    `ours` and `simulated` are (T, M); groups name columns. R2 is about the mean of each muscle,
    NaN where nothing varies.
    """
    found = {}
    for name, columns in groups.items():
        x, y = ours[:, columns], simulated[:, columns]
        spread = ((y - y.mean(axis=0)) ** 2).sum()
        off = ((x - y) ** 2).sum()
        r2 = float(1.0 - off / spread) if spread > 0.0 else float("nan")
        found[name] = (r2, float(np.sqrt(off / y.size)))
    return found
