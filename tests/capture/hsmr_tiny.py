"""The small random network of the golden numbers, drawn again in the same way.

torch's usual start from seed 0, in the order in which the official modules are built; then, from
seed 1 and key by key in the order of the checkpoint, normal numbers on top of norms, biases and
decoders.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.weights.hsmr_shapes import AttentionHeads

GOLDEN = Path(__file__).parents[1] / "golden" / "hsmr"
HEADS = AttentionHeads(backbone=4, head=2)
WIDTH, TOKEN, INNER = 64, 1024, 32


def golden(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as held:
        return dict(held)


def tiny_state() -> dict[str, Tensor]:
    """Draw the weights; the sums of all keys are compared with those of the original."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        start = _as_built()
        torch.manual_seed(1)
        state = {key: _stirred(key, weight) for key, weight in start.items()}
    known = golden("tiny_outputs")
    for part in ("poses", "betas", "cam"):
        state[f"head.init_{part}"] = torch.from_numpy(known[f"init_{part}"])
    sums = np.array([float(state[key].double().sum()) for key in sorted(state)])
    if not np.allclose(sums, known["sums_by_key"], atol=1e-3):
        raise AssertionError(
            "torch draws other random numbers than it did; create the golden data again"
        )
    return state


def tiny_network() -> HsmrNetwork:
    return HsmrNetwork.from_state(tiny_state(), HEADS)


def _as_built() -> dict[str, Tensor]:
    built: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module) -> None:
        built.update({f"{name}.{k}": v.detach() for k, v in module.named_parameters()})

    def linear(name: str, wide: int, out: int, bias: bool = True) -> None:
        keep(name, nn.Linear(wide, out, bias=bias))

    def norm(name: str, wide: int) -> None:
        keep(name, nn.LayerNorm(wide))

    keep("backbone.patch_embed.proj", nn.Conv2d(3, WIDTH, 16, 16, padding=2))
    for block in (f"backbone.blocks.{i}" for i in range(3)):
        norm(f"{block}.norm1", WIDTH)
        linear(f"{block}.attn.qkv", WIDTH, 3 * WIDTH)
        linear(f"{block}.attn.proj", WIDTH, WIDTH)
        norm(f"{block}.norm2", WIDTH)
        linear(f"{block}.mlp.fc1", WIDTH, 4 * WIDTH)
        linear(f"{block}.mlp.fc2", 4 * WIDTH, WIDTH)
    norm("backbone.last_norm", WIDTH)
    places = nn.init.trunc_normal_(torch.zeros(1, 193, WIDTH), std=0.02)
    built = {"backbone.pos_embed": places, **built}

    embedding = nn.Linear(1, TOKEN)
    built["head.transformer.pos_embedding"] = torch.randn(1, 1, TOKEN)
    keep("head.transformer.to_token_embedding", embedding)
    for layer in (f"head.transformer.transformer.layers.{i}" for i in range(2)):
        norm(f"{layer}.0.norm", TOKEN)
        linear(f"{layer}.0.fn.to_qkv", TOKEN, 3 * INNER, bias=False)
        linear(f"{layer}.0.fn.to_out.0", INNER, TOKEN)
        norm(f"{layer}.1.norm", TOKEN)
        linear(f"{layer}.1.fn.to_kv", WIDTH, 2 * INNER, bias=False)
        linear(f"{layer}.1.fn.to_q", TOKEN, INNER, bias=False)
        linear(f"{layer}.1.fn.to_out.0", INNER, TOKEN)
        norm(f"{layer}.2.norm", TOKEN)
        linear(f"{layer}.2.fn.net.0", TOKEN, 48)
        linear(f"{layer}.2.fn.net.3", 48, TOKEN)
    for name, out in (("poses", 144), ("betas", 10), ("cam", 3)):
        linear(f"head.{name}_decoder", TOKEN, out)
    return built


def _stirred(key: str, weight: Tensor) -> Tensor:
    drawn = torch.randn(weight.shape)
    if key.endswith("bias"):
        return weight + 0.02 * drawn
    if "norm" in key:
        return weight + 0.1 * drawn
    return weight + 0.01 * drawn if "_decoder" in key else weight
