"""Muscle activations straight from kinematics: a differentiable stand-in for the simulation.

T frames, N coordinates, F features, M muscles, S sequences

Two networks: one looks at a single frame; the other is the transformer of BIGE (Maheshwari et
al., supplement, section 2), which sees a whole motion. A frame is its angles, the speeds of the
legs' joints, and what the motion asks of both legs (`balance`), which holds all that accelerations
mean. Toes and subtalar joints are not among the angles: where made feet rest, these follow from
all the others, and a network that learns so believes the errors of a measurement
(benchmarks/RESULTS-muscles.md). Inputs are clipped to the range of the training motions, and how
much was is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.generator.balance import BALANCE, balance_features

_YAW = "pelvis_rotation"
_LEANS = ("pelvis_tilt", "pelvis_list")
_FEET = ("subtalar", "mtp")
_LEGS = ("hip", "knee", "ankle")
_SIDED = ("pelvis_list", "pelvis_rotation", "pelvis_tz", "lumbar_bending", "lumbar_rotation",
          "rightward")  # fmt: skip
_SIDE, _OTHER = re.compile(r"_[rl](?= |$)"), {"_r": "_l", "_l": "_r"}
LEAST = 0.01
_FLAT = 1e-4
_MOST = 1.0 - 1e-6
_MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Ranges:
    """Mean, spread, lowest and highest value (F,) of each feature in the training motions.

    A feature that never changes there is left out: its spread is infinite.
    """

    mean: FloatArray
    spread: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, features: FloatArray) -> Ranges:
        """Measure features (T, F)."""
        spread = features.std(axis=0)
        wide = np.where(spread < _FLAT, np.inf, spread)
        low, high = features.min(axis=0), features.max(axis=0)
        margin = _MARGIN * (high - low)
        return cls(features.mean(axis=0), wide, low - margin, high + margin)

    def outside(self, features: FloatArray) -> FloatArray:
        """Return the share of frames (F,) in which a feature is clipped; 0 if it is left out.

        What is NaN is out of range, whatever is left out: so is every activation.
        """
        beyond = (features < self.low) | (features > self.high)
        clipped = beyond & np.isfinite(self.spread)
        return np.asarray((clipped | np.isnan(features)).mean(axis=0))


def feature_names(coordinates: Sequence[str]) -> tuple[str, ...]:
    """Name the features of `frame_features`, in order."""
    angles, legs = _told(coordinates)
    return (
        *_LEANS,
        *(coordinates[i] for i in angles),
        *(f"{coordinates[i]} speed" for i in legs),
        *BALANCE,
        "leg",
        "mass",
    )


def _told(coordinates: Sequence[str]) -> tuple[list[int], list[int]]:
    """Find the angles, and those whose speeds, are features; the pelvis' are apart."""
    angles = [i for i, name in enumerate(coordinates) if not name.startswith(("pelvis", *_FEET))]
    return angles, [i for i in angles if coordinates[i].startswith(_LEGS)]


def mirror_of(names: Sequence[str]) -> tuple[IntArray, FloatArray]:
    """Tell what is in a mirror: whose value each takes, and its sign.

    Parameters
    ----------
    names : sequence of str
        Of coordinates, `feature_names`, or muscles whose names end in ``_r`` and ``_l``.
    """
    place = {name: i for i, name in enumerate(names)}
    from_ = [place[_SIDE.sub(lambda found: _OTHER[found[0]], name)] for name in names]
    signs = [-1.0 if name.startswith(_SIDED) else 1.0 for name in names]
    return np.array(from_), np.array(signs)


def frame_features(
    coordinates: Sequence[str],
    q: FloatArray,
    dq: FloatArray,
    ddq: FloatArray,
    leg_m: float,
    mass_kg: float,
) -> FloatArray:
    """Lay frames out as features (T, F) that do not depend on place and heading.

    Parameters
    ----------
    coordinates : sequence of str
        The N coordinates.
    q, dq, ddq : ndarray (T, N)
        rad and metres, and their derivatives.
    leg_m, mass_kg : float
        Hip to ankle, and body mass.
    """
    moved = [torch.from_numpy(np.ascontiguousarray(one, dtype=np.float64)) for one in (q, dq, ddq)]
    features = tensor_features(coordinates, moved[0], moved[1], moved[2], leg_m, mass_kg)
    return np.asarray(features.numpy(), dtype=np.float64)


