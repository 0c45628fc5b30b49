"""HSMR's network: official numbers, a second implementation, strict loading."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import erf, softmax
from torch import Tensor

from benchmarks.random_network import random_network
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.capture.hsmr.rotations import angles
from qevd_bio.errors import DataError
from qevd_bio.weights.hsmr_shapes import OFFICIAL_SIZE, AttentionHeads, HsmrSize
from tests.capture.hsmr_tiny import HEADS, golden, tiny_network, tiny_state

SMALL = HsmrSize(width=48, depth=2, hidden=40, token_width=32, layers=2, inner=24, head_hidden=20)
SMALL_HEADS = AttentionHeads(3, 4)


@pytest.fixture(scope="module")
def network() -> HsmrNetwork:
    return tiny_network()


@torch.inference_mode()
def test_backbone_matches_the_official_implementation(network: HsmrNetwork) -> None:
    known = golden("tiny_outputs")
    places = network.backbone.pos_embed
    x = torch.from_numpy(known["patch_tokens"]) + places[:, 1:] + places[:, :1]
    x = network.backbone.blocks[0](x)
    assert np.abs(x.numpy() - known["block0"]).max() < 5e-6
    for block in network.backbone.blocks[1:]:
        x = block(x)
    assert np.abs(network.backbone.last_norm(x).numpy() - known["feats"]).max() < 1e-5


@torch.inference_mode()
def test_head_matches_the_official_implementation(network: HsmrNetwork) -> None:
    known = golden("tiny_outputs")
    patches = torch.from_numpy(known["feats"])
    assert np.abs(network.head.transformer(patches).numpy() - known["token_out"][:1]).max() < 1e-5
    out = network.head(patches)
    assert np.abs(out.numbers.numpy() - known["rep"][:1]).max() < 1e-5
    assert np.abs(angles(out.numbers).numpy() - known["poses"][:1]).max() < 2e-5
    assert np.abs(out.betas.numpy() - known["betas"][:1]).max() < 1e-5
    assert np.abs(out.camera.numpy() - known["pd_cam"][:1]).max() < 1e-5


def plain_forward(network: HsmrNetwork, x: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the network in float64 with numpy, keys and values of every patch formed."""
    w = {key: value.double().numpy() for key, value in network.state_dict().items()}
    size, heads = network.size, network.heads

    def linear(key: str, v: np.ndarray) -> np.ndarray:
        return v @ w[f"{key}.weight"].T + w.get(f"{key}.bias", 0.0)

    def norm(key: str, v: np.ndarray, eps: float) -> np.ndarray:
        centred = v - v.mean(-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
        return unit * w[f"{key}.weight"] + w[f"{key}.bias"]

    def gelu(v: np.ndarray) -> np.ndarray:
        return v * (1.0 + erf(v / np.sqrt(2.0))) / 2.0

    def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int) -> np.ndarray:
        q, k, v = (np.stack(np.split(a, heads, axis=-1), axis=1) for a in (q, k, v))
        weights = softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), axis=-1)
        return np.concatenate(list(np.moveaxis(weights @ v, 1, 0)), axis=-1)

    x = np.pad(x[..., 32:224], [(0, 0), (0, 0), (2, 2), (2, 2)])
    cut = [
        x[:, :, 16 * r : 16 * r + 16, 16 * c : 16 * c + 16].reshape(len(x), -1)
        for r in range(16)
        for c in range(12)
    ]
    kernel = w["backbone.patch_embed.proj.weight"].reshape(size.width, -1)
    patches = np.stack(cut, axis=1) @ kernel.T + w["backbone.patch_embed.proj.bias"]
    patches = patches + w["backbone.pos_embed"][:, 1:] + w["backbone.pos_embed"][:, :1]
    for i in range(size.depth):
        at = f"backbone.blocks.{i}"
        qkv = linear(f"{at}.attn.qkv", norm(f"{at}.norm1", patches, 1e-6))
        patches = patches + linear(
            f"{at}.attn.proj", attend(*np.split(qkv, 3, -1), heads.backbone)
        )
        hidden = gelu(linear(f"{at}.mlp.fc1", norm(f"{at}.norm2", patches, 1e-6)))
        patches = patches + linear(f"{at}.mlp.fc2", hidden)
    patches = norm("backbone.last_norm", patches, 1e-6)

    start = linear("head.transformer.to_token_embedding", np.zeros((len(x), 1, 1)))
    token = start + w["head.transformer.pos_embedding"]
    for i in range(size.layers):
        at = f"head.transformer.transformer.layers.{i}"
        qkv = np.split(linear(f"{at}.0.fn.to_qkv", norm(f"{at}.0.norm", token, 1e-5)), 3, -1)
        token = token + linear(f"{at}.0.fn.to_out.0", attend(*qkv, heads.head))
        query = linear(f"{at}.1.fn.to_q", norm(f"{at}.1.norm", token, 1e-5))
        keys, values = np.split(linear(f"{at}.1.fn.to_kv", patches), 2, -1)
        seen = attend(query, keys, values, heads.head)
        token = token + linear(f"{at}.1.fn.to_out.0", seen)
        hidden = gelu(linear(f"{at}.2.fn.net.0", norm(f"{at}.2.norm", token, 1e-5)))
        token = token + linear(f"{at}.2.fn.net.3", hidden)
    out = {
        part: w[f"head.init_{part}"] + linear(f"head.{part}_decoder", token[:, 0])
        for part in ("poses", "betas", "cam")
    }
    return {**out, "patches": patches}


