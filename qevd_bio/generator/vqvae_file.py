"""The VQ-VAE in a file: its weights, the shape of its cycles, and the codes of training cycles.

S training cycles, l latents of a cycle, C channels, h heads
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from qevd_bio.errors import DataError, UsageError
from qevd_bio.generator.cycle_shape import FRAMES, CycleShape
from qevd_bio.generator.vqvae import Vqvae, VqvaeOptions
from qevd_bio.weights.tensor_file import write_tensors

FORMAT = "qevd_bio vqvae 2"
_SIZES = ("width", "codes", "heads")
_FRAMES_OF_A_LATENT = 4
_BYTE = 256
_OWN = ("shape.mean", "shape.spread", "starts")


@dataclass(frozen=True, slots=True)
class CycleGenerator:
    """A trained VQ-VAE with the shape of its cycles, and where guidance may start.

    Attributes
    ----------
    network : Vqvae
        In evaluation mode.
    shape : CycleShape
        Of its training cycles.
    starts : Tensor (S, l, h) of int
        Codes of training cycles.
    """

    network: Vqvae
    shape: CycleShape
    starts: Tensor

    @classmethod
    def of(cls, network: Vqvae, shape: CycleShape, cycles: Tensor) -> CycleGenerator:
        """Keep the codes of shaped training cycles (S, L, C)."""
        with torch.no_grad():
            return cls(network, shape, network.nearest(network.encode(cycles)))

    def latents(self) -> Tensor:
        """Return the latents (S, l, d) of all starts."""
        return self.network.looked_up(self.starts)


def save_vqvae(generator: CycleGenerator, path: Path) -> str:
    """Write a generator and return the digest of its numbers; alike networks, alike bytes."""
    options, shape = generator.network.options, generator.shape
    metadata = {
        "format": FORMAT,
        "coordinates": ",".join(shape.coordinates),
        "width": str(options.width),
        "codes": str(options.codes),
        "heads": str(options.heads),
    }
    state = {name: value.numpy() for name, value in generator.network.state_dict().items()}
    kind = np.uint8 if options.codes <= _BYTE else np.int32
    own = (shape.mean, shape.spread, generator.starts.numpy().astype(kind))
    return write_tensors(path, state | dict(zip(_OWN, own, strict=True)), metadata)


def load_vqvae(path: Path) -> CycleGenerator:
    """Read what `save_vqvae` wrote.

    Raises
    ------
    DataError
        The file is absent or holds no VQ-VAE.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state: dict[str, Tensor] = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
        mean, spread, starts = (state.pop(name) for name in _OWN)
        coordinates = tuple(metadata["coordinates"].split(","))
        options = VqvaeOptions(**{name: int(metadata[name]) for name in _SIZES})
        _check_starts(starts, options)
        channels = len(coordinates) + 1
        for name, one in (("shape.mean", mean), ("shape.spread", spread)):
            if one.shape != (channels,):
                raise ValueError(f"{name} has shape {tuple(one.shape)}, needs ({channels},)")
        for name, one in (state | {"shape.mean": mean, "shape.spread": spread}).items():
            if not torch.isfinite(one).all():
                raise ValueError(f"{name} holds what is no number")
        network = Vqvae(channels, options)
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, UsageError) as error:
        raise DataError(
            f"holds no VQ-VAE ({' '.join(str(error).split())[:200]})",
            where=str(path),
            next_step="Train it again with tools/train_vqvae.py",
        ) from error
    shape = CycleShape(coordinates, mean.double().numpy(), spread.double().numpy())
    return CycleGenerator(network.eval(), shape, starts.long())


def _check_starts(starts: Tensor, options: VqvaeOptions) -> None:
    """Refuse codes that are not (S, l, h) of the network's."""
    if starts.is_floating_point() or starts.ndim != 3 or not len(starts) or starts.shape[1:] != (
        FRAMES // _FRAMES_OF_A_LATENT, options.heads
    ):  # fmt: skip
        raise ValueError(
            f"starts has shape {tuple(starts.shape)} of {starts.dtype}, needs whole numbers "
            f"(S, {FRAMES // _FRAMES_OF_A_LATENT}, {options.heads})"
        )
    if not 0 <= int(starts.min()) <= int(starts.max()) < options.codes:
        raise ValueError(f"starts names codes beyond the {options.codes} that there are")