def tensor_features(
    coordinates: Sequence[str], q: Tensor, dq: Tensor, ddq: Tensor, leg_m: float, mass_kg: float
) -> Tensor:
    """Lay frames (..., N) out as `frame_features` does (..., F), differentiable."""
    angles, legs = _told(coordinates)
    body = torch.tensor([leg_m, mass_kg], dtype=q.dtype).expand(*q.shape[:-1], 2)
    balance = balance_features(coordinates, q, dq, ddq, leg_m, mass_kg)
    leans = _leans(coordinates, q)
    return torch.cat([leans, q[..., angles], dq[..., legs], balance, body], dim=-1)


def _leans(coordinates: Sequence[str], q: Tensor) -> Tensor:
    """Return the pelvis' tilt and list (..., 2) were its heading 0: where up is in its frame."""
    tilt, list_, yaw = (q[..., coordinates.index(name)] for name in (*_LEANS, _YAW))
    ahead, beside = torch.sin(tilt), torch.cos(tilt) * torch.sin(list_)
    forward = ahead * torch.cos(yaw) + beside * torch.sin(yaw)
    rightward = ahead * torch.sin(yaw) - beside * torch.cos(yaw)
    upward = torch.cos(tilt) * torch.cos(list_)
    return torch.stack([torch.asin(forward.clamp(-_MOST, _MOST)), torch.atan2(-rightward, upward)],
                       dim=-1)  # fmt: skip


class _Scaled(nn.Module):
    """What both networks share: clipping and scaling of inputs, activations from 0.01 to 1."""

    mean: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, ranges: Ranges) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(ranges.mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(1.0 / ranges.spread, dtype=torch.float32))
        self.register_buffer("low", torch.tensor(ranges.low, dtype=torch.float32))
        self.register_buffer("high", torch.tensor(ranges.high, dtype=torch.float32))

    def scaled(self, features: Tensor) -> Tensor:
        clipped = torch.minimum(torch.maximum(features, self.low), self.high)
        return (clipped - self.mean) * self.scale

    @staticmethod
    def bounded(raw: Tensor) -> Tensor:
        return LEAST + (1.0 - LEAST) * torch.sigmoid(raw)


class FrameSurrogate(_Scaled):
    """Features (..., F) of a frame to its activations (..., M)."""

    def __init__(self, ranges: Ranges, muscles: int, width: int = 256) -> None:
        super().__init__(ranges)
        self.layers = nn.Sequential(
            nn.Linear(len(ranges.mean), width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, muscles),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """Compute the activations; differentiable in the features inside their range."""
        return self.bounded(self.layers(self.scaled(features)))


class SequenceSurrogate(_Scaled):
    """Features (S, T, F) of whole motions to activations (S, T, M): the paper's transformer.

    Three layers of three heads. Its width of 128 cannot be divided by three: it is 126 here.
    """

    position: Tensor

    def __init__(self, ranges: Ranges, muscles: int, width: int = 126, longest: int = 512) -> None:
        super().__init__(ranges)
        self.into = nn.Linear(len(ranges.mean), width)
        layer = nn.TransformerEncoderLayer(
            width, nhead=3, dim_feedforward=4 * width, dropout=0.1, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers=3, enable_nested_tensor=False)
        self.out = nn.Linear(width, muscles)
        self.register_buffer("position", _positions(longest, width))

    def forward(self, features: Tensor, absent: Tensor | None = None) -> Tensor:
        """Compute the activations; `absent` (S, T) marks frames that fill a batch up."""
        inner = self.into(self.scaled(features)) + self.position[: features.shape[1]]
        return self.bounded(self.out(self.encoder(inner, src_key_padding_mask=absent)))


def _positions(longest: int, width: int) -> Tensor:
    """Return sines and cosines of the place in the sequence (longest, width)."""
    place = torch.arange(longest, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-np.log(10000.0) / width))
    found = torch.zeros(longest, width)
    found[:, 0::2], found[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate)
    return found
