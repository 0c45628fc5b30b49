"""The networks of the correction as they are trained; capture runs them without torch.

N clips, T frames, F features, H channels, B bones, O outputs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qevd_bio.arrays import Float32Array
from qevd_bio.capture.monocular.correction.bone_directions import B
from qevd_bio.capture.monocular.correction.features import F
from qevd_bio.capture.monocular.correction.network import (
    EVIDENCE,
    N_OBSERVED,
    N_SPREADS,
    NetworkShape,
)


class _Convolution(nn.Module):
    """Three frames, `dilation` apart; padded so that the length stays."""

    def __init__(self, channels: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.padding = (2 * dilation, 0) if causal else (dilation, dilation)
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        # repeated edge frames: zeros would be a posture that nobody takes
        left, right = self.padding
        first, last = x[..., :1].expand(-1, -1, left), x[..., -1:].expand(-1, -1, right)
        return torch.as_tensor(self.conv(torch.cat([first, x, last], dim=-1)))


class _Block(nn.Module):
    def __init__(self, channels: int, dilation: int, causal: bool, dropout: float) -> None:
        super().__init__()
        self.norm = _ChannelNorm(channels)
        self.first = _Convolution(channels, dilation, causal)
        self.second = _Convolution(channels, dilation, causal)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = nn.functional.gelu(self.first(self.norm(x)))
        return x + torch.as_tensor(self.second(self.dropout(hidden)))


class _ChannelNorm(nn.Module):
    """Layer norm over the channels of each frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.norm(x.transpose(1, 2)).transpose(1, 2))


class TrainedCorrection(nn.Module):
    """Features (N, T, F) to direction steps (N, T, B, 3) and logs of errors (N, T, 21), rad.

    A step is added to the fitted unit direction of a bone before it is normalised again.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: NetworkShape, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.zeros(F))
        self.register_buffer("scale", torch.ones(F))
        self.inward = nn.Linear(F, shape.channels)
        self.blocks = nn.ModuleList(
            _Block(shape.channels, dilation, shape.causal, dropout) for dilation in shape.dilations
        )
        self.norm = nn.LayerNorm(shape.channels)
        self.steps = nn.Linear(shape.channels, 3 * B)
        self.spread = nn.Linear(shape.channels, N_SPREADS)
        nn.init.zeros_(self.steps.weight)
        nn.init.zeros_(self.steps.bias)

    def hidden(self, features: Tensor) -> Tensor:
        """Describe each frame in its context (N, T, H)."""
        x = self.inward((features - self.mean) / self.scale).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return torch.as_tensor(self.norm(x.transpose(1, 2)))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the steps of each frame, and the log of the errors that remain (N, T, 21)."""
        hidden = self.hidden(features)
        steps = self.steps(hidden)
        return steps.reshape(*steps.shape[:-1], B, 3), self.spread(hidden)


class TrainedEvidence(nn.Module):
    """Evidence about frames (N, T, `EVIDENCE`) to some numbers each (N, T, O)."""

    mean: Tensor
    scale: Tensor
    offset: Tensor

    def __init__(self, outputs: int, channels: int = 128) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(EVIDENCE))
        self.register_buffer("scale", torch.ones(EVIDENCE))
        self.register_buffer("offset", torch.zeros(outputs))
        self.layers = nn.Sequential(
            nn.Linear(EVIDENCE, channels), nn.GELU(), nn.Dropout(0.2),
            nn.Linear(channels, channels), nn.GELU(), nn.Dropout(0.2),
            nn.Linear(channels, outputs),
        )  # fmt: skip

    def forward(self, evidence: Tensor) -> Tensor:
        """Return the numbers of each frame; `offset` is added after training."""
        return torch.as_tensor(self.layers((evidence - self.mean) / self.scale)) + self.offset


def guard_network() -> TrainedEvidence:
    """Make the network of logits (N, T, B): the share of each bone's step that is taken."""
    return TrainedEvidence(B)


def sigma_network() -> TrainedEvidence:
    """Make the network of logs of each observed DoF's error (N, T, 21), rad."""
    return TrainedEvidence(N_OBSERVED)


def arrays_of(trained: nn.Module) -> dict[str, Float32Array]:
    """Return the weights of a trained network by name, for the one that capture runs."""
    return {name: values.numpy() for name, values in trained.state_dict().items()}