@pytest.mark.parametrize(
    ("seed", "scale"), [(1, 1.0), (2, 0.02)], ids=["usual", "so small that eps of the norms shows"]
)
def test_agrees_with_the_plain_network(seed: int, scale: float) -> None:
    network = random_network(SMALL, SMALL_HEADS, seed=seed)
    start = network.head.transformer
    start.pos_embedding *= scale
    start.to_token_embedding.bias *= scale
    generator = torch.Generator().manual_seed(seed)
    x = scale * torch.randn(3, 3, 256, 256, generator=generator)
    with torch.inference_mode():
        out = network(x)
        patches = network.patches(x)
    plain = plain_forward(network, x.double().numpy())
    assert np.abs(patches.numpy() - plain["patches"]).max() < 1e-5
    assert np.abs(out.numbers.numpy() - plain["poses"]).max() < 1e-5
    assert np.abs(out.betas.numpy() - plain["betas"]).max() < 1e-5
    assert np.abs(out.camera.numpy() - plain["cam"]).max() < 1e-5
    assert plain["poses"].std(axis=0).max() > 1e-4, "all crops look the same: proves little"


@torch.inference_mode()
def test_what_lies_beside_the_middle_is_not_used(network: HsmrNetwork) -> None:
    x = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(3))
    other = x.clone()
    other[..., :32], other[..., 224:] = 5.0, -5.0
    assert torch.equal(network(x).numbers, network(other).numbers)
    other[..., 32] = 5.0
    assert not torch.equal(network(x).numbers, network(other).numbers)


@torch.inference_mode()
def test_patches_are_those_of_a_padded_convolution(network: HsmrNetwork) -> None:
    x = torch.randn(2, 3, 256, 192, generator=torch.Generator().manual_seed(4))
    wanted = network.backbone.patch_embed.proj(x).flatten(2).transpose(1, 2)
    assert (network.backbone.patch_embed(x) - wanted).abs().max() < 1e-5


def test_the_release_has_its_known_size() -> None:
    with torch.device("meta"):
        network = HsmrNetwork(OFFICIAL_SIZE)
    keys = list(network.state_dict())
    assert sum(key.startswith("backbone.") for key in keys) == 389
    assert sum(key.startswith("head.") for key in keys) == 114
    assert sum(p.numel() for p in network.backbone.parameters()) == 630_912_000
    assert sum(p.numel() for p in network.head.parameters()) == 39_547_037


def test_sizes_are_read_off_the_weights() -> None:
    state = random_network(SMALL, SMALL_HEADS).state_dict()
    assert HsmrNetwork.from_state(state, SMALL_HEADS).size == SMALL


def test_loading_takes_every_number_and_makes_them_single() -> None:
    state = random_network(SMALL, SMALL_HEADS, seed=5).state_dict()
    halves = {key: value.half() for key, value in state.items()}
    loaded = HsmrNetwork.from_state(halves, SMALL_HEADS).state_dict()
    assert list(loaded) == list(state)
    assert all(torch.equal(loaded[key], halves[key].float()) for key in state)


@pytest.mark.parametrize("key", sorted(tiny_state()))
def test_every_key_is_needed(key: str) -> None:
    state = tiny_state_once()
    del state[key]
    with pytest.raises(DataError, match=f"lacks {re.escape(key)}"):
        HsmrNetwork.from_state(state, HEADS)


_TINY: dict[str, Tensor] = {}


def tiny_state_once() -> dict[str, Tensor]:
    if not _TINY:
        _TINY.update(tiny_state())
    return dict(_TINY)


QKV = "backbone.blocks.1.attn.qkv.weight"


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("skel_model.shapedirs", lambda _: torch.zeros(1), r"holds unknown skel_model\.shapedirs"),
        ("state_dict", lambda _: torch.zeros(1), "holds unknown state_dict"),
        (QKV, lambda v: v[:, :63], r"float \(192, 63\) instead of float \(192, 64\)"),
        (QKV, lambda v: v.T.contiguous(), rf"{QKV} is float \(64, 192\)"),
        ("backbone.pos_embed", lambda v: v[0], "instead of float"),
        (
            "backbone.pos_embed",
            lambda v: v[:, :192],
            r"pos_embed .* instead of float \(1, 193, 64\)",
        ),
        (QKV, lambda v: v.to(torch.int64), rf"{QKV} is torch.int64"),
        (QKV, lambda v: v.clone().fill_(torch.inf), f"holds NaN or inf in {QKV}"),
        ("head.init_poses", lambda v: v[:, :46], r"init_poses .* instead of float \(1, 144\)"),
    ],
)
def test_refuses_weights_that_do_not_fit(
    key: str, change: Callable[[Tensor], Tensor], message: str
) -> None:
    state = tiny_state_once()
    state[key] = change(state[key] if key in state else torch.zeros(1))
    with pytest.raises(DataError, match=message):
        HsmrNetwork.from_state(state, HEADS)


@pytest.mark.parametrize("heads", [AttentionHeads(5, 2), AttentionHeads(4, 3)])
def test_refuses_heads_the_weights_do_not_split_into(heads: AttentionHeads) -> None:
    with pytest.raises(DataError, match="do not split"):
        HsmrNetwork.from_state(tiny_state_once(), heads)


def test_names_are_those_of_torchs_own_strict_loading() -> None:
    network = random_network(SMALL, SMALL_HEADS)
    other = random_network(SMALL, SMALL_HEADS, seed=9)
    other.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(other.head.cam_decoder.weight, network.head.cam_decoder.weight)


def test_random_weights_follow_the_seed() -> None:
    first, again, other = (
        random_network(SMALL, SMALL_HEADS, seed=seed).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first[QKV], other[QKV])
