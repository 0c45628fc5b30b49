"""The weights behind the official numbers: drawn from their names, never stored.

Each tensor comes from its own generator, seeded by its name: N(0, sqrt(2 / fan-in)) for weights,
0.05 N(0, 1) for biases. ``salt`` gives networks with other numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch

from qevd_bio.weights.cnn3d_shapes import OFFICIAL_LAYERS, cnn_shapes


def weights_from_names(
    shapes: Mapping[str, tuple[int, ...]] | None = None, *, salt: str = ""
) -> dict[str, torch.Tensor]:
    """Draw the tensors of a network, the official one by default."""
    shapes = cnn_shapes(OFFICIAL_LAYERS) if shapes is None else shapes
    return {name: torch.from_numpy(_drawn(salt + name, shape)) for name, shape in shapes.items()}


def _drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    normal = generator.standard_normal(shape).astype(np.float32)
    if name.endswith(".bias"):
        return normal * np.float32(0.05)
    return normal * np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
