"""HSMR's network: a plain vision transformer and a decoder with one query token.

B crops, N = 192 patches, C backbone width, W width of the head's token

Modules carry the names of the official checkpoint, so that its `backbone.` and `head.` keys load
strictly. Source: HSMR (2025), section 3; ViTPose (2022) for the backbone, HMR 2.0 (2023) for the
head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from qevd_bio.capture.hsmr.rotations import N_NUMBERS
from qevd_bio.errors import DataError

CROP_PX = 256
PATCH_PX = 16
ROWS, COLUMNS = 16, 12
N_PATCHES = ROWS * COLUMNS
SIDE_MARGIN_PX = (CROP_PX - COLUMNS * PATCH_PX) // 2
N_BETAS = 10

_BACKBONE_EPS = 1e-6
_NEXT_STEP = "Import the checkpoint of the HSMR release again, or name the sizes it has"


@dataclass(frozen=True, slots=True)
class NetworkSizes:
    """How large a network is; the defaults are those of the release.

    Attributes
    ----------
    width, depth, heads, mlp : int
        Of the backbone: numbers a patch, blocks, attention heads, hidden numbers.
    token, head_depth, head_heads, head_inner, head_mlp : int
        Of the head: numbers of its token, layers, attention heads, numbers in all of these
        heads together, hidden numbers.
    """

    width: int = 1280
    depth: int = 32
    heads: int = 16
    mlp: int = 5120
    token: int = 1024
    head_depth: int = 6
    head_heads: int = 8
    head_inner: int = 512
    head_mlp: int = 1024


@dataclass(frozen=True, slots=True)
class AttentionHeads:
    """Numbers of attention heads, which no weight tells; the defaults are the release's."""

    backbone: int = 16
    head: int = 8


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """What the head says of B crops, all float32.

    Attributes
    ----------
    numbers : Tensor (B, 144)
        Six for each of 24 joints.
    betas : Tensor (B, 10)
        Shape.
    camera : Tensor (B, 3)
        Scale and shift (s, tx, ty) of the crop's camera.
    """

    numbers: Tensor
    betas: Tensor
    camera: Tensor


