"""The networks of the correction: steps by dilated convolutions over time, their guard and error.

T frames, F features, H channels, B bones, O outputs

Plain matrix products, so that capture needs no torch; `tools/capture_correction` trains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import ndtr

from qevd_bio.arrays import Float32Array, FloatArray
from qevd_bio.capture.monocular.correction.bone_directions import B
from qevd_bio.capture.monocular.correction.features import F

Weights = Mapping[str, Float32Array]
"""Arrays of a network by the names they have in training."""

N_OBSERVED = 21
"""Observed DoFs, in SKEL order."""

N_SPREADS = B + 8
"""Errors that a network learns beside the steps, to weigh what it cannot know less: of each bone,
and of knees, elbows, hips and shoulders."""

EVIDENCE = F + 3 * B + N_SPREADS + 1
"""Features; of each bone the size of the step, the networks' disagreement, the turn it makes; the
errors that the networks expect; how unlike the training the posture is."""


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Size of the network.

    Attributes
    ----------
    channels : int
    dilations : tuple of int
        One a block of two convolutions of three frames each; together they span
        1 + 4 * sum(dilations) frames.
    causal : bool
        Whether a frame sees only itself and earlier ones.
    """

    channels: int = 192
    dilations: tuple[int, ...] = (1, 2, 3)
    causal: bool = False

    @property
    def span(self) -> int:
        """Frames that a frame's output depends on."""
        return 1 + 4 * sum(self.dilations)

    def as_text(self) -> dict[str, str]:
        """Write the shape as metadata of a weights file."""
        return {
            name: " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_text(cls, text: Mapping[str, str]) -> NetworkShape:
        """Read the shape from the metadata of a weights file; `KeyError` where one is missing."""
        return cls(
            channels=int(text["channels"]),
            dilations=tuple(int(part) for part in text["dilations"].split()),
            causal=text["causal"] == "True",
        )


@dataclass(frozen=True, slots=True)
class CorrectionNetwork:
    """Features (T, F) to direction steps (T, B, 3) and logs of errors (T, `N_SPREADS`), rad.

    A step is added to the fitted unit direction of a bone before it is normalised again.
    """

    shape: NetworkShape
    weights: Weights

    def __call__(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the steps of each frame, and the logs of the errors that remain."""
        x = _linear(self.weights, "inward", _standardised(self.weights, features))
        for nth, dilation in enumerate(self.shape.dilations):
            block = f"blocks.{nth}."
            inner = _normed(self.weights, f"{block}norm.norm", x)
            inner = _gelu(self._convolved(f"{block}first.conv", inner, dilation))
            x = x + self._convolved(f"{block}second.conv", inner, dilation)
        hidden = _normed(self.weights, "norm", x)
        steps = _linear(self.weights, "steps", hidden).reshape(len(hidden), B, 3)
        return steps.astype(np.float64), _linear(self.weights, "spread", hidden).astype(np.float64)

    def _convolved(self, name: str, x: Float32Array, dilation: int) -> Float32Array:
        """Add up three frames, `dilation` apart; the first and last frame are repeated beyond."""
        back = 2 * dilation if self.shape.causal else dilation
        at = np.arange(len(x))
        kernel = self.weights[f"{name}.weight"]
        out = np.tile(self.weights[f"{name}.bias"], (len(x), 1))
        for nth in range(3):
            take = np.clip(at - back + nth * dilation, 0, len(x) - 1)
            out += x[take] @ kernel[:, :, nth].T
        return out


@dataclass(frozen=True, slots=True)
class EvidenceNetwork:
    """Evidence about frames (T, `EVIDENCE`) to some numbers each (T, O)."""

    weights: Weights

    def __call__(self, evidence: FloatArray) -> FloatArray:
        """Return the numbers of each frame."""
        x = _gelu(_linear(self.weights, "layers.0", _standardised(self.weights, evidence)))
        x = _gelu(_linear(self.weights, "layers.3", x))
        answer = _linear(self.weights, "layers.6", x) + self.weights["offset"]
        return answer.astype(np.float64)


def _standardised(weights: Weights, x: FloatArray) -> Float32Array:
    return (x.astype(np.float32) - weights["mean"]) / weights["scale"]


def _linear(weights: Weights, name: str, x: Float32Array) -> Float32Array:
    return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])


def _normed(weights: Weights, name: str, x: Float32Array) -> Float32Array:
    """Bring the channels of each frame to mean 0 and variance 1, and scale them."""
    off = x - x.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(off).mean(axis=1, keepdims=True) + np.float32(1e-5))
    return np.asarray(off / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"])


def _gelu(x: Float32Array) -> Float32Array:
    return np.asarray(x * ndtr(x))
