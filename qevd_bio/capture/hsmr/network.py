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
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from qevd_bio.capture.hsmr.rotations import N_NUMBERS
from qevd_bio.errors import DataError
from qevd_bio.weights.contents import layout_issues, listed
from qevd_bio.weights.hsmr_shapes import (
    OFFICIAL_HEADS,
    AttentionHeads,
    HsmrSize,
    check_heads,
    expected_shapes,
    size_of,
)

CROP_PX = 256
PATCH_PX = 16
_PADDING_PX = 2
ROWS, COLUMNS = 16, 12
N_PATCHES = ROWS * COLUMNS
SIDE_MARGIN_PX = (CROP_PX - COLUMNS * PATCH_PX) // 2
N_BETAS = 10

_BACKBONE_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """What the head gives for B crops, all float32.

    numbers (B, 144): six for each of 24 joints; betas (B, 10): shape; camera (B, 3): scale and
    shift (s, tx, ty) of the crop's camera.
    """

    numbers: Tensor
    betas: Tensor
    camera: Tensor


class _PatchEmbedding(nn.Module):
    """A convolution with windows that do not overlap, computed as one product.

    A torch convolution would round to TF32 on a GPU even in single precision.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH_PX, stride=PATCH_PX, padding=_PADDING_PX)

    def forward(self, x: Tensor) -> Tensor:
        # the padding at the far ends is never reached, and as much of the picture is not either
        shifted = functional.pad(x, (_PADDING_PX, -_PADDING_PX) * 2)
        cut = shifted.reshape(len(x), 3, ROWS, PATCH_PX, COLUMNS, PATCH_PX)
        patches = cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        return functional.linear(patches, self.proj.weight.flatten(1), self.proj.bias)


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
        return cast("Tensor", self.proj(mixed.transpose(1, 2).flatten(2)))


class _Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.fc2(functional.gelu(self.fc1(x))))


class _Block(nn.Module):
    def __init__(self, size: HsmrSize, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(size.width, eps=_BACKBONE_EPS)
        self.attn = _Attention(size.width, heads)
        self.norm2 = nn.LayerNorm(size.width, eps=_BACKBONE_EPS)
        self.mlp = _Mlp(size.width, size.hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return cast("Tensor", x + self.mlp(self.norm2(x)))


class Backbone(nn.Module):
    """A vision transformer over the 16 x 12 patches of a crop's middle."""

    def __init__(self, size: HsmrSize, heads: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + N_PATCHES, size.width))
        self.patch_embed = _PatchEmbedding(size.width)
        self.blocks = nn.ModuleList(_Block(size, heads) for _ in range(size.depth))
        self.last_norm = nn.LayerNorm(size.width, eps=_BACKBONE_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Describe patches (B, N, C), row by row, of normalised colours (B, 3, 256, 192)."""
        x = self.patch_embed(x) + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            x = block(x)
        return cast("Tensor", self.last_norm(x))


class _SelfAttention(nn.Module):
    """Attention of one token to itself: its values pass unweighted."""

    def __init__(self, size: HsmrSize) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(size.token_width, 3 * size.inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(size.inner, size.token_width))

    def forward(self, token: Tensor, _patches: Tensor) -> Tensor:
        values = functional.linear(token, self.to_qkv.weight.chunk(3)[2])
        return cast("Tensor", self.to_out(values))


class _CrossAttention(nn.Module):
    """Attention of one token to the patches.

    With a single query the patches need no keys and values of their own: the query is taken
    back to the patches' space, and the values are made of the weighted mean patch. This is
    the same sum in another order, for a fiftieth of the arithmetic.
    """

    def __init__(self, size: HsmrSize, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.each = size.inner // heads
        self.to_kv = nn.Linear(size.width, 2 * size.inner, bias=False)
        self.to_q = nn.Linear(size.token_width, size.inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(size.inner, size.token_width))

    def forward(self, token: Tensor, patches: Tensor) -> Tensor:
        # h heads, d numbers each
        wide = self.to_kv.in_features
        to_keys, to_values = self.to_kv.weight.view(2, self.heads, self.each, wide)
        query = self.to_q(token).view(len(token), self.heads, self.each)
        sought = torch.einsum("bhd,hdc->bhc", query, to_keys) / math.sqrt(self.each)
        weights = (sought @ patches.transpose(1, 2)).softmax(dim=-1)
        seen = torch.einsum("bhc,hdc->bhd", weights @ patches, to_values)
        return cast("Tensor", self.to_out(seen.flatten(1)))


class _FeedForward(nn.Module):
    def __init__(self, size: HsmrSize) -> None:
        super().__init__()
        # the official list holds dropouts at 2 and 4
        self.net = nn.Sequential(
            nn.Linear(size.token_width, size.head_hidden),
            nn.GELU(),
            nn.Identity(),
            nn.Linear(size.head_hidden, size.token_width),
        )

    def forward(self, token: Tensor, _patches: Tensor) -> Tensor:
        return cast("Tensor", self.net(token))


class _Normed(nn.Module):
    def __init__(self, token: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(token)
        self.fn = fn

    def forward(self, token: Tensor, patches: Tensor) -> Tensor:
        return cast("Tensor", self.fn(self.norm(token), patches))


class _Layers(nn.Module):
    def __init__(self, size: HsmrSize, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                _Normed(size.token_width, part)
                for part in (
                    _SelfAttention(size), _CrossAttention(size, heads), _FeedForward(size)
                )
            )
            for _ in range(size.layers)
        )  # fmt: skip


class Decoder(nn.Module):
    """One query token that reads the patches layer by layer."""

    def __init__(self, size: HsmrSize, heads: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, 1, size.token_width))
        self.to_token_embedding = nn.Linear(1, size.token_width)
        self.transformer = _Layers(size, heads)

    def forward(self, patches: Tensor) -> Tensor:
        """Read a token (B, W) off the patches (B, N, C)."""
        # the query's input is the number 0, so that the embedding's weight has no effect
        token = self.to_token_embedding.bias + self.pos_embedding[0]
        token = token.expand(len(patches), -1)
        for layer in self.transformer.layers:
            for part in layer.children():
                token = token + part(token, patches)
        return token


class SkelHead(nn.Module):
    """A decoder that reads pose, shape and camera off the patches at once."""

    init_poses: Tensor
    init_betas: Tensor
    init_cam: Tensor

    def __init__(self, size: HsmrSize, heads: int) -> None:
        super().__init__()
        self.transformer = Decoder(size, heads)
        self.poses_decoder = nn.Linear(size.token_width, N_NUMBERS)
        self.betas_decoder = nn.Linear(size.token_width, N_BETAS)
        self.cam_decoder = nn.Linear(size.token_width, 3)
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
    """Backbone and head; made by `from_state`."""

    def __init__(self, size: HsmrSize, heads: AttentionHeads = OFFICIAL_HEADS) -> None:
        super().__init__()
        self.size, self.heads = size, heads
        self.backbone = Backbone(size, heads.backbone)
        self.head = SkelHead(size, heads.head)

    def forward(self, x: Tensor) -> HeadOutput:
        """Estimate from normalised crops (B, 3, 256, 256); 32 columns a side are not used.

        `rotations.angles` makes angles of the numbers of the head.
        """
        return cast("HeadOutput", self.head(self.patches(x)))

    def patches(self, x: Tensor) -> Tensor:
        """Describe the patches (B, N, C) of normalised crops (B, 3, 256, 256)."""
        return cast("Tensor", self.backbone(x[..., SIDE_MARGIN_PX : CROP_PX - SIDE_MARGIN_PX]))

    @classmethod
    def from_state(
        cls, state: Mapping[str, Tensor], heads: AttentionHeads = OFFICIAL_HEADS
    ) -> HsmrNetwork:
        """Build a network of the size of some weights and load them.

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
            As `checked_size`.
        """
        size = checked_size(state, heads)
        with torch.device("meta"):
            network = cls(size, heads)
        network.load_state_dict({k: v.float() for k, v in state.items()}, assign=True)
        return network.eval().requires_grad_(False)


def checked_size(state: Mapping[str, Tensor], heads: AttentionHeads) -> HsmrSize:
    """Read the size of a network off its weights, and check them key by key.

    Raises
    ------
    DataError
        A key is missing or unknown, a tensor has a wrong shape, type or number in it, or the
        heads do not fit.
    """
    size = size_of({key: tuple(weight.shape) for key, weight in state.items()})
    kinds = {key: "float" if value.is_floating_point() else str(value.dtype)
             for key, value in state.items()}  # fmt: skip
    found = {key: (kinds[key], tuple(value.shape)) for key, value in state.items()}
    issues = layout_issues(
        found, {key: ("float", shape) for key, shape in expected_shapes(size).items()}
    )
    if not issues:
        broken = [key for key, value in state.items() if not bool(torch.isfinite(value).all())]
        issues = [f"holds NaN or inf in {key}" for key in sorted(broken)]
    try:
        check_heads(heads, size)
    except ValueError as error:
        issues.append(str(error))
    if issues:
        raise DataError(
            listed(issues),
            where="HSMR's weights",
            next_step="Import the checkpoint of the HSMR release again, or give its heads",
        )
    return size
