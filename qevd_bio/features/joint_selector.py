"""The joint selector: which joints deserve attention, from what the video shows.

L feature maps, C channels, W windows, J = 24 joints

Source: supplement, sections 6.1 and 6.2. A window is 12 feature maps at 4 Hz, 3 s; its visual
tokens are pooled to one vector. Fixed within a segment: every consumer of a segment gets the same
joints.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from qevd_bio.arrays import Float32Array, FloatArray
from qevd_bio.exercises.salience import MOST_JOINTS
from qevd_bio.skeleton.dofs import JOINT_NAMES

WINDOW_MAPS = 12
"""Feature maps of a window: 3 s at 4 Hz, as in the paper."""

HIDDEN = (512, 256)
DROPOUT = 0.1
_LEAST_DEVIATION = 1e-6


class JointSelector(nn.Module):
    """Three layers from pooled visual tokens to a score for each joint.

    Parameters
    ----------
    channels : int
        Width C of the visual tokens.
    window_maps : int
        Feature maps of a window.

    Notes
    -----
    Each channel is standardised by mean and deviation over the windows trained on, which are
    saved with the weights; the paper names no normalisation.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int = 1280, window_maps: int = WINDOW_MAPS) -> None:
        super().__init__()
        self.channels, self.window_maps = channels, window_maps
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.layer1 = nn.Linear(channels, HIDDEN[0])
        self.layer2 = nn.Linear(HIDDEN[0], HIDDEN[1])
        self.layer3 = nn.Linear(HIDDEN[1], len(JOINT_NAMES))

    def standardise(self, windows: Tensor) -> None:
        """Take mean and deviation of each channel from windows (N, C); 1 where it is constant."""
        deviation, mean = torch.std_mean(windows, dim=0, correction=0)
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > _LEAST_DEVIATION, deviation, 1.0))

    def forward(self, pooled: Tensor, row_seeds: list[int] | None = None) -> Tensor:
        """Score the joints.

        Parameters
        ----------
        pooled : Tensor (B, C)
            Pooled tokens of B windows.
        row_seeds : list of int, optional
            A seed for the dropout of each row; without them nothing is dropped. So a row drops
            the same units in whatever batch and process it is computed.

        Returns
        -------
        Tensor (B, J)
            Logits; their sigmoid is the importance, 0 to 1.
        """
        masks = (None, None) if row_seeds is None else _dropout_masks(row_seeds, pooled.device)
        hidden = (pooled - self.mean) / self.deviation
        for layer, mask in zip((self.layer1, self.layer2), masks, strict=True):
            hidden = functional.relu(layer(hidden))
            hidden = hidden if mask is None else hidden * mask
        return torch.as_tensor(self.layer3(hidden))


def _dropout_masks(row_seeds: list[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw 0 with the probability `DROPOUT`, else 1 / (1 - `DROPOUT`), for both hidden layers."""
    drawn = [
        torch.rand(sum(HIDDEN), generator=torch.Generator().manual_seed(seed))
        for seed in row_seeds
    ]
    kept = (torch.stack(drawn) >= DROPOUT).float() / (1.0 - DROPOUT)
    kept = kept.to(device)
    return kept[:, : HIDDEN[0]], kept[:, HIDDEN[0] :]


def pooled_tokens(maps: NDArray[np.floating[Any]]) -> Float32Array:
    """Average the visual tokens of each feature map.

    Parameters
    ----------
    maps : ndarray (L, C, height, width)
        Of any float type; read in parts, so it may be a mapped file.

    Returns
    -------
    ndarray (L, C) of float32
        Means over the places of a map.
    """
    pooled = np.empty(maps.shape[:2], dtype=np.float32)
    for index in range(len(maps)):
        pooled[index] = maps[index].astype(np.float32).mean(axis=(1, 2))
    return pooled


def window_means(pooled: Float32Array, window_maps: int = WINDOW_MAPS) -> Float32Array:
    """Average the pooled tokens over each window.

    Parameters
    ----------
    pooled : ndarray (L, C)
        Of one segment, in time order.
    window_maps : int
        N, the maps of a window.

    Returns
    -------
    ndarray (W, C) of float32
        W = L - N + 1 windows; one of all maps where L is less than N, none where L is 0.
    """
    size = min(window_maps, len(pooled))
    if size == 0:
        return np.empty((0, pooled.shape[1]), dtype=np.float32)
    sums = np.cumsum(pooled, axis=0, dtype=np.float64)
    sums = np.concatenate([np.zeros((1, pooled.shape[1])), sums])
    return ((sums[size:] - sums[:-size]) / size).astype(np.float32)


def segment_maps(time_s: FloatArray, start_s: float, end_s: float, decide_s: float) -> slice:
    """Find the feature maps that decide about a segment.

    Parameters
    ----------
    time_s : ndarray (L,)
        Ascending times of the maps.
    start_s, end_s : float
        The segment.
    decide_s : float
        Only so much of its beginning counts.

    Returns
    -------
    slice
        Of the maps, ``start_s < time <= min(end_s, start_s + decide_s)``, as the coach takes them.
    """
    ends_s = [start_s, min(end_s, start_s + decide_s)]
    first, last = np.searchsorted(time_s, ends_s, side="right")
    return slice(int(first), int(last))


def most_important(scores: FloatArray, count: int = MOST_JOINTS) -> tuple[str, ...]:
    """Name the joints with the highest scores, highest first; equal ones in SKEL's order."""
    order = np.argsort(-scores, kind="stable")[:count]
    return tuple(JOINT_NAMES[index] for index in order)
