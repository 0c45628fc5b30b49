"""The weights of the correction, which ship with the package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from qevd_bio.arrays import Float32Array
from qevd_bio.capture.monocular.correction.network import (
    CorrectionNetwork,
    EvidenceNetwork,
    NetworkShape,
    Weights,
)
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.files.open_regular import read_regular

WEIGHTS_FILE = Path(__file__).resolve().with_name("correction.safetensors")


@dataclass(frozen=True, slots=True)
class CorrectionWeights:
    """Networks that differ in their seed, and those that know when and how far they err.

    `known` (P, B * 3) are bone directions of fits in the training, to tell what is unlike them.
    """

    networks: tuple[CorrectionNetwork, ...]
    known: Float32Array
    guard: EvidenceNetwork
    sigma: EvidenceNetwork

    @property
    def causal(self) -> bool:
        """Whether a frame's answer depends on nothing after it, as the file's metadata say."""
        return all(network.shape.causal for network in self.networks)


def correction_identity() -> dict[str, str]:
    """Name the weights that this process uses by digest, in the form of `Stage.depends`."""
    return {f"file:{WEIGHTS_FILE.name}": sha256(_content(WEIGHTS_FILE)).hexdigest()}


@cache
def _content(path: Path) -> bytes:
    """Read the file once a process, so that its digest is that of the weights in use."""
    try:
        return read_regular(path)
    except OSError as error:
        raise EnvironmentProblem(
            f"the weights of the capture's correction cannot be read ({error.strerror})",
            where=str(path),
            next_step="Reinstall qevd_bio, or run tools/capture_correction in a checkout",
        ) from error


@cache
def load_weights(path: Path = WEIGHTS_FILE) -> CorrectionWeights:
    """Load the networks, ready to use; `EnvironmentProblem` where the file cannot be read."""
    content = _content(path)
    about = _header(content)["__metadata__"]
    arrays = {name: array.astype(np.float32) for name, array in load(content).items()}
    shape = NetworkShape.from_text(about)
    networks = tuple(
        CorrectionNetwork(shape, _part(arrays, f"networks.{nth}."))
        for nth in range(int(about["networks"]))
    )
    return CorrectionWeights(
        networks,
        known=arrays["known"],
        guard=EvidenceNetwork(_part(arrays, "guard.")),
        sigma=EvidenceNetwork(_part(arrays, "sigma.")),
    )


def _header(content: bytes) -> dict[str, dict[str, str]]:
    """Parse the JSON that begins a safetensors file, after its length in eight bytes."""
    end = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, dict[str, str]] = json.loads(content[8:end])
    return header


def _part(arrays: Weights, start: str) -> Weights:
    """Pick the arrays whose names begin with `start`."""
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
