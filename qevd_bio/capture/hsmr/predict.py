"""Angles, shape and camera of a batch of crops, in the precision asked for.

B crops, D = 46 DoF

The backbone runs in 16 bits where asked; its residual stream, the head and the angles are
float32 always. Nothing here waits for the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import get_args

import torch
from torch import Tensor, nn

from qevd_bio.capture.hsmr.network import CROP_PX, HeadOutput, HsmrNetwork
from qevd_bio.capture.hsmr.rotations import angles
from qevd_bio.choices import Precision
from qevd_bio.errors import UsageError

_SIXTEEN_BITS: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
_WHERE = "hsmr"
_MEAN_RGB = (0.485, 0.456, 0.406)
_SPREAD_RGB = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the network estimates of B crops, float32, on the network's device.

    q (B, 46): rad, SKEL order, neither unwrapped nor clamped; betas (B, 10): shape of SKEL's
    male body; camera (B, 3): scale and shift (s, tx, ty); finite (B,): False where any number
    of the network was not finite, use nothing of such a crop.
    """

    q: Tensor
    betas: Tensor
    camera: Tensor
    finite: Tensor


def prepare(network: HsmrNetwork, precision: Precision, *, compiled: bool = False) -> HsmrNetwork:
    """Store the backbone's matrices in the precision they are used in, in place.

    Parameters
    ----------
    network : HsmrNetwork
        fp32 changes no number.
    precision : str
        fp32, bf16 or fp16.
    compiled : bool
        Compile the backbone at its first use. Each new batch size compiles again.

    Returns
    -------
    HsmrNetwork
        The same network. Predictions in this precision do not change by a bit; those in
        another are refused, since the numbers left out do not come back.
    """
    _check_precision(network, precision)
    if precision in _SIXTEEN_BITS:
        for module in network.backbone.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.to(_SIXTEEN_BITS[precision])
    if compiled:
        network.backbone.compile()
    return network


@torch.inference_mode()
def predict(network: HsmrNetwork, crops: Tensor, precision: Precision = "fp16") -> Prediction:
    """Estimate pose, shape and camera of people in crops (B, 256, 256, 3) of uint8 RGB.

    The prediction is on the same device; nothing waits for it. `UsageError` where the crops have
    a wrong shape or type, or the network was prepared for another precision.
    """
    _check_precision(network, precision)
    if crops.dtype != torch.uint8 or tuple(crops.shape[1:]) != (CROP_PX, CROP_PX, 3):
        raise UsageError(
            f"crops are {crops.dtype} of shape {tuple(crops.shape)}",
            where=_WHERE,
            next_step=f"Give uint8 of shape (B, {CROP_PX}, {CROP_PX}, 3)",
        )
    x = normalised(crops)
    with torch.autocast(
        crops.device.type, _SIXTEEN_BITS.get(precision), enabled=precision != "fp32"
    ):
        patches = network.patches(x)
    out: HeadOutput = network.head(patches.float())
    numbers = torch.cat([out.numbers, out.betas, out.camera], dim=1)
    return Prediction(
        q=angles(out.numbers),
        betas=out.betas,
        camera=out.camera,
        finite=numbers.isfinite().all(dim=1),
    )


def normalised(crops: Tensor) -> Tensor:
    """Bring colours to the scale the network was trained with: float32 (B, 3, 256, 256)."""
    mean, spread = _colours(crops.device)
    return (crops.permute(0, 3, 1, 2).float() - mean) / spread


@cache
def _colours(device: torch.device) -> tuple[Tensor, Tensor]:
    # rounded to float32 before the scaling by 255, as the network met them in training
    mean, spread = torch.tensor([_MEAN_RGB, _SPREAD_RGB], device=device)[:, :, None, None] * 255
    return mean, spread


def _check_precision(network: HsmrNetwork, precision: Precision) -> None:
    if precision not in get_args(Precision):
        raise UsageError(
            f"there is no precision '{precision}'",
            where=_WHERE,
            next_step=f"Choose one of {', '.join(get_args(Precision))}",
        )
    stored = network.backbone.patch_embed.proj.weight.dtype
    if stored not in (torch.float32, _SIXTEEN_BITS.get(precision)):
        raise UsageError(
            f"the network was prepared for {stored} and cannot predict in {precision}",
            where=_WHERE,
            next_step="Load it again, or predict in the precision it was prepared for",
        )
