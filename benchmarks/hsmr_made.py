"""Made-up pictures and a tiny network for the benchmarks of HSMR."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import ByteArray
from qevd_bio.weights.hsmr_shapes import (
    OFFICIAL_HEADS,
    OFFICIAL_SIZE,
    AttentionHeads,
    HsmrSize,
)

HEIGHT, WIDTH, RATE_HZ = 1080, 1920, 30

TINY = (
    HsmrSize(width=64, depth=3, hidden=256, token_width=128, layers=2, inner=32, head_hidden=48),
    AttentionHeads(4, 2),
)
OFFICIAL = (OFFICIAL_SIZE, OFFICIAL_HEADS)


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def made_frames(count: int, height: int, width: int, seed: int = 1) -> ByteArray:
    """Make smooth moving pictures with some grain, so that encoders and networks have work."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, 3, 9, 16)).astype(np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    grain = rng.normal(0, 6, (height, width, 1))
    frames = smooth.permute(0, 2, 3, 1).numpy() + grain
    return np.clip(frames, 0, 255).astype(np.uint8)


def made_crops(count: int) -> Tensor:
    """Make pictures of the size of a crop."""
    return torch.from_numpy(made_frames(count, 256, 256, seed=2))