class _PatchEmbedding(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH_PX, stride=PATCH_PX, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        patches: Tensor = self.proj(x)
        return patches.flatten(2).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        crops, patches, width = x.shape
        qkv = self.qkv(x).view(crops, patches, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


class _Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return out


class _Block(nn.Module):
    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.width, eps=_BACKBONE_EPS)
        self.attn = _Attention(sizes.width, sizes.heads)
        self.norm2 = nn.LayerNorm(sizes.width, eps=_BACKBONE_EPS)
        self.mlp = _Mlp(sizes.width, sizes.mlp)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Backbone(nn.Module):
    """A vision transformer over the 16 x 12 patches of a crop's middle."""

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + N_PATCHES, sizes.width))
        self.patch_embed = _PatchEmbedding(sizes.width)
        self.blocks = nn.ModuleList(_Block(sizes) for _ in range(sizes.depth))
        self.last_norm = nn.LayerNorm(sizes.width, eps=_BACKBONE_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Describe patches.

        Parameters
        ----------
        x : Tensor (B, 3, 256, 192)
            Normalised colours.

        Returns
        -------
        Tensor (B, N, C)
            Row by row.
        """
        x = self.patch_embed(x) + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.last_norm(x)
        return out


class _SelfAttention(nn.Module):
    """Attention of one token to itself: its values pass unweighted."""

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(sizes.token, 3 * sizes.head_inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(sizes.head_inner, sizes.token))

    def forward(self, token: Tensor, _patches: Tensor) -> Tensor:
        values = functional.linear(token, self.to_qkv.weight.chunk(3)[2])
        out: Tensor = self.to_out(values)
        return out


class _CrossAttention(nn.Module):
    """Attention of one token to the patches.

    With a single query the patches need no keys and values of their own: the query is taken
    back to the patches' space, and the values are made of the weighted mean patch. This is
    the same sum in another order, for a fiftieth of the arithmetic.
    """

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.heads = sizes.head_heads
        self.each = sizes.head_inner // sizes.head_heads
        self.to_kv = nn.Linear(sizes.width, 2 * sizes.head_inner, bias=False)
        self.to_q = nn.Linear(sizes.token, sizes.head_inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(sizes.head_inner, sizes.token))

    def forward(self, token: Tensor, patches: Tensor) -> Tensor:
        # h heads, d numbers each
        wide = self.to_kv.in_features
        to_keys, to_values = self.to_kv.weight.view(2, self.heads, self.each, wide)
        query = self.to_q(token).view(len(token), self.heads, self.each)
        sought = torch.einsum("bhd,hdc->bhc", query, to_keys) / math.sqrt(self.each)
        weights = (sought @ patches.transpose(1, 2)).softmax(dim=-1)
        seen = torch.einsum("bhc,hdc->bhd", weights @ patches, to_values)
        out: Tensor = self.to_out(seen.flatten(1))
        return out


class _FeedForward(nn.Module):
    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        # the official list holds dropouts at 2 and 4
        self.net = nn.Sequential(
            nn.Linear(sizes.token, sizes.head_mlp),
            nn.GELU(),
            nn.Identity(),
            nn.Linear(sizes.head_mlp, sizes.token),
        )

    def forward(self, token: Tensor, _patches: Tensor) -> Tensor:
        out: Tensor = self.net(token)
        return out


class _Normed(nn.Module):
    def __init__(self, token: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(token)
        self.fn = fn

    def forward(self, token: Tensor, patches: Tensor) -> Tensor:
        out: Tensor = self.fn(self.norm(token), patches)
        return out


class _Layers(nn.Module):
    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        parts = (_SelfAttention, _CrossAttention, _FeedForward)
        self.layers = nn.ModuleList(
            nn.ModuleList(_Normed(sizes.token, part(sizes)) for part in parts)
            for _ in range(sizes.head_depth)
        )


class _Decoder(nn.Module):
    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, 1, sizes.token))
        self.to_token_embedding = nn.Linear(1, sizes.token)
        self.transformer = _Layers(sizes)

    def forward(self, patches: Tensor) -> Tensor:
        # the query's input is the number 0, so that the embedding's weight has no effect
        token = self.to_token_embedding.bias + self.pos_embedding[0]
        token = token.expand(len(patches), -1)
        for layer in self.transformer.layers:
            for part in layer.children():
                token = token + part(token, patches)
        return token


class SkelHead(nn.Module):
    """A decoder that asks the patches for pose, shape and camera at once."""

    init_poses: Tensor
    init_betas: Tensor
    init_cam: Tensor

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.transformer = _Decoder(sizes)
        self.poses_decoder = nn.Linear(sizes.token, N_NUMBERS)
        self.betas_decoder = nn.Linear(sizes.token, N_BETAS)
        self.cam_decoder = nn.Linear(sizes.token, 3)
        self.register_buffer("init_poses", torch.empty(1, N_NUMBERS))
        self.register_buffer("init_betas", torch.empty(1, N_BETAS))
        self.register_buffer("init_cam", torch.empty(1, 3))

    def forward(self, patches: Tensor) -> HeadOutput:
        """Read pose, shape and camera off the patches (B, N, C)."""
        token = self.transformer(patches)
        return HeadOutput(
            numbers=self.init_poses + self.poses_decoder(token),
            betas=self.init_betas + self.betas_decoder(token),
            camera=self.init_cam + self.cam_decoder(token),
        )


class HsmrNetwork(nn.Module):
    """Backbone and head; made by `from_state` or `random`.

    Parameters
    ----------
    sizes : NetworkSizes
        How large it is.
    """

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.backbone = Backbone(sizes)
        self.head = SkelHead(sizes)

    def forward(self, x: Tensor) -> HeadOutput:
        """Estimate from normalised crops (B, 3, 256, 256); 32 columns a side are not looked at.

        Returns
        -------
        HeadOutput
            Numbers of the head; `rotations.angles` makes angles of them.
        """
        out: HeadOutput = self.head(self.patches(x))
        return out

    def patches(self, x: Tensor) -> Tensor:
        """Describe the patches (B, N, C) of normalised crops (B, 3, 256, 256)."""
        out: Tensor = self.backbone(x[..., SIDE_MARGIN_PX : CROP_PX - SIDE_MARGIN_PX])
        return out

    @classmethod
    def from_state(
        cls, state: Mapping[str, Tensor], heads: AttentionHeads | None = None
    ) -> HsmrNetwork:
        """Build a network of the sizes of some weights and load them.

        Parameters
        ----------
        state : mapping of str to Tensor
            Exactly the `backbone.` and `head.` keys of a checkpoint.
        heads : AttentionHeads, optional
            Those of the release if not given.

        Returns
        -------
        HsmrNetwork
            float32, for inference, on the tensors' device; it holds the float32 tensors given.

        Raises
        ------
        DataError
            A key is missing or unknown, or a tensor has a wrong shape, type or number in it.
        """
        sizes = _sizes_of(state, heads or AttentionHeads())
        with torch.device("meta"):
            network = cls(sizes)
        _check_state(network, state)
        network.load_state_dict({k: v.float() for k, v in state.items()}, assign=True)
        return network.eval().requires_grad_(False)

    @classmethod
    def random(
        cls,
        sizes: NetworkSizes | None = None,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> HsmrNetwork:
        """Build a network of random weights, for measuring speed and rounding.

        Parameters
        ----------
        sizes : NetworkSizes, optional
            Those of the release if not given.
        seed : int
            The same one gives the same weights on the same kind of device.
        device : device or str
            Where the weights are drawn.

        Returns
        -------
        HsmrNetwork
            For inference. Matrices are drawn so that each layer keeps its numbers' size; the
            mean pose is SKEL's T-pose.
        """
        with torch.device("meta"):
            network = cls(sizes or NetworkSizes())
        network.to_empty(device=device)
        generator = torch.Generator(device=device).manual_seed(seed)
        for name, weight in network.state_dict().items():
            _draw(name, weight, generator)
        return network.eval().requires_grad_(False)


def _draw(name: str, weight: Tensor, generator: torch.Generator) -> None:
    if name == "head.init_poses":
        t_pose = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], device=weight.device)
        weight.copy_(t_pose.repeat(weight.shape[1] // len(t_pose))[None])
    elif "norm" in name:
        weight.fill_(1.0 if name.endswith("weight") else 0.0)
    elif name.endswith("weight"):
        fan_in = weight[0].numel()
        weight.normal_(0.0, fan_in**-0.5, generator=generator)
    else:
        weight.normal_(0.0, 0.02, generator=generator)


def _sizes_of(state: Mapping[str, Tensor], heads: AttentionHeads) -> NetworkSizes:
    layers = "head.transformer.transformer.layers"

    def shape(key: str, dimensions: int) -> torch.Size:
        if key not in state:
            raise DataError("is missing in the weights", where=key, next_step=_NEXT_STEP)
        if state[key].ndim != dimensions:
            cause = f"has shape {tuple(state[key].shape)}, needs {dimensions} dimensions"
            raise DataError(cause, where=key, next_step=_NEXT_STEP)
        return state[key].shape

    sizes = NetworkSizes(
        width=shape("backbone.pos_embed", 3)[2],
        depth=_count(state, "backbone.blocks"),
        heads=heads.backbone,
        mlp=shape("backbone.blocks.0.mlp.fc1.weight", 2)[0],
        token=shape("head.transformer.pos_embedding", 3)[2],
        head_depth=_count(state, layers),
        head_heads=heads.head,
        head_inner=shape(f"{layers}.0.1.fn.to_q.weight", 2)[0],
        head_mlp=shape(f"{layers}.0.2.fn.net.0.weight", 2)[0],
    )
    for part, wide, count in (
        ("backbone", sizes.width, sizes.heads),
        ("head", sizes.head_inner, sizes.head_heads),
    ):
        if wide < 1 or wide % count:
            cause = f"{wide} numbers do not split into {count} attention heads"
            raise DataError(cause, where=part, next_step=_NEXT_STEP)
    return sizes


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    parts = (key[len(prefix) + 1 :].split(".")[0] for key in state if key.startswith(prefix + "."))
    return len(set(parts))


def _check_state(network: HsmrNetwork, state: Mapping[str, Tensor]) -> None:
    wanted = network.state_dict()
    for cause, keys in (
        ("is missing in the weights", sorted(wanted.keys() - state.keys())),
        ("is no part of the network", sorted(state.keys() - wanted.keys())),
    ):
        if keys:
            more = f" ({len(keys)} such keys in all)" if len(keys) > 1 else ""
            raise DataError(cause + more, where=keys[0], next_step=_NEXT_STEP)
    for key, weight in state.items():
        if weight.shape != wanted[key].shape:
            cause = f"has shape {tuple(weight.shape)}, needs {tuple(wanted[key].shape)}"
        elif not weight.is_floating_point():
            cause = f"holds {weight.dtype}, needs floating numbers"
        elif not bool(torch.isfinite(weight).all()):
            cause = "holds numbers that are not finite"
        else:
            continue
        raise DataError(cause, where=key, next_step=_NEXT_STEP)
