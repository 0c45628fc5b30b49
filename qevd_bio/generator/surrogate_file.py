"""The surrogate in a file: its weights, and what its inputs and outputs are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from qevd_bio.errors import DataError
from qevd_bio.generator.surrogate import FrameSurrogate, Ranges, feature_names, tensor_features
from qevd_bio.weights.tensor_file import write_tensors

FORMAT = "qevd_bio surrogate 1"


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A trained network with the coordinates it was trained on and the muscles it tells of.

    `passive_scale` is that of the simulations that it stands in for.
    """

    network: FrameSurrogate
    coordinates: tuple[str, ...]
    muscles: tuple[str, ...]
    passive_scale: float


def save_surrogate(surrogate: Surrogate, path: Path) -> None:
    """Write a surrogate; the same network gives the same bytes."""
    metadata = {
        "format": FORMAT,
        "coordinates": ",".join(surrogate.coordinates),
        "muscles": ",".join(surrogate.muscles),
        "passive_scale": f"{surrogate.passive_scale:g}",
    }
    state = {name: value.numpy() for name, value in surrogate.network.state_dict().items()}
    write_tensors(path, state, metadata)


def load_surrogate(path: Path) -> Surrogate:
    """Read what `save_surrogate` wrote.

    Raises
    ------
    DataError
        The file is absent, holds no surrogate, or one of other features of a frame.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state: dict[str, torch.Tensor] = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
        width, features = state["layers.0.weight"].shape
        coordinates = tuple(metadata["coordinates"].split(","))
        told = len(feature_names(coordinates))
        if features != told:
            raise ValueError(f"it takes {features} features of a frame, this version has {told}")
        still = torch.zeros(1, len(coordinates))
        tensor_features(coordinates, still, still, still, 1.0, 1.0)
        muscles = tuple(metadata["muscles"].split(","))
        blank = np.ones(features)
        network = FrameSurrogate(Ranges(blank, blank, blank, blank), len(muscles), width)
        network.load_state_dict(state)
        scale = float(metadata["passive_scale"])
        if not 0.0 <= scale < np.inf:
            raise ValueError(f"passive_scale is {scale:g}, no scale of passive forces")
        for name, one in state.items():
            if not torch.isfinite(one).all():
                raise ValueError(f"{name} holds what is no number")
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise DataError(
            f"holds no surrogate ({' '.join(str(error).split())[:200]})",
            where=str(path),
            next_step="Train it again with tools/train_surrogate.py",
        ) from error
    return Surrogate(network.eval(), coordinates, muscles, scale)
