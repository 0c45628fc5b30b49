"""HSMR's network with random weights, for tests and for measuring speed and rounding."""

from __future__ import annotations

import torch
from torch import nn

from qevd_bio.capture.hsmr.network import Backbone, Decoder, HsmrNetwork, SkelHead
from qevd_bio.skeleton.dofs import N_JOINTS
from qevd_bio.weights.hsmr_shapes import OFFICIAL_HEADS, OFFICIAL_SIZE, AttentionHeads, HsmrSize


def random_network(
    size: HsmrSize = OFFICIAL_SIZE,
    heads: AttentionHeads = OFFICIAL_HEADS,
    *,
    seed: int = 0,
    gain: float = 1.0,
    device: torch.device | str = "cpu",
) -> HsmrNetwork:
    """Draw a network as torch and the official modules begin; the mean pose is SKEL's T-pose.

    Parameters
    ----------
    seed : int
        The same one gives the same weights on the same kind of device.
    gain : float
        Matrices and their biases are this much larger than torch draws them.
    device : device or str
        Where the weights are drawn.
    """
    with torch.device("meta"):
        network = HsmrNetwork(size, heads)
    network.to_empty(device=device)
    generator = torch.Generator(device=device).manual_seed(seed)
    for module in network.modules():
        _draw(module, gain, generator)
    return network.eval().requires_grad_(False)


@torch.no_grad()
def _draw(module: nn.Module, gain: float, generator: torch.Generator) -> None:
    if isinstance(module, nn.LayerNorm):
        module.weight.fill_(1.0)
        module.bias.zero_()
    elif isinstance(module, nn.Linear | nn.Conv2d):
        reach = gain * module.weight[0].numel() ** -0.5
        module.weight.uniform_(-reach, reach, generator=generator)
        if module.bias is not None:
            module.bias.uniform_(-reach, reach, generator=generator)
    elif isinstance(module, Backbone):
        module.pos_embed.normal_(0.0, 0.02, generator=generator)
    elif isinstance(module, Decoder):
        module.pos_embedding.normal_(generator=generator)
    elif isinstance(module, SkelHead):
        t_pose = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], device=module.init_poses.device)
        module.init_poses.copy_(t_pose.repeat(N_JOINTS)[None])
        module.init_betas.zero_()
        module.init_cam.copy_(torch.tensor([[0.9, 0.0, 0.0]]))
