"""A streaming 3D CNN: frames in, feature maps out, with a state instead of padding in time.

T frames, L feature maps, C channels, H, W picture height and width

A temporal convolution looks at a frame and the two before it. Its weights are stored as a 1x1
convolution over three times the channels: oldest, middle, newest frame. It is causal: what it
needs of earlier frames is its state. Source: Stream-VLM (arXiv 2407.08101, FitCoach at a573ee0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from qevd_bio.weights.cnn3d_shapes import (
    N_CHANNELS,
    OFFICIAL_LAYERS,
    TEMPORAL_TAPS,
    Block,
    CnnLayers,
)

CnnState: TypeAlias = "tuple[Tensor, ...]"
"""The last input frames (2 or 1, C, H, W) of each temporal block, in their order."""

HIGHEST = 6.0
"""ReLU6, the last layer, keeps features in [0, 6]."""


class _InvertedResidual(nn.Module):
    """Expansion, depth-wise convolution, projection without activation."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        wide = block.n_in * block.expansion
        taps = TEMPORAL_TAPS if block.temporal_stride else 1
        parts: list[nn.Module] = []
        if block.expansion > 1:
            parts.append(_conv(taps * block.n_in, wide, 1))
        parts += [
            _conv(wide, wide, block.kernel, stride=block.stride, groups=wide),
            nn.Conv2d(wide, block.n_out, 1),
        ]
        self.block = block
        self.conv = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        out = cast("Tensor", self.conv(x))
        return out + x if self.block.has_residual else out

    def in_time(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve frames (T, C, H, W) after those kept, and return the frames to keep."""
        known = torch.cat([before, x])
        step = self.block.temporal_stride
        windows = torch.cat(
            [known[tap : len(known) - TEMPORAL_TAPS + 1 + tap : step] for tap in range(3)], dim=1
        )
        newest = known[TEMPORAL_TAPS - 1 :: step]
        return self.conv(windows) + newest, known[len(known) - len(before) :]


class StreamingCnn(nn.Module):
    """A network of `CnnLayers`; its parameters carry the official names.

    Parameters
    ----------
    layers : CnnLayers
        The official ones by default.
    """

    def __init__(self, layers: CnnLayers = OFFICIAL_LAYERS) -> None:
        super().__init__()
        self.layers = layers
        parts: list[nn.Module] = [
            _conv(3, layers.stem_channels, layers.stem_kernel, stride=layers.stem_stride),
            *(_InvertedResidual(block) for block in layers.blocks),
            _conv(layers.blocks[-1].n_out, N_CHANNELS, 1),
        ]
        self.cnn = nn.ModuleList(parts)

    @classmethod
    def from_state(
        cls, tensors: Mapping[str, Tensor], layers: CnnLayers = OFFICIAL_LAYERS
    ) -> StreamingCnn:
        """Make a network of given weights, ready to use; every name and shape must fit."""
        with torch.device("meta"):
            network = cls(layers)
        network.load_state_dict(dict(tensors), strict=True, assign=True)
        return network.eval().requires_grad_(False)

    def forward(self, frames: Tensor, state: CnnState | None = None) -> tuple[Tensor, CnnState]:
        """Turn the next frames of one video into feature maps.

        Parameters
        ----------
        frames : Tensor (T, 3, H, W)
            RGB in [0, 1]; T is a multiple of the frames per feature, H and W of 32 (the official
            size is 224 x 160).
        state : tuple of Tensor, optional
            What the call before returned; without it a video begins, and the frames before it
            count as zeros in every layer.

        Returns
        -------
        features : Tensor (L, 1280, H / 32, W / 32)
            In [0, 6]; one map for each four frames.
        state : tuple of Tensor
            For the next call. The pieces in which a video comes do not matter (float32: 1e-4).
        """
        step = self.layers.frames_per_feature
        if len(frames) == 0 or len(frames) % step:
            raise ValueError(f"{len(frames)} frames are no multiple of {step}")
        before = iter(state or ())
        kept: list[Tensor] = []
        x = frames
        for part in self.cnn:
            if isinstance(part, _InvertedResidual) and part.block.temporal_stride:
                held = x.new_zeros(part.block.state_frames, *x.shape[1:])
                x, keep = part.in_time(x, next(before) if state else held)
                kept.append(keep)
            else:
                x = part(x)
        return x, tuple(kept)


def _conv(n_in: int, n_out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Module:
    """Give a convolution that keeps the size (for stride 1), with ReLU6."""
    padding = (kernel - 1) // 2
    conv = nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=padding, groups=groups)
    return nn.Sequential(conv, nn.ReLU6())


def pooled(features: Tensor) -> Tensor:
    """Average feature maps (L, C, H, W) over the picture: (L, C)."""
    return functional.adaptive_avg_pool2d(features, 1).flatten(1)
